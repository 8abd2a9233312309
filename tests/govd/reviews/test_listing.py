"""Pages of the queue, on each storage: what SQL selects is what the filter says, in order, once each."""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING, Any, get_args

import pytest

from govd.contract.errors import InvalidRequestError
from govd.contract.filters import parse
from govd.contract.jobs import JobSummary, Order, Selection
from govd.jobs.rules import OPEN, TERMINAL
from govd.reviews.listing import Look
from govd.storage.schema import ENDED_STATES, OPEN_STATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.govd.reviews.conftest import QueueHouse

TITLES = ("Pay invoice", "Push RELEASE", "Straße", "a\u202eb", "50% off_now", "Send newsletter")
TOOLS = ("draft.note", "write.page", "wipe.disk", "read.page")
FILTERS = (
    "",
    "agent:mail-*",
    "-agent:mail-bot",
    "agent:b?t,mail-bot",
    "state:held,cancelled",
    "-state:held",
    "risk>40",
    "risk<=40 -risk:0",
    "left<90m",
    "-left<90m",
    "age>20m",
    "age<=20m agent:bot",
    "effect:irreversible",
    "effect:write,draft",
    "-effect:draft",
    "kind:tool_call",
    "kind:http_request",
    "-kind:http_request,file_write",
    "origin:sch*",
    "-origin:user",
    "assurance:enforced",
    "id:0",
    "id:a,b,c",
    "-id:f",
    "release",
    "-release risk>10",
    '"% off_" ',
    "strasse -agent:bot",
)


def order_key(order: Order, job: JobSummary) -> tuple[Any, ...]:
    far = job.held_until.timestamp() if job.held_until else float("inf")
    return {
        "risk": (-job.risk, far, job.id),
        "left": (far, job.id),
        "oldest": (job.id,),
        "newest": (job.id,),
        "agent": (job.agent, -job.risk, far, job.id),
    }[order]


def selected(state: Selection, job: JobSummary) -> bool:
    ended = job.state in TERMINAL
    return {"held": str(job.state) == "held", "open": not ended, "settled": ended, "all": True}[state]


@pytest.fixture
def crowd(queue: QueueHouse) -> QueueHouse:
    """Jobs of all sorts, some of them over."""
    chance = random.Random(11)  # noqa: S311 - the same jobs each time
    for number in range(60):
        agent = chance.choice(("bot", "mail-bot", "b2t"))
        job = queue.opened(agent, f"{chance.choice(TITLES)} {number}", chance.choice(("user", "schedule")))
        intents = [queue.asked(job, chance.choice(TOOLS), agent) for _ in range(chance.randrange(4))]
        if chance.random() < 0.2:
            queue.closed(job)
            queue.asked(job, chance.choice(TOOLS), agent)
        if intents and chance.random() < 0.2:
            queue.asked(job, "wipe.disk", agent, supersedes=intents[0])
        if chance.random() < 0.15:
            queue.withdrawn(job, agent)
        if number % 5 == 0:
            queue.asked(None, "wipe.all", agent)
            queue.pass_(600)
    return queue


def test_what_is_selected_is_what_a_plain_predicate_says_in_every_order(crowd: QueueHouse):
    everything = crowd.page(state="all", limit=500).jobs
    assert len(everything) > 60
    assert len({job.state for job in everything}) >= 4
    now = crowd.govd.clock.now()
    for number, text in enumerate(FILTERS):
        wanted = parse(text)
        state = get_args(Selection)[number % 4]
        fitting = [job for job in everything if selected(state, job) and wanted.matches(job, now)]
        for order in ("risk", "left", "newest", "oldest", "agent"):
            expected = sorted(fitting, key=lambda job: order_key(order, job), reverse=order == "newest")
            found = crowd.pages(state=state, filter=text, sort=order, limit=7)
            assert [job.id for job in found] == [job.id for job in expected], (text, state, order)


