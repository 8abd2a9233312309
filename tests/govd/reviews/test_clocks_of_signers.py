"""Signatures and clocks that are set: who signs by the wall is heard again once the step was seen (T14)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.errors import ForbiddenError, NotFoundError
from govd.contract.intents import IntentState
from tests.fault.house import POLICIES, House, found_state, load_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from govd.contract.jobs import JobDetail
    from govd.contract.votes import Verdict

HOUR = 3600.0
POST = {"kind": "tool_call", "action": {"tool": "post.note", "arguments": {}}}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A govd whose wall clock a test sets, with an operator who signs."""
    found = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    yield found
    found.close()


def wall(house: House) -> datetime:
    """What the operator's own clock shows, on the same machine."""
    return datetime.fromtimestamp(house.times.now[0], UTC)


def vote(house: House, verdict: Verdict, at: datetime) -> Any:
    """A vote of that time on something that waits."""
    detail = house.show(house.submit("ada", POST).job)
    body = house.signer.sign(detail, verdict, cast_at=at)
    done = house.do(house.govd.reviews.vote("ana", detail.id, body))
    return done if isinstance(done, ForbiddenError) else house.show(detail.id)


def unknown(house: House) -> str:
    """An action that was redeemed, and never reported on."""
    detail: JobDetail = house.show(house.submit("ada", POST).job)
    (intent,) = house.vote(detail, "approve").settled
    house.redeem(house.mint(intent.id))
    house.go_on(25 * HOUR)
    house.govd.tick()
    return str(intent.id)


def resolve(house: House, intent: str, at: datetime) -> Any:
    shown = house.govd.ledger.read(lambda connection: house.govd.afterwards.intent(connection, intent))
    assert shown.state is IntentState.UNKNOWN
    body = house.signer.signed_resolution(shown, "failed", signed_at=at)
    return house.do(house.govd.afterwards.resolve("ana", intent, body))


def stepped(house: House, seconds: float) -> None:
    """Somebody sets the wall clock, and govd notices."""
    house.step(seconds)
    house.govd.tick()
    assert "clock-step" in [alarm.kind for alarm in house.govd.alarms.standing]


def seen(house: House, seconds: float) -> None:
    """Somebody sets the wall clock, and an operator sees the alarm."""
    stepped(house, seconds)
    house.see_alarms()
    assert house.govd.clock.stepped is None


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_who_signs_by_the_wall_is_heard_once_the_step_was_seen(house: House, seconds: float):
    lost = unknown(house)

    seen(house, seconds)

    assert vote(house, "approve", wall(house)).state == "processing"
    assert resolve(house, lost, wall(house)).state is IntentState.FAILED
    assert house.apply(POLICIES["tight"]).name == "tight"


def test_who_signs_by_govds_own_time_is_heard_too(house: House):
    """A console on another machine, whose clock nobody set."""
    seen(house, -HOUR)

    assert vote(house, "approve", house.now()).state == "processing"


def test_a_step_back_that_was_seen_stays_seen_when_govd_starts_again(house: House):
    seen(house, -HOUR)
    before = house.now()

    house.restart()
    house.govd.tick()

    assert house.govd.alarms.standing == []
    assert house.now() >= before
    assert vote(house, "approve", wall(house)).state == "processing"


@pytest.mark.threat("T14")
@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_nobody_approves_by_a_clock_that_stepped_and_that_nobody_has_seen(house: House, seconds: float):
    """The clock is set to have an old approval count, or one for later: only what is signed now does."""
    lost = unknown(house)
    stepped(house, seconds)

    assert isinstance(vote(house, "approve", wall(house)), ForbiddenError)
    assert isinstance(resolve(house, lost, wall(house)), ForbiddenError)
    house.see_alarms()
    for away in (-2 * HOUR, -HOUR / 2, HOUR / 2, 2 * HOUR):
        refused = vote(house, "approve", house.now() + timedelta(seconds=away))
        assert isinstance(refused, ForbiddenError), away
        assert "by govd's clock" in refused.detail


@pytest.mark.parametrize("verdict", ["deny", "deny_with_guidance"])
@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_a_refusal_does_not_hang_on_two_clocks(house: House, seconds: float, verdict: Verdict):
    stepped(house, seconds)
    detail = house.show(house.submit("ada", POST).job)
    guidance = "less" if verdict == "deny_with_guidance" else ""
    body = house.signer.sign(detail, verdict, guidance=guidance, reason="no", cast_at=wall(house))

    assert house.do(house.govd.reviews.vote("ana", detail.id, body)) is True


@pytest.mark.threat("T11", "T14")
def test_a_signed_policy_change_is_good_once(house: House):
    """A change that was signed, applied and taken back is sent again, while its signature is still fresh."""
    loosened = house.signed_policy(POLICIES["loose"])
    house.govd.policies.apply("ana", loosened)
    house.apply(POLICIES["base"])

    with pytest.raises(ForbiddenError, match="this very signature"):
        house.govd.policies.apply("ana", loosened)

    assert house.apply(POLICIES["loose"]).name == "loose", "signed anew it is"


@pytest.mark.threat("T11", "T14")
def test_each_signed_policy_change_is_good_once_whatever_came_since(house: House):
    """A change is signed and taken back twice, and once more by an edit on disk: then both are sent again."""
    house.govd.policies.trust(disk=True)
    signed = []
    for _ in range(2):
        signed.append(house.signed_policy(POLICIES["loose"]))
        house.govd.policies.apply("ana", signed[-1])
        house.apply(POLICIES["base"])
    edit(house, "loose", "applied")
    edit(house, "base", "tightened")

    for change in signed:
        with pytest.raises(ForbiddenError, match="this very signature"):
            house.govd.policies.apply("ana", change)
        assert house.govd.policies.current.name == "base"


def edit(house: House, name: str, done: str) -> None:
    """Somebody edits the policy's file."""
    policies = house.govd.policies
    assert policies.path is not None
    policies.path.write_text(POLICIES[name], encoding="utf-8")
    assert policies.look() == done


@pytest.mark.threat("T14")
def test_seeing_a_small_step_makes_no_old_approval_count(house: House):
    """An approval was caught on its way: after a small step comes the one that would make it count."""
    detail = house.show(house.submit("ada", POST).job)
    caught = house.signer.sign(detail, "approve", cast_at=wall(house))
    house.go_on(1500)
    stepped(house, -70)
    (small,) = house.govd.alarms.standing

    house.times.step(-1430)
    house.govd.alarms.seen(small.id, "ana")

    refused = house.do(house.govd.reviews.vote("ana", detail.id, caught))
    assert isinstance(refused, ForbiddenError)
    assert house.show(detail.id).state == "held"
    house.govd.tick()
    (large,) = house.govd.alarms.standing
    assert "-1500 s" in large.message


def test_a_step_that_grew_is_told_in_place_of_the_one_before(house: House):
    stepped(house, -70)
    (small,) = house.govd.alarms.standing

    house.step(-3600)

    (large,) = house.govd.alarms.standing
    assert "-3670 s" in large.message
    with pytest.raises(NotFoundError):
        house.govd.alarms.seen(small.id, "ana")
    house.govd.tick()
    assert [alarm.id for alarm in house.govd.alarms.standing] == [large.id]
    house.see_alarms()
    assert house.govd.clock.stepped is None
