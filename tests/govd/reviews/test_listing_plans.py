"""How SQLite goes about a page: by the indexes that are there for it, whatever it guesses of the tables.

It has no statistics of them: a condition more can send it through all that is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from sqlalchemy import event

from govd.contract.jobs import JobsQuery, Order
from govd.reviews import listing

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.govd.reviews.conftest import QueueHouse

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def plan(queue: QueueHouse, **asked: Any) -> list[str]:
    """What SQLite does for each statement of a page, with the statement before it."""
    query, now = JobsQuery.model_validate(asked), queue.govd.clock.now()

    def look(connection: Connection) -> list[str]:
        ran: list[tuple[str, Any]] = []
        event.listen(connection, "before_cursor_execute", lambda *given: ran.append((given[2], given[3])))
        listing.page(connection, query, queue.govd.state_key, now)
        return [
            f"{row[3]}   <-   {text[:60]}"
            for text, parameters in list(ran)
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)
        ]

    return queue.govd.ledger.read(look)


@pytest.fixture
def page_of(queue: QueueHouse) -> QueueHouse:
    for number in range(12):
        queue.held(agent=f"bot-{number % 2}")
    return queue


def test_each_page_of_the_queue_is_led_to_by_an_index_in_every_order(page_of: QueueHouse):
    for order in (order for order in get_args(Order) if order != "changed"):
        first = page_of.page(sort=order, limit=4)
        second = page_of.page(sort=order, limit=4, after=first.next)
        for place in ({}, {"after": first.next}, {"before": second.previous}, {"end": True}):
            steps = plan(page_of, sort=order, limit=4, **place)

            of_jobs = [step for step in steps if " jobs" in step.split("<-")[0]]
            assert of_jobs, (order, place)
            assert all("INDEX jobs_held_by_" in step for step in of_jobs), (order, place, of_jobs)
            assert not [step for step in steps if "TEMP B-TREE FOR ORDER BY" in step], (order, place, steps)


def test_what_belongs_to_the_jobs_of_a_page_is_found_by_them(page_of: QueueHouse):
    steps = plan(page_of, limit=12)

    for table, index in (
        ("intents", "intents_by_job"),
        ("intents", "intents_by_hold"),
        ("holds", "holds_by_job"),
    ):
        assert any(f"SEARCH {table} USING" in step and index in step for step in steps), (table, steps)
    assert not [step for step in steps if "by_state" in step or "by_expiry" in step], steps
    assert not [step for step in steps if step.startswith("SCAN") and "INDEX" not in step], steps


def test_counting_the_queue_reads_no_row_of_it(page_of: QueueHouse):
    for text in (
        "",
        "agent:bot-*",
        "effect:write kind:tool_call left<1h age>1s origin:user assurance:enforced",
    ):
        counted = [step for step in plan(page_of, filter=text) if "SELECT count(*) AS" in step]
        assert counted
        assert all("COVERING INDEX" in step for step in counted), counted


def test_open_and_ended_jobs_have_indexes_of_their_own(page_of: QueueHouse):
    for state, index in (("open", "jobs_open"), ("settled", "jobs_ended")):
        steps = [step for step in plan(page_of, state=state) if " jobs" in step.split("<-")[0]]
        assert steps
        assert all(index in step for step in steps), steps
