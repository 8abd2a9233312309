"""What is checked once more when an approval is about to be spent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.attestations import Redemption
from tests.fault.house import APPROVAL_TTL, House, found_state, load_key
from tests.fault.policies import timezone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.govd_process import Client, GovdProcess

POLICY = """\
version: 1
name: payments
timezone: {zone}
tools: ["pay"]
tool_calls:
  hold: ["pay"]
  allow: ["pay"]
amounts:
  pay: {{usd: arguments.{amount}, currency: arguments.currency}}
soft_limits:
  - {{name: payments-daily, metric: usd, match: {{tools: ["pay"]}}, per: agent, window: day, cap: "50"}}
"""
ACTION = {"tool": "pay", "arguments": {"amount": "10", "total": "40", "currency": "USD"}}


def payments(amount: str) -> str:
    """The policy: it counts one argument, and by a clock on which no day ends meanwhile."""
    return POLICY.format(amount=amount, zone=timezone())


def approved(govd: GovdProcess, agent: Client) -> str:
    """A payment that a person has approved."""
    held = agent.http.post("/v1/intents", json={"kind": "tool_call", "action": ACTION}).json()
    assert held["state"] == "held", held
    govd.operator().approve(held["job"])
    return str(held["id"])


def redeem(executor: Client, intent: str) -> Any:
    """Mint and spend; the answer."""
    minted = executor.http.post(f"/v1/intents/{intent}/attestation").json()
    body = {"attestation": minted["attestation"], "intent_sha256": minted["claims"]["intent_sha256"]}
    return executor.http.post("/v1/attestations/redeem", json=body)


@pytest.mark.threat("T9")
def test_an_approval_is_counted_at_the_price_of_the_policy_under_which_it_is_spent(
    govd_at: Callable[..., GovdProcess],
):
    """Two payments fit the cap as they were counted when approved, and pass it as they are counted now."""
    govd = govd_at(policy=payments("amount"))
    agent, executor = govd.agent(), govd.executor()
    first, second = approved(govd, agent), approved(govd, agent)
    dearer = govd.root / "dearer.yaml"
    dearer.write_text(payments("total"))
    govd.govd("policy", "apply", dearer, "--reason", "fees count", "--passphrase-file", govd.passphrase_file)

    assert redeem(executor, first).status_code == 200
    refused = redeem(executor, second)

    assert (refused.status_code, refused.json()["reason"]) == (403, "cap-used-up"), refused.text
    (limit,) = agent.http.get("/v1/me").json()["limits"]
    assert limit["used"] == "40.000000"


@pytest.mark.parametrize("by", ["the executor", "an operator"])
def test_the_alarm_of_an_unknown_outcome_ends_when_somebody_knows_it(
    govd_at: Callable[..., GovdProcess], by: str
):
    govd = govd_at(policy=payments("amount"))
    agent, executor, operator = govd.agent(), govd.executor(), govd.operator()
    intent = approved(govd, agent)
    assert redeem(executor, intent).status_code == 200
    outcome = f"/v1/intents/{intent}/outcome"
    assert executor.http.post(outcome, json={"status": "unknown"}).status_code == 200
    (alarm,) = operator.get("/v1/alarms")["alarms"]
    assert (alarm["kind"], alarm["subject"]) == ("outcome-unknown", f"intent:{intent}")

    if by == "the executor":
        assert executor.http.post(outcome, json={"status": "succeeded"}).status_code == 200
    else:
        operator.resolve(intent, "not_run")

    assert operator.get("/v1/alarms")["alarms"] == []


@pytest.mark.threat("T14")
def test_an_approval_that_ended_while_its_redemption_waited_is_not_spent(tmp_path: Path):
    """An executor asks in the last moment, while its attestation is good; the writer gets to it later."""
    house = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    held = house.submit("ada", {"kind": "tool_call", "action": {"tool": "post.note", "arguments": {}}})
    house.vote(house.show(held.job), "approve")
    house.go_on((APPROVAL_TTL - timedelta(minutes=2)).total_seconds())
    minted = house.mint(held.id)
    body = Redemption(attestation=minted.attestation, intent_sha256=minted.claims.intent_sha256)
    waiting = house.govd.attestations.redeem(house.executor, body, int(house.now().timestamp()))

    house.go_on(180)
    refused = house.do(waiting)

    house.close()
    assert (refused.code, refused.already) == ("approval-expired", False)
