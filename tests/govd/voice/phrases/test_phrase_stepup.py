"""An operator's step-up that says a fresh phrase."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.operator import answer
from tests.support.voices import VoiceHouse, clip

if TYPE_CHECKING:
    import httpx


from tests.govd.voice.phrases.chats import Chat, refused


def own(chat: Chat, **settings: object) -> VoiceHouse:
    """The operator's own voice is enrolled, with these settings beside those that are there."""
    house = chat.house
    path = house.root / "state" / "govd.toml"
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    path.write_text(f"{path.read_text()}\n{lines}")
    house.govd.reload()
    house.enroll("ana", mine=True)
    return house


def stepped(house: VoiceHouse, take: object) -> httpx.Response:
    return house.operator().send("/v1/voice/step-up", clip("ana", take))


def test_a_step_up_says_its_phrase_once(chat: Chat):
    house = own(chat, step_up_phrase=True)
    assert house.picture()["step_up_phrase"]
    body = refused(stepped(house, 1), 409, "conflict", "no phrase of yours stands")
    assert body["hint"] == "govconsole voices phrase"

    given = answer(house.operator().ask("POST", "/v1/voice/step-up/phrase"))
    chat.upstream.says("I said something else altogether")
    missed = answer(stepped(house, 2))
    assert (missed["verified"], "not the phrase" in missed["message"]) == (False, True)
    chat.upstream.says(given["phrase"])
    refused(stepped(house, 3), 409, "conflict", "no phrase of yours stands")

    given = answer(house.operator().ask("POST", "/v1/voice/step-up/phrase"))
    assert (given["job"], given["intents"], len(given["phrase"].split())) == (None, [], 6)
    chat.upstream.says(given["phrase"])
    assert not answer(stepped(house, 2))["verified"], "the recording was judged before"
    given = answer(house.operator().ask("POST", "/v1/voice/step-up/phrase"))
    chat.upstream.says(given["phrase"])
    assert answer(stepped(house, 4))["verified"]
    assert house.events("voice.step_up_refused")[0]["details"]["code"] == "phrase"
    assert chat.faults() == []


def test_a_step_up_without_a_phrase_asks_for_none(chat: Chat):
    house = own(chat)
    refused(house.operator().ask("POST", "/v1/voice/step-up/phrase"), 409, "conflict", "no phrase here")
    assert answer(stepped(house, 1))["verified"]
    assert chat.upstream.asked == []
