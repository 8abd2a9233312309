"""The demo's policy, and what its agents ask for under it: some at once, some held, some never."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from govconsole.demo import stage
from govd.contract.decisions import Outcome
from govd.contract.intents import Submission, intent_sha256
from govd.ids import new_id
from govd.intents.model import Declared
from govd.policy.loading import load
from govd.policy.model import CompiledPolicy, Facts
from govd.policy.rules import bookings, evaluate
from govdemo import content
from govdemo.crowd_content import asks

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HELD, RUNS, NEVER = Outcome.PENDING, Outcome.APPROVED, Outcome.DENIED


@pytest.fixture(scope="module")
def policy() -> CompiledPolicy:
    return load(Path(stage.__file__).with_name("policy.yaml").read_bytes())


def declared(body: dict[str, object]) -> Declared:
    read = Submission.model_validate(body)
    job = new_id()
    digest = intent_sha256(agent="bot", job=job, kind=read.kind, action=read.action, inputs=[], origin="user")
    return Declared(
        id=new_id(),
        agent="bot",
        job=job,
        kind=read.kind,
        action=read.action,
        origin="user",
        intent_sha256=digest,
        purpose="",
        inputs=(),
        model=None,
        declared_capabilities=(),
    )


class Day:
    """A day with its totals: what is approved counts."""

    def __init__(self, policy: CompiledPolicy) -> None:
        self.policy = policy
        self.totals: dict[tuple[str, str, str], int] = {}

    def decide(self, body: dict[str, object]) -> Outcome:
        intent = declared(body)
        outcome = evaluate(intent, self.policy, Facts(now=NOW, totals=self.totals)).outcome
        if outcome is RUNS:
            for item in bookings(intent, self.policy, NOW):
                key = (item.cap, item.subject, item.window)
                self.totals[key] = self.totals.get(key, 0) + item.amount
        return outcome


def call(one: content.Call) -> dict[str, object]:
    return {"kind": "tool_call", "action": {"tool": one.tool, "arguments": one.arguments}}


@pytest.mark.parametrize("seed", [1, 2, 3, 2**40])
def test_the_opening_payments_run_at_once_are_held_over_a_cap_and_are_denied(policy, seed):
    day = Day(policy)
    opening = list(islice(content.payments(seed), content.OPENING_PAYMENTS))
    assert [{day.decide(call(one)) for one in errand.calls} for errand in opening] == [
        {RUNS},
        {RUNS},
        {HELD},
        {NEVER},
    ]


def test_every_mail_is_held(policy):
    day = Day(policy)
    assert {day.decide(call(one)) for errand in islice(content.mails(1), 50) for one in errand.calls} == {
        HELD
    }


def test_everything_that_a_crowd_asks_for_is_held(policy):
    day = Day(policy)
    found = [day.decide(body) for ask in asks(1, "web-bot-01", 600) for body in ask.intents]
    assert set(found) == {HELD}


def test_a_crowd_asks_for_the_same_with_the_same_seed_and_each_agent_for_something_else():
    assert list(asks(5, "web-bot-01", 40)) == list(asks(5, "web-bot-01", 40))
    assert list(asks(5, "web-bot-01", 40)) != list(asks(5, "web-bot-02", 40))
    assert list(asks(5, "web-bot-01", 40)) != list(asks(6, "web-bot-01", 40))
