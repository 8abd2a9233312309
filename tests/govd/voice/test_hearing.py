"""Room for clips: nobody takes all of it, one clip at a time is looked at for each, and models do not mix."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

import pytest

from govd.contract.errors import QuotaError, VoiceUnavailableError
from govd.identities.model import Identity
from govd.sealing import StateKey
from govd.voice.enrollment.requests import MAX_WAITING_BYTES
from govd.voice.hearing import Hearing
from govd.voice.lanes import MOST, MOST_OF_ONE, Lane
from tests.support.operator import answer
from tests.support.voices import OTHER_MODEL, FakeEncoder, FakeIntake, clip

if TYPE_CHECKING:
    import httpx

    from tests.support.voices import VoiceHouse


@pytest.mark.threat("T18")
def test_an_identity_has_two_clips_under_way_and_all_together_a_dozen():
    """An agent sends clips until nobody else's are received."""
    lane = Lane("test", gone=0)
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_OF_ONE):
            stack.enter_context(lane.place("bot"))
        with pytest.raises(QuotaError), lane.place("bot"):
            pass
        for number in range(MOST - MOST_OF_ONE):
            stack.enter_context(lane.place(f"agent{number}"))
        with pytest.raises(QuotaError), lane.place("late"):
            pass
    with lane.place("bot"):
        pass


@pytest.mark.threat("T18")
async def test_of_one_identity_one_clip_is_looked_at_while_others_go_on():
    """An agent's clips occupy every thread, and another agent waits for all of them."""
    lane, gate, order = Lane("test", gone=0), threading.Event(), list[str]()

    def slow() -> None:
        gate.wait(30)
        order.append("slow")

    first = asyncio.create_task(lane.run("bot", slow))
    second = asyncio.create_task(lane.run("bot", lambda: order.append("second")))
    third = asyncio.create_task(lane.run("bot", lambda: order.append("third")))
    await lane.run("other", lambda: order.append("other"))
    gate.set()
    await asyncio.gather(first, second, third)
    lane.close()

    assert order == ["other", "slow", "second", "third"]


def test_a_model_that_is_changed_while_a_clip_is_heard_gives_no_embedding():
    class Swapping(FakeEncoder):
        def embed(self, pcm: bytes) -> bytes:
            found = super().embed(pcm)
            self.model = OTHER_MODEL
            return found

    hearing = Hearing(FakeIntake(), Swapping(), StateKey(bytes(32)))

    with pytest.raises(VoiceUnavailableError):
        hearing.listen(clip("owner"))


@pytest.mark.threat("T18")
def test_what_waits_of_one_agent_is_bounded(house: VoiceHouse):
    """An agent fills the database with samples of names that it makes up."""

    def sent(name: str, agent: str = "bot") -> httpx.Response:
        # Half of it waits, as 16 bits a sample; too short to be cut into halves.
        data = clip(name, agent, net=5.0, padding=MAX_WAITING_BYTES // 2)
        return house.agent(agent).send("/enroll", data, name=name)

    for number in range(3):
        assert sent(f"guest{number}").status_code == 202
    refused = sent("guest3")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "600")
    assert sent("guest4", "other").status_code == 202


def test_who_leaves_leaves_neither_a_session_nor_a_voice_of_his_own(house: VoiceHouse):
    house.enroll("ana", mine=True)
    answer(house.operator().send("/v1/voice/step-up", clip("ana", 1)))
    answer(house.verify(clip("ana", 2)))
    now = house.govd.clock.now()

    for kind, name in (("operator", "ana"), ("agent", "bot")):
        gone = Identity(kind=kind, name=name, state="removed", created_at=now)  # type: ignore[arg-type]  # a kind
        house.govd.ledger.submit(lambda t, gone=gone: house.govd.voices.identity_left(t, gone)).result()

    assert house.picture()["sessions"] == []
    assert house.picture()["speakers"][0]["operator"] is None
    assert house.operator().send("/v1/voice/step-up", clip("ana", 3)).status_code == 409
