"""Fixtures of this room: a govd in this process whose clips say what they sound like."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.voices import OWNED, VoiceHouse, founded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def voice_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A founded state whose policy names an owner."""
    return founded(tmp_path_factory.mktemp("voice-state"), OWNED)


@pytest.fixture
def house(voice_state: Path, tmp_path: Path) -> Iterator[VoiceHouse]:
    """A govd on a fresh copy of it."""
    shutil.copytree(voice_state, tmp_path / "house")
    made = VoiceHouse(tmp_path / "house")
    yield made
    made.close()
