"""What is decided again, under another policy or past a cap, is decided with all that the service knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from govd.contract.decisions import Finding, Outcome
from govd.contract.errors import ReviewStaleError
from govd.contract.intents import Submission
from govd.contract.jobs import JobDetail
from govd.policy.model import ReasonCode
from tests.fault.house import POLICIES, House, found_state, load_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_hold_that_the_clock_made_says_so_after_the_policy_changed_too(tmp_path: Path):
    house = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    try:
        house.step(600)
        body = {"kind": "tool_call", "action": {"tool": "search.web", "arguments": {}}}
        held = house.submit("ada", body)
        first = house.show(held.job)
        assert held.decision.outcome is Outcome.PENDING

        house.apply(POLICIES["loose"])
        assert house.vote(first, "approve") is None, "it was decided again instead"
        again = house.show(held.job).hold.intents[0].decision

        assert again.outcome is Outcome.PENDING
        assert ReasonCode.CLOCK_STEPPED in [finding.code for finding in again.findings]
    finally:
        house.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A govd with small caps, an agent and an operator."""
    found = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    yield found
    found.close()


def pay(amount: str) -> dict[str, object]:
    arguments = {"amount": amount, "currency": "USD"}
    return {"kind": "tool_call", "action": {"tool": "pay.bank", "arguments": arguments}}


def used(detail: JobDetail) -> list[str]:
    assert detail.hold is not None
    findings = [finding for item in detail.hold.intents for finding in item.decision.findings]
    return [finding.gauge.used for finding in findings if finding.gauge is not None]


def test_an_overrun_that_others_have_outgrown_is_shown_with_the_figures_of_now_and_can_be_approved(
    house: House,
):
    """Two payments over a cap are held; the first is approved, and the second one's figures are old."""
    first, second = (house.submit("ada", pay("150")) for _ in range(2))
    shown = house.show(second.job)
    assert isinstance(house.vote(house.show(first.job), "approve"), JobDetail)
    before = used(shown)

    assert house.vote(shown, "approve") is None, "it was decided again instead"
    again = house.show(second.job)

    assert used(again) != before
    assert isinstance(house.vote(again, "approve"), JobDetail)


def test_a_vote_that_permits_too_little_of_what_it_was_shown_changes_nothing(house: House):
    """A vote that is too low must not make the votes of others lapse."""
    held = house.submit("ada", pay("150"))
    shown = house.show(held.job)

    assert isinstance(house.vote(shown, "approve", permits=[]), ReviewStaleError)
    assert house.show(held.job) == shown


def test_what_a_room_found_when_it_asked_in_an_agents_name_is_found_again_under_another_policy(house: House):
    finding = Finding(
        block="voice",
        rule="voice.enroll",
        code=ReasonCode.VOICE_ENROLMENT.value,
        outcome=Outcome.PENDING,
        message="an agent asks for it: whose voice is known here, a person settles",
    )
    body = Submission.model_validate({"kind": "tool_call", "action": {"tool": "search.web", "arguments": {}}})
    work = house.govd.decisions.submit_own(house.agents["ada"], body, (finding,))
    held = house.do(work)
    first = house.show(held.job)
    house.apply(POLICIES["loose"])

    assert house.vote(first, "approve") is None, "it was decided again instead"
    again = house.show(held.job).hold.intents[0].decision

    assert finding in again.findings
    assert again.outcome is Outcome.PENDING