def test_a_row_says_what_the_job_itself_says(crowd: QueueHouse):
    for row in crowd.page(state="held", limit=500).jobs:
        crowd.closed(row.id)
        detail = crowd.detail(row.id)
        assert detail.hold is not None
        assert row.held_until == detail.hold.expires_at
        waiting = detail.hold.intents
        if detail.waiting_holds == 0:
            assert row.held == len(waiting)
            assert row.kinds == sorted({intent.kind for intent in waiting})
            worst = max(get_args_effect().index(intent.decision.effect) for intent in waiting)
            assert row.effect == get_args_effect()[worst]
            assert row.risk == max(intent.decision.risk.score for intent in waiting)


def get_args_effect() -> list[str]:
    return ["read", "draft", "write", "irreversible"]


def test_the_states_that_indexes_name_are_those_of_the_rules():
    for condition, states in ((ENDED_STATES, TERMINAL), (OPEN_STATES, OPEN)):
        assert condition == f"state IN ({', '.join(sorted(repr(state.value) for state in states))})"


@pytest.mark.parametrize("text", ["", "risk>20", "push"])
def test_pages_from_the_end_are_the_pages_from_the_start(crowd: QueueHouse, text: str):
    asked: dict[str, Any] = {"state": "all", "filter": text, "limit": 7, "sort": "risk"}
    forwards = [job.id for job in crowd.pages(**asked)]
    backwards: list[str] = []
    page = crowd.page(**asked, end=True)
    assert page.next is None
    while True:
        backwards = [job.id for job in page.jobs] + backwards
        if page.previous is None:
            break
        page = crowd.page(**asked, before=page.previous)
        assert page.next is not None
    assert backwards == forwards


def test_a_page_says_where_it_stands(crowd: QueueHouse):
    everything = [job.id for job in crowd.pages(state="all", limit=500)]
    page = crowd.page(state="all", limit=10)
    assert (page.offset, page.total, page.previous) == (0, len(everything), None)
    page = crowd.page(state="all", limit=10, after=page.next)
    assert (page.offset, page.total) == (10, len(everything))
    assert [job.id for job in page.jobs] == everything[10:20]
    page = crowd.page(state="all", limit=5, before=page.previous)
    assert (page.offset, [job.id for job in page.jobs]) == (5, everything[5:10])
    page = crowd.page(state="all", limit=10, end=True)
    assert (page.offset, page.next) == (len(everything) - 10, None)


def test_some_jobs_are_asked_for_by_their_ids(crowd: QueueHouse):
    everything = crowd.pages(state="all", limit=500)
    held = [job.id for job in everything if str(job.state) == "held"]
    page = crowd.page(state="held", ids=[job.id for job in everything][:40])
    assert {job.id for job in page.jobs} == set(held) & {job.id for job in everything[:40]}
    assert (page.total, page.next, page.previous) == (len(held), None, None)
    wiped = crowd.page(state="held", filter="wipe.all", ids=held)
    assert {job.title for job in wiped.jobs} == {"wipe.all"}


def test_words_of_titles_are_looked_for_in_portions(queue: QueueHouse):
    queue.look = Look(titles=20, portion=10)
    jobs = [queue.held(title="needle" if number in {3, 48} else "hay") for number in range(50)]

    page = queue.page(filter="needle", sort="oldest", limit=5)
    assert ([job.id for job in page.jobs], page.total) == ([jobs[3]], None)
    assert (page.searched, page.candidates) == (20, 50)
    page = queue.page(filter="needle", sort="oldest", limit=5, after=page.next)
    assert (page.jobs, page.searched) == ([], 40)
    page = queue.page(filter="needle", sort="oldest", limit=5, after=page.next)
    assert ([job.id for job in page.jobs], page.next) == ([jobs[48]], None)
    assert (page.searched, page.candidates) == (50, 50)
    assert queue.page(filter="needle", sort="oldest", end=True).searched == 20
    assert [job.id for job in queue.pages(filter="hay", limit=4)] == sorted(
        job for number, job in enumerate(jobs) if number not in {3, 48}
    )


def test_words_of_titles_of_a_short_queue_are_counted(queue: QueueHouse):
    queue.held(title="needle")
    queue.held(title="hay")
    page = queue.page(filter="needle")
    assert (page.total, page.offset, page.searched, page.candidates) == (1, 0, 2, 2)


