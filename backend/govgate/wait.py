"""Waits for a held intent, in polls that a backend's restart does not end, and says what became of it.

Waiting changes nothing: it can be broken off and taken up again, by anybody with the agent's token.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from govd.contract.decisions import Outcome
from govd.contract.errors import (
    IntentDeniedError,
    IntentExpiredError,
    IntentHeldError,
    NotApprovedError,
    QuotaError,
    UnreachableError,
)
from govd.contract.intents import IntentState
from govd.contract.text import visible
from govd.contract.wire import iso
from govgate import calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from govd.contract.intents import IntentView
    from govgate.client import Client

POLL_SECONDS: Final = 30
"""One long poll."""

_PAUSE: Final = 1.0
_SENTENCE: Final = 300
_MAX_FINDINGS: Final = 8


def settled(
    client: Client,
    intent: str,
    seconds: float,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> IntentView:
    """The intent once it is not held any more, or as it is after that many seconds.

    Raises:
        GovError: the backend refused, or no answer came in all that time.
    """
    ends = now() + seconds
    while True:
        left = ends - now()
        asked = now()
        try:
            view = client.send(calls.intent(intent, min(left, POLL_SECONDS)))
        except (UnreachableError, QuotaError) as error:
            if left <= 0:
                raise
            sleep(min(error.retry_after or _PAUSE, max(left, 0)))
            continue
        if view.state is not IntentState.HELD or ends <= now():
            return view
        if now() - asked < _PAUSE:  # it answered at once: no reason to ask in a circle
            sleep(min(_PAUSE, max(ends - now(), 0)))


def approved(view: IntentView) -> IntentView:
    """The intent itself where it may run.

    Raises:
        NotApprovedError: it may not; the class says whether it is held, denied, expired or gone.
    """
    if view.state is IntentState.APPROVED:
        return view
    if view.state is IntentState.HELD:
        until = f" until {iso(view.held_until)}" if view.held_until else ""
        raise IntentHeldError(
            f"held as intent {view.id} of job {view.job}: it waits for a person{until}. {reasons(view)}",
            hint=f"govgate wait {view.id}",
        )
    if view.state is IntentState.DENIED:
        guidance = f" Guidance: {visible(view.guidance, 1000)}" if view.guidance else ""
        raise IntentDeniedError(f"intent {view.id} is denied. {reasons(view)}{guidance}")
    if view.state is IntentState.EXPIRED:
        raise IntentExpiredError(
            f"intent {view.id} has expired: nobody decided in time",
            hint="declare it anew",
        )
    raise NotApprovedError(f"intent {view.id} is {view.state.value}: it does not run")


def reasons(view: IntentView) -> str:
    """The findings that stand in the way, as one line."""
    findings = [item for item in view.decision.findings if item.outcome is not Outcome.APPROVED]
    said = [
        f"{visible(item.message, _SENTENCE)} ({visible(item.rule, 80)})" for item in findings[:_MAX_FINDINGS]
    ]
    more = len(findings) - len(said)
    return "; ".join([*said, *([f"and {more} more"] if more > 0 else [])])
