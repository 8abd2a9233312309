"""What is remembered of clips: bounded for each voice, and nobody pushes another's out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from govd.voice.model import Heard
from govd.voice.replays import Replays

if TYPE_CHECKING:
    from tests.support.voices import VoiceHouse

FEW = 3


def heard(name: str) -> Heard:
    digest = hashlib.sha256(name.encode())
    return Heard(None, b"", None, digest.hexdigest(), digest.digest(), b"")  # type: ignore[arg-type]  # not looked at


def test_the_newest_clips_of_each_voice_are_remembered(house: VoiceHouse):
    ledger = house.govd.ledger
    replays = Replays(4, house.govd.state_key.mac, FEW)

    def remember(name: str, whose: str) -> None:
        ledger.submit(lambda t: replays.remember(t, heard(name), whose)).result()

    remember("the owner's note", "speaker:owner")
    for number in range(FEW + 2):
        remember(f"sent {number}", "agent:bot")

    again = Replays(4, house.govd.state_key.mac, FEW)
    for found in (replays, again):
        known = {
            name: ledger.read(lambda c, n=name, r=found: r.known(c, heard(n))[0])
            for name in ("the owner's note", "never", *(f"sent {number}" for number in range(FEW + 2)))
        }
        assert known["the owner's note"]
        assert not known["never"]
        assert all(known[f"sent {number}"] for number in (2, 3, 4))
    assert not known["sent 0"]
    assert not known["sent 1"]
