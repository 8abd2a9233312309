"""What a test needs of the machine. Missing means a skip by name, or a failure under GOV_NO_SKIP=1."""

from __future__ import annotations

import os
import shutil

import pytest


def skip(why: str) -> None:
    """Skip with that reason, or fail where nothing may be skipped."""
    if os.environ.get("GOV_NO_SKIP") == "1":
        pytest.fail(f"GOV_NO_SKIP=1, and {why}")
    pytest.skip(why)


def program(name: str) -> str:
    """The path of a program that the test runs."""
    found = shutil.which(name)
    if found is None:
        skip(f"{name} is not installed")
    return str(found)


def root() -> None:
    """The test starts processes as other users."""
    if os.geteuid() != 0:
        skip("only root can start a process as another user")
