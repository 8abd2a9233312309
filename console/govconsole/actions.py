"""The registry of actions: id, key, words and when each works. It feeds bindings, help and footer.

Must never list an action twice, nor two actions with one key on one screen; a test sees to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Situation:
    """What decides whether an action works now. Every field is about the job under the cursor, by its id."""

    connected: bool = False
    job: str | None = None
    loaded: bool = False
    votable: bool = False
    state: str = ""
    waiting: int = 0
    alarms: int = 0
    pane: str = "list"


def _always(_: Situation) -> str | None:
    return None


def _needs_job(now: Situation) -> str | None:
    if now.job is None:
        return "no job is under the cursor"
    return None if now.loaded else "the job is still being fetched"


def _needs_vote(now: Situation) -> str | None:
    if not now.connected:
        return "the backend is lost: what is shown may be old"
    if (why := _needs_job(now)) is not None:
        return why
    return None if now.votable else f"nothing in this job waits for a vote: it is {now.state}"


def _needs_backend(now: Situation) -> str | None:
    return None if now.connected else "the backend is lost"


def _needs_waiting(now: Situation) -> str | None:
    return None if now.waiting else "nothing new"


def _needs_alarm(now: Situation) -> str | None:
    if not now.alarms:
        return "no alarm is unseen"
    return _needs_backend(now)


@dataclass(frozen=True)
class Action:
    """One thing that a key does.

    `label` stands in the footer, `help` in the help; `twin` is the command that does the same; `quiet`
    actions (movements) are left out of the footer.
    """

    id: str
    key: str
    label: str
    help: str
    blocked: Callable[[Situation], str | None] = _always
    twin: str = ""
    danger: bool = False
    quiet: bool = False


QUEUE: Final[tuple[Action, ...]] = (
    Action(
        "approve",
        "a",
        "approve",
        "Approve what is held in this job. A dialog shows what is signed.",
        _needs_vote,
        "govconsole approve JOB --token T --reason R",
        danger=True,
    ),
    Action(
        "deny",
        "d",
        "deny",
        "Deny what is held in this job.",
        _needs_vote,
        "govconsole deny JOB --token T --reason R",
        danger=True,
    ),
    Action(
        "guide",
        "g",
        "guide",
        "Deny with guidance: the text goes back to the agent.",
        _needs_vote,
        "govconsole deny JOB --token T --reason R --guidance G",
        danger=True,
    ),
    Action(
        "open",
        "o",
        "raw",
        "Open the full arguments, untruncated, with the hash that is signed.",
        _needs_job,
        "govconsole jobs show JOB --json",
    ),
    Action(
        "show_new",
        "n",
        "new",
        "Show the jobs that came since, and take away those that left.",
        _needs_waiting,
    ),
    Action(
        "view",
        "t",
        "held/all",
        "Show held, open, settled or all jobs in turn.",
        _needs_backend,
        "govconsole jobs list --state STATE",
    ),
    Action("seen", "x", "alarm seen", "Say that the alarms in the header were seen.", _needs_alarm),
    Action("down", "j,down", "down", "The next job.", quiet=True),
    Action("up", "k,up", "up", "The job before.", quiet=True),
    Action("top", "home", "top", "The first job.", quiet=True),
    Action("bottom", "end", "bottom", "The last job.", quiet=True),
    Action("pane", "tab", "pane", "Between the list and the job.", quiet=True),
    Action("zoom", "enter,escape", "zoom", "The job over the whole screen, and back.", quiet=True),
)

APP: Final[tuple[Action, ...]] = (
    Action("lock", "ctrl+l", "lock", "Lock the vote key now.", quiet=True),
    Action("help", "question_mark", "help", "The keys of this screen."),
    Action("quit", "q,ctrl+q", "quit", "Leave. The backend goes on."),
)

_NAMES: Final = {"question_mark": "?", "escape": "esc", "down": "↓", "up": "↑"}


def key_label(key: str) -> str:
    """Keys as they are printed on a keyboard."""
    return " ".join(_NAMES.get(one, one) for one in key.split(","))