def _settle(queue: QueueHouse, job: str) -> None:
    queue.withdrawn(job)


def _open(queue: QueueHouse, _: str) -> None:
    queue.held(title="new")


@pytest.mark.parametrize("order", ["risk", "left", "newest", "oldest", "agent"])
def test_pages_lose_and_double_nothing_while_jobs_come_and_go(queue: QueueHouse, order: Order):
    chance = random.Random(3)  # noqa: S311 - the same each time
    jobs = [queue.held(tool=chance.choice(TOOLS[:3])) for _ in range(40)]
    gone: set[str] = set()
    seen: list[str] = []
    page = queue.page(sort=order, limit=4)
    while True:
        seen += [job.id for job in page.jobs]
        changes: list[Callable[[QueueHouse, str], None]] = [_settle, _open, _open]
        for change in changes:
            victim = chance.choice([job for job in jobs if job not in gone])
            change(queue, victim)
            gone |= {victim} if change is _settle else set()
        if page.next is None or len(seen) > 200:
            break
        page = queue.page(sort=order, limit=4, after=page.next)

    assert len(seen) == len(set(seen))
    assert set(jobs) - gone <= set(seen)


def test_the_page_behind_what_has_gone_leads_back(queue: QueueHouse):
    first, second = queue.held(), queue.held()
    page = queue.page(sort="oldest", limit=1)
    queue.withdrawn(second)
    empty = queue.page(sort="oldest", limit=1, after=page.next)
    assert (empty.jobs, empty.next, empty.offset) == ([], None, 1)
    assert [job.id for job in queue.page(sort="oldest", before=empty.previous).jobs] == [first]


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("AAAA", "x" * 300, "W10", "WyJvbGRlc3QiLDAsMV0", "WyJvbGRlc3QiLDAsIlx1MDAwMCJd"),
        *(forged("oldest", [], "a"), forged("oldest", {}, "a"), forged("oldest", 2, "a")),
        *(forged("oldest", 1.0, "a"), forged([], 0, "a"), forged("oldest", 0, [])),
    ],
)
def test_a_cursor_that_was_never_given_out_is_refused(queue: QueueHouse, cursor: str):
    with pytest.raises(InvalidRequestError, match="cursor"):
        queue.page(sort="oldest", after=cursor)


def test_a_cursor_of_another_order_is_refused(queue: QueueHouse):
    queue.held()
    queue.held()
    page = queue.page(sort="risk", limit=1)
    with pytest.raises(InvalidRequestError, match="order"):
        queue.page(sort="left", after=page.next)


def test_what_is_over_keeps_what_it_was_held_for_and_has_no_end(queue: QueueHouse):
    job = queue.held(tool="wipe.disk")
    queue.withdrawn(job)
    [row] = queue.page(state="settled").jobs
    assert (row.held_until, row.held, row.effect, row.kinds) == (None, 0, "irreversible", ["tool_call"])


def test_what_was_never_held_has_neither_effect_nor_kinds(queue: QueueHouse):
    job = queue.opened()
    queue.asked(job, "read.page")
    [row] = queue.page(state="open").jobs
    assert (row.effect, row.kinds, row.held_until, row.intents) == (None, [], None, 1)


def test_a_hold_that_expires_leaves_the_queue(queue: QueueHouse):
    queue.held()
    queue.pass_(3 * 3600)
    assert queue.page().total == 0
    assert [str(job.state) for job in queue.page(state="all").jobs] == ["expired"]


def test_the_first_of_two_reviews_tells_the_time_that_is_left(queue: QueueHouse):
    job = queue.held()
    queue.closed(job)
    queue.pass_(1800)
    second = queue.asked(job, "wipe.disk")
    [row] = queue.page().jobs
    assert (row.held, row.effect) == (2, "irreversible")
    assert row.held_until == queue.detail(job).held_until
    queue.taken_back(second)
    [row] = queue.page().jobs
    assert (row.held, row.effect) == (1, "write")
