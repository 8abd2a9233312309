"""Where the pictures of voices are taken: a made-up door, for models and microphones differ each time.

The queue's pictures are of a real govd (ADR 12); here a clip is worth what the scene says it is.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from govconsole.paths import Operator as Owner
from govconsole.paths import socket_path
from govconsole.session import Session
from govd.contract import votekey
from tests.govconsole import fake_voices
from tests.govconsole.fake_backend import TOKEN, FakeBackend
from tests.govconsole.studio import ScriptedStudio, silence, tone
from tests.support.govd_process import PASSPHRASE
from tests.tools.pictures.stage import START, StillClock

if TYPE_CHECKING:
    from govd.contract.voice import SpeakerView

OPERATOR: Final = "op-1"
_FIRST_ID: Final = "019f0000-0000-7000-8000-00000000"


class Place:
    """What a scene asks a backend for."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def log(self) -> str:
        """It writes none."""
        return ""


class VoiceStage:
    """A door with voices behind it, an operator before it, and a clock that stands still."""

    def __init__(self) -> None:
        self.clock = StillClock()
        self.jobs: dict[str, str] = {}
        self._open = ExitStack()
        self._ids = 0

    def __enter__(self) -> Self:
        folder = self._open.enter_context(tempfile.TemporaryDirectory(prefix="gov-"))
        self.govd = Place(Path(folder))
        door = socket_path(self.govd.root / "state")
        door.parent.mkdir(parents=True)
        (self.govd.root / "operator").mkdir(mode=0o700)
        token, key = self.govd.root / "operator" / f"{OPERATOR}.token", votekey.generate()
        token.touch(mode=0o600)
        token.write_text(TOKEN)
        votekey.write(token.with_suffix(".key"), key, PASSPHRASE, rounds=1)
        public = votekey.public_text(key)
        self.backend = self._open.enter_context(FakeBackend(door, public, operator=OPERATOR))
        self.voices = self.backend.voices
        self.voices.name_page = self.new_id
        self.voices.speakers = self._people()
        self._others()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def new_id(self) -> str:
        """The next id, the same each time."""
        self._ids += 1
        return f"{_FIRST_ID}{self._ids:04x}"

    def session(self) -> Session:
        """A session of the operator."""
        return Session.open(Owner(OPERATOR, self.govd.root / "operator"), Path("state"), self.clock)

    @staticmethod
    def studio() -> ScriptedStudio:
        """A microphone that hears somebody speak, with pauses."""
        words = (0.6, 0.35, 0.9, 0.5, 0.7, 0.45, 0.8)
        heard = silence(0.15)
        for place, length in enumerate(words):
            heard += silence(0.25) + tone(length, amplitude=3500.0 + 900.0 * (place % 3))
        return ScriptedStudio({"microphone of this machine: USB audio": heard})

    def _people(self) -> list[SpeakerView]:
        seen = START - timedelta(minutes=18)
        return [
            fake_voices.speaker("op-1", operator=OPERATOR, last_verified_at=seen, agreement=0.83),
            fake_voices.speaker(
                "owner", admin=True, samples=8, net_seconds=61.0, agreement=0.79, last_verified_at=seen
            ),
            fake_voices.speaker("night-shift", samples=5, net_seconds=31.0, agreement=0.74),
            fake_voices.speaker("visitor", stale=True, model="titanet-large", agreement=0.81),
        ]

    def _others(self) -> None:
        self.voices.waiting = [
            fake_voices.waiting("owner", id=self.new_id(), job=self.new_id(), seconds=5.1, net_seconds=4.4),
            fake_voices.waiting("owner", id=self.new_id(), job=self.new_id(), heard=True),
        ]
        self.voices.sessions = [
            fake_voices.standing("owner", id=self.new_id()),
            fake_voices.standing("op-1", id=self.new_id(), agent=None, chat="", operator=OPERATOR),
        ]
        self.voices.locks = [fake_voices.lock()]
        self.voices.until = START + timedelta(minutes=102)
