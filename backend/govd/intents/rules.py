"""The states of an intent as a table, and what they mean for the job around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract.decisions import Outcome
from govd.contract.errors import ConflictError
from govd.contract.intents import IntentState as S
from govd.contract.jobs import JobState

if TYPE_CHECKING:
    from collections.abc import Iterable

INITIAL: Final[dict[Outcome, S]] = {
    Outcome.APPROVED: S.APPROVED,
    Outcome.PENDING: S.HELD,
    Outcome.DENIED: S.DENIED,
}

TRANSITIONS: Final[dict[S, frozenset[S]]] = {
    S.HELD: frozenset({S.APPROVED, S.DENIED, S.EXPIRED, S.CANCELLED, S.SUPERSEDED, S.REVOKED}),
    S.APPROVED: frozenset({S.REDEEMED, S.DENIED, S.EXPIRED, S.CANCELLED, S.SUPERSEDED, S.REVOKED}),
    S.REDEEMED: frozenset({S.SUCCEEDED, S.FAILED, S.NOT_RUN, S.UNKNOWN}),
    S.UNKNOWN: frozenset({S.SUCCEEDED, S.FAILED, S.NOT_RUN}),
    S.DENIED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
    S.SUPERSEDED: frozenset(),
    S.REVOKED: frozenset(),
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.NOT_RUN: frozenset(),
}
"""From each state, the states that may follow. `unknown` waits for its executor or a person."""

TERMINAL: Final = frozenset(state for state, following in TRANSITIONS.items() if not following)

UNDER_WAY: Final = frozenset({S.REDEEMED, S.UNKNOWN})
"""States in which an action may have begun, and nobody has said how it ended."""

RELEASING: Final = frozenset({S.DENIED, S.EXPIRED, S.CANCELLED, S.SUPERSEDED, S.REVOKED, S.NOT_RUN})
"""States in which nothing was, or will be, spent: what was booked is released."""

_AFTER: Final[dict[S, JobState]] = {
    S.SUCCEEDED: JobState.DELIVERED,
    S.FAILED: JobState.FAILED,
    S.NOT_RUN: JobState.FAILED,
    S.DENIED: JobState.DENIED,
    S.EXPIRED: JobState.EXPIRED,
    S.CANCELLED: JobState.CANCELLED,
    S.SUPERSEDED: JobState.CANCELLED,
    S.REVOKED: JobState.REVOKED,
}


def move(current: S, to: S) -> S:
    """The state that follows.

    Raises:
        ConflictError: the table has no such transition.
    """
    if to not in TRANSITIONS[current]:
        raise ConflictError(f"the intent is {current}: it cannot become {to}")
    return to


def implicit_job_state(states: Iterable[S]) -> JobState:
    """The state of a job that was opened for its one intent alone."""
    for state in states:
        if state is S.HELD:
            return JobState.HELD
        if state in _AFTER:
            return _AFTER[state]
    return JobState.PROCESSING
