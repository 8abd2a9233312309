"""The states of a job as a table: every transition that is not here is an error."""

from __future__ import annotations

from typing import Final

from govd.contract.errors import JobClosedError
from govd.contract.jobs import JobState as S

TRANSITIONS: Final[dict[S, frozenset[S]]] = {
    S.SUBMITTED: frozenset({S.ACKNOWLEDGED}),
    S.ACKNOWLEDGED: frozenset({S.PROCESSING, S.HELD, S.DENIED, S.CANCELLED}),
    S.PROCESSING: frozenset({S.HELD, S.DELIVERED, S.FAILED, S.DENIED, S.EXPIRED, S.CANCELLED, S.REVOKED}),
    S.HELD: frozenset({S.PROCESSING, S.DENIED, S.EXPIRED, S.CANCELLED, S.REVOKED, S.DELIVERED, S.FAILED}),
    S.DELIVERED: frozenset(),
    S.FAILED: frozenset(),
    S.DENIED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
    S.REVOKED: frozenset(),
}
"""From each state, the states that may follow."""

TERMINAL: Final = frozenset(state for state, following in TRANSITIONS.items() if not following)
"""States that nothing follows."""

OPEN: Final = frozenset(TRANSITIONS) - TERMINAL
"""States in which a job still takes intents."""


def move(current: S, to: S) -> S:
    """The state that follows; the same state again is no transition and no error.

    Raises:
        JobClosedError: the table has no such transition.
    """
    if current is to:
        return current
    if to not in TRANSITIONS[current]:
        raise JobClosedError(f"the job is {current}: it cannot become {to}")
    return to
