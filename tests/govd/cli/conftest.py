"""Founded states: one that nobody serves, made anew where a test breaks it, and one that runs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.govd_process import GovdProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovdProcess]:
    """A govd that runs, with an agent."""
    with GovdProcess(tmp_path_factory.mktemp("served")) as govd:
        govd.agent("bot")
        yield govd


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> GovdProcess:
    """A state that was just founded; nothing may change it."""
    govd = GovdProcess(tmp_path_factory.mktemp("founded"))
    govd.init()
    return govd


@pytest.fixture
def copied(founded: GovdProcess, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], GovdProcess]:
    """Copies of it, which a test may break."""

    def copy() -> GovdProcess:
        root = tmp_path_factory.mktemp("c")
        govd = GovdProcess(root)
        for name in ("state", "operator"):
            shutil.copytree(founded.root / name, root / name)
        shutil.copy(founded.passphrase_file, govd.passphrase_file)
        return govd

    return copy
