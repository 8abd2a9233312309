"""Fixtures over real processes, for a conftest: `from tests.support.fixtures import govd_at`."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.support.govd_process import GovdProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Tests share two cores with servers that they start: how long an example takes says nothing.
# The same examples on every run: what is taken into main does not hang on chance. `make soak` looks further.
hypothesis.settings.register_profile("house", deadline=None, derandomize="GOV_SOAK_MINUTES" not in os.environ)
hypothesis.settings.load_profile("house")


@pytest.fixture
def govd_at(tmp_path: Path) -> Iterator[Callable[..., GovdProcess]]:
    """Start a govd on a fresh state: `govd_at(policy=…)`. All of them are gone at the end of the test."""
    with contextlib.ExitStack() as stack:
        started = 0

        def start(**options: Any) -> GovdProcess:
            nonlocal started
            started += 1
            root = tmp_path / f"govd{started}"
            root.mkdir(mode=0o700)
            return stack.enter_context(GovdProcess(root, **options))

        yield start


@pytest.fixture
def running(govd_at: Callable[..., GovdProcess]) -> GovdProcess:
    """A govd with the policy that it brings."""
    return govd_at()
