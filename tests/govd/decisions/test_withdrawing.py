"""Withdrawing a job while something of it runs: what is under way is not said to be withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.attestations import Minted, Redeemed
from govd.contract.errors import ConflictError
from govd.contract.jobs import JobSubmission
from tests.fault.house import House, found_state, load_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A govd with an agent, an executor and an operator."""
    found = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    yield found
    found.close()


def declare(house: House, tool: str, job: str | None = None) -> Any:
    """One intent: `search.web` is approved, `odd` is held."""
    body: dict[str, object] = {"kind": "tool_call", "action": {"tool": tool, "arguments": {}}}
    return house.submit("ada", body if job is None else {**body, "job": job})


def start(house: House, intent: str) -> None:
    """From here on it may be running."""
    minted = house.mint(intent)
    assert isinstance(minted, Minted), minted
    assert isinstance(house.redeem(minted), Redeemed)


def withdraw(house: House, job: str) -> Any:
    return house.do(house.govd.decisions.cancel_job(house.agents["ada"], job))


def states(house: House, job: str) -> list[str]:
    view = house.govd.ledger.read(lambda c: house.govd.decisions.job_view(c, job, "ada"))
    return [view.state.value, *(item.state.value for item in view.intents)]


@pytest.mark.threat("T2")
def test_a_job_is_not_withdrawn_while_one_of_its_intents_runs(house: House):
    """An agent has its action started and withdraws the job, so that the queue says nothing ever ran."""
    job = house.do(house.govd.decisions.open_job(house.agents["ada"], JobSubmission(title="work"))).id
    running, waiting = declare(house, "search.web", job), declare(house, "odd", job)
    start(house, running.id)

    refused = withdraw(house, job)

    assert isinstance(refused, ConflictError)
    assert running.id in refused.detail
    assert refused.extra["running"] == [running.id]
    assert states(house, job) == ["held", "redeemed", "held"], "nothing of it has changed"
    # What only waits can be withdrawn, and the whole once it is known how the other one ended.
    house.do(house.govd.decisions.cancel_intent(house.agents["ada"], waiting.id))
    house.report(running.id, "succeeded")
    assert withdraw(house, job).state == "cancelled"
    assert states(house, job) == ["cancelled", "succeeded", "cancelled"]


def test_a_job_is_not_withdrawn_while_nobody_knows_what_became_of_an_intent(house: House):
    view = declare(house, "search.web")
    start(house, view.id)
    house.report(view.id, "unknown")

    assert isinstance(withdraw(house, view.job), ConflictError)
    assert states(house, view.job) == ["processing", "unknown"]


def test_what_runs_already_is_not_said_to_be_revoked(house: House):
    view = declare(house, "search.web")
    start(house, view.id)

    refused = house.revoke(view.job)

    assert isinstance(refused, ConflictError)
    assert "nothing left to take back" in refused.detail
    house.report(view.id, "succeeded")
    assert states(house, view.job) == ["delivered", "succeeded"]
