"""Another model in use: in the log, and nothing that was verified by the former one stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.operator import answer
from tests.support.voices import MODEL, OTHER_MODEL, clip

if TYPE_CHECKING:
    from tests.support.voices import VoiceHouse


def told(house: VoiceHouse) -> list[dict[str, Any]]:
    return [entry["details"] for entry in house.events("voice.model")]


def standing(house: VoiceHouse, chat: str = "") -> str:
    return str(house.agent().ask("GET", f"/v1/voice/session?chat={chat}").json()["state"])


def test_the_first_model_is_in_the_log_once(house: VoiceHouse):
    house.govd.tick()
    house.restart()
    house.govd.tick()

    assert told(house) == [
        {
            "model": "fake",
            "former": None,
            "runtime": "onnx",
            "model_sha256": MODEL.sha256,
            "threshold_millionths": 600_000,
            "sessions_ended": 0,
        }
    ]


@pytest.mark.threat("T23")
@pytest.mark.parametrize("while_down", [False, True])
def test_a_swap_ends_every_session_and_is_in_the_log(house: VoiceHouse, while_down: bool):  # noqa: FBT001 - a parameter
    """Another model is put in use, and what the former one verified stands on by other figures."""
    house.enroll("ana", mine=True)
    assert answer(house.verify(clip("ana", 1), "family"))["verified"]
    assert house.govd.voices.step_up("ana", clip("ana", 2)).verified
    assert standing(house, "family") == "verified"

    house.encoder.model = OTHER_MODEL
    if while_down:
        house.restart()
    else:
        house.govd.tick()

    assert standing(house, "family") == "expired"
    assert not house.govd.ledger.read(lambda c: house.govd.voices.stepped_up(c, "ana"))
    last = told(house)[-1]
    assert (last["model"], last["former"], last["sessions_ended"]) == ("other", "fake", 2)
    assert last["model_sha256"] == OTHER_MODEL.sha256


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"threshold": 0.7}, "expired"),
        ({"threshold": 0.5}, "expired"),
        ({"low_confidence": 0.8}, "verified"),
        ({"runtime": "nemo"}, "verified"),
        ({"id": "renamed"}, "verified"),
    ],
)
def test_what_would_judge_the_same_clip_otherwise_ends_sessions(house: VoiceHouse, change, state):
    house.enroll("owner")
    assert answer(house.verify(clip("owner", 1)))["verified"]

    house.encoder.model = MODEL.model_copy(update=change)
    house.govd.tick()

    assert standing(house) == state
    assert len(told(house)) == 2


def test_figures_that_judge_nothing_are_no_other_model(house: VoiceHouse):
    house.encoder.model = MODEL.model_copy(update={"eer": 0.01})
    house.govd.tick()

    assert len(told(house)) == 1


def test_a_session_of_the_new_model_stands_although_the_clock_ticks_after_it(house: VoiceHouse):
    house.enroll("owner")
    assert answer(house.verify(clip("owner", 1), "family"))["verified"]
    house.encoder.model = OTHER_MODEL
    house.enroll("owner", prefix="again")

    assert answer(house.verify(clip("owner", 2)))["verified"]
    house.govd.tick()

    assert (standing(house), standing(house, "family")) == ("verified", "expired")
    assert len(told(house)) == 2


def test_a_model_that_cannot_be_read_for_a_while_is_no_other(house: VoiceHouse):
    house.enroll("owner")
    assert answer(house.verify(clip("owner", 1)))["verified"]

    house.encoder.model = None
    house.govd.tick()
    house.encoder.model = MODEL
    house.govd.tick()

    assert standing(house) == "verified"
    assert len(told(house)) == 1


@pytest.mark.parametrize("name", ["7", "a" * 64, "titanet_large.v1"])
def test_whatever_a_model_is_called_the_log_takes_its_name(house: VoiceHouse, name):
    house.encoder.model = OTHER_MODEL.model_copy(update={"id": name})
    house.govd.tick()

    assert told(house)[-1]["model"] == name
