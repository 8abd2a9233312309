"""Fixtures of this room: a govd in this process whose clips say what they sound like."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.govd.voice.phrases.chats import Chat
from tests.support.clocks import see_step
from tests.support.upstream import Upstream
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


@pytest.fixture(scope="module")
def enrolled(voice_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owner is enrolled, to be copied."""
    root = tmp_path_factory.mktemp("phrasing") / "house"
    shutil.copytree(voice_state, root)
    house = VoiceHouse(root, agents=())
    house.enroll("owner")
    house.enroll("guest")
    house.close()
    return root


@pytest.fixture
def chat(enrolled: Path, tmp_path: Path) -> Iterator[Chat]:
    """The chat, whose policy takes no phrase for an approval."""
    root = tmp_path / "house"
    shutil.copytree(enrolled, root)
    with Upstream() as upstream:
        settings = root / "state" / "govd.toml"
        settings.write_text(f'{settings.read_text()}\ntranscription_url = "{upstream.url}"\n')
        house = VoiceHouse(root)
        see_step(house.govd.clock)  # the state was founded by the wall
        made = Chat(house, upstream)
        made.policy()
        yield made
        house.close()
