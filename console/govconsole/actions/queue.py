"""The actions of the Queue. Must never hold one without words for why it does not work now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.actions.model import MOVES, Action, Situation, Twin, needs_backend

if TYPE_CHECKING:
    from collections.abc import Callable

    from govd.contract.jobs import Order, Selection

VIEWS: Final[tuple[Selection, ...]] = ("held", "open", "settled", "all")
NEEDS_VOICE: Final = "needs voice: V verify"
SORTS: Final[tuple[Order, ...]] = ("risk", "left", "newest", "oldest", "agent")


def _needs_job(now: Situation) -> str | None:
    if now.job is None:
        return "no job is under the cursor"
    return None if now.loaded else "the job is still being fetched"


def _needs_vote(now: Situation) -> str | None:
    if not now.connected:
        return "the backend is lost: what is shown may be old"
    if now.marked:
        return None
    if (why := _needs_job(now)) is not None:
        return why
    return None if now.votable else f"nothing in this job waits for a vote: it is {now.state}"


def _needs_reading(now: Situation) -> str | None:
    """To approve what cannot be undone, its actions must have stood on the screen to their end."""
    if (why := _needs_vote(now)) is not None or now.marked:
        return why
    if now.unread:
        return "◆ first read what it does (enter)"
    return NEEDS_VOICE if now.voiceless else None


def _needs_step_up(now: Situation) -> str | None:
    return needs_backend(now) or now.degraded or None


def _needs_content(now: Situation) -> str | None:
    return needs_backend(now) or _needs_job(now)


def _needs_one(now: Situation) -> str | None:
    """A verb that is about one job, whatever is marked."""
    if now.marked:
        return "it takes one job at a time: first take the marks away (esc)"
    return needs_backend(now) or _needs_job(now)


def _needs_unresolved(now: Situation) -> str | None:
    if (why := _needs_one(now)) is not None:
        return why
    return None if now.unresolved else "of nothing in this job the outcome is unknown"


def _needs_approved(now: Situation) -> str | None:
    if (why := _needs_one(now)) is not None:
        return why
    return None if now.approved else f"nothing in this job is approved and waits to run: it is {now.state}"


def _needs_waiting(now: Situation) -> str | None:
    return None if now.waiting else "nothing new"


def _needs_row(now: Situation) -> str | None:
    return None if now.job is not None else "no job is under the cursor"


def _needs_something(now: Situation) -> str | None:
    """Escape: there is a zoom, a range, a mark, a filter or the demo's tour to leave."""
    something = now.marked or now.filter or now.pane != "list" or now.ranging or now.touring
    return None if something else "nothing to leave"


def _verb(id_: str, key: str, help_: str, twin: str) -> Action:
    blocked = _needs_reading if id_ == "approve" else _needs_vote
    return Action(id_, (key,), id_, help_, blocked, Twin(twin), danger=True, command=id_)


def _move(
    id_: str,
    keys: tuple[str, ...],
    help_: str,
    blocked: Callable[[Situation], str | None] | None = None,
    *,
    first: bool = False,
) -> Action:
    label = id_.replace("_", " ")
    if blocked is None:
        return Action(id_, keys, label, help_, twin=MOVES, quiet=True, first=first)
    return Action(id_, keys, label, help_, blocked, MOVES, quiet=True, first=first)


QUEUE: Final[tuple[Action, ...]] = (
    _verb(
        "approve",
        "a",
        "Approve what is held in this job, or in each that is marked. A dialog shows what is signed.",
        "govconsole approve JOB --token T --reason R",
    ),
    _verb(
        "deny",
        "d",
        "Deny what is held in this job, or in each that is marked.",
        "govconsole deny JOB --token T --reason R",
    ),
    _verb(
        "guide",
        "g",
        "Deny with guidance: the text goes back to the agent.",
        "govconsole deny JOB --token T --reason R --guidance G",
    ),
    Action(
        "step_up",
        ("V",),
        "verify voice",
        "Show your own voice: for two hours it steps up the votes whose rule asks for that.",
        _needs_step_up,
        Twin("govconsole voices step-up FILE"),
        quiet=True,
        command="step-up",
    ),
    Action(
        "resolve",
        ("r",),
        "resolve",
        "Sign what became of an action that was redeemed and never reported on: ran, failed or not run.",
        _needs_unresolved,
        Twin("govconsole resolve INTENT --status S --reason R"),
        danger=True,
        rare=True,
        command="resolve",
    ),
    Action(
        "revoke",
        ("x",),
        "revoke",
        "Take back what is approved in this job and was not redeemed. What runs already goes on.",
        _needs_approved,
        Twin("govconsole revoke JOB --reason R"),
        danger=True,
        rare=True,
        command="revoke",
    ),
    Action(
        "open",
        ("o",),
        "raw",
        "Open the full arguments, untruncated, with the hash that is signed.",
        _needs_job,
        Twin("govconsole jobs show JOB --json"),
        command="raw",
    ),
    Action(
        "content",
        ("c",),
        "content",
        "Open what it would change or send, in full: the diff of a push, a mail as it would arrive.",
        _needs_content,
        Twin("govconsole jobs content JOB"),
        command="content",
    ),
    Action(
        "show_new",
        ("n",),
        "new",
        "Show the jobs that came since, and take away those that left.",
        _needs_waiting,
        Twin.none("every listing is made anew"),
        command="new",
    ),
    Action(
        "mark",
        ("space",),
        "mark",
        "Mark the job for a vote on several at once, and go on to the next.",
        _needs_row,
        Twin.none("the headless twin votes on one job at a time"),
        command="mark",
    ),
    Action(
        "range",
        ("v",),
        "range",
        "Begin a range at the cursor; the second time, mark all jobs from there to the cursor.",
        _needs_row,
        Twin.none("the headless twin votes on one job at a time"),
        command="range",
    ),
    Action(
        "filter",
        ("slash",),
        "filter",
        "Show only the jobs that fit: agent:NAME risk>60 left<1h effect:irreversible, words of the title.",
        needs_backend,
        Twin("govconsole jobs list --filter EXPR"),
        command="filter",
        argument="EXPR",
    ),
    Action(
        "sort",
        ("s",),
        "sort",
        "Sort by risk, time left, newest, oldest or agent in turn, or as it is named.",
        needs_backend,
        Twin("govconsole jobs list --sort ORDER"),
        command="sort",
        argument="ORDER",
        choices=SORTS,
    ),
    Action(
        "view",
        ("t",),
        "held/all",
        "Show held, open, settled or all jobs in turn, or those that are named.",
        needs_backend,
        Twin("govconsole jobs list --state STATE"),
        command="view",
        argument="STATE",
        choices=VIEWS,
    ),
    _move("down", ("j", "down"), "The next job."),
    _move("up", ("k", "up"), "The job before."),
    _move("page_down", ("pagedown", "ctrl+d"), "One screen further."),
    _move("page_up", ("pageup", "ctrl+u"), "One screen back."),
    _move("top", ("home",), "The first job of all."),
    _move("bottom", ("end", "G"), "The last job of all."),
    _move("pane", ("tab",), "Between the list and the job.", first=True),
    _move("zoom", ("enter",), "The job over the whole screen, and back.", _needs_row),
    _move(
        "clear",
        ("escape",),
        "Back by one step: out of the job, the range, the marks, the filter; in the demo, the tour.",
        _needs_something,
    ),
)
