"""How many bytes of one agent may wait for people: counted exactly, and given back (threats T18)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.errors import QuotaError
from govd.contract.intents import IntentView
from govd.contract.jobs import JobSubmission
from govd.contract.limits import MAX_BODY_BYTES
from govd.intents.store import waiting
from tests.fault.house import House, found_state, load_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUOTA = 4 * MAX_BODY_BYTES
BIG = 60_000
"""Code points of one string; a body has four of them."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A govd in which one agent may have no more than a megabyte waiting."""
    template = found_state(tmp_path)
    with (template / "govd.toml").open("a") as settings:
        settings.write(f"held_bytes = {QUOTA}\n")
    found = House(template, tmp_path / "run" / "state", load_key(tmp_path))
    yield found
    found.close()


def declare(house: House, agent: str = "ada", size: int = BIG, **more: Any) -> Any:
    """A held intent with long arguments."""
    arguments = dict.fromkeys("abcd", "x" * size)
    return house.submit(
        agent, {"kind": "tool_call", "action": {"tool": "odd", "arguments": arguments}, **more}
    )


def held(house: House, agent: str = "ada") -> int:
    return house.govd.ledger.read(lambda connection: waiting(connection, agent)).size


def fill(house: House) -> list[IntentView]:
    """Declare until no more is taken."""
    found: list[IntentView] = []
    while isinstance(view := declare(house), IntentView):
        found.append(view)
    return found


@pytest.mark.threat("T18")
def test_what_waits_of_one_agent_is_bounded_in_bytes_however_many_ask_at_once(house: House):
    """An agent fills the queue with the largest intents that a body takes, from many connections at once."""
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: declare(house), range(16)))

    taken = [view for view in answers if isinstance(view, IntentView)]
    refused = [error for error in answers if isinstance(error, QuotaError)]
    assert (len(taken), len(refused)) == (4, 12)
    assert QUOTA - held(house) < held(house) // len(taken), "there was room for one more"
    assert {error.status for error in refused} == {429}
    assert f"at most {QUOTA} may wait" in refused[0].detail
    # Neither the small ones of the same agent nor those of others have to wait for that.
    assert isinstance(declare(house, size=10), IntentView)
    assert isinstance(declare(house, "ben"), IntentView)


def test_what_is_settled_withdrawn_replaced_or_over_gives_its_bytes_back(house: House):
    job = house.do(house.govd.decisions.open_job(house.agents["ada"], JobSubmission(title="w"))).id
    first = declare(house, job=job)
    others = fill(house)
    assert isinstance(declare(house), QuotaError)

    replaced = declare(house, job=job, supersedes=first.id)
    assert isinstance(replaced, IntentView), "what takes the place of another needs no room of its own"
    house.vote(house.show(others[0].job), "approve")
    house.vote(house.show(others[1].job), "deny")
    house.do(house.govd.decisions.cancel_intent(house.agents["ada"], others[2].id))
    house.revoke(job)

    assert held(house) == 0
    assert len(fill(house)) == 1 + len(others)
    house.go_on(2 * 3600)
    house.govd.tick()
    assert held(house) == 0


def test_the_quota_is_a_setting_that_a_reload_takes_over(house: House):
    fill(house)
    source = (house.state / "govd.toml").read_text()
    (house.state / "govd.toml").write_text(source.replace(str(QUOTA), str(2 * QUOTA)))

    assert house.govd.reload().taken == ["held_bytes"]

    assert len(fill(house)) == 4
