"""Waits for a held intent, in polls that a backend's restart does not end, and says what became of it.

Waiting changes nothing: it can be broken off and taken up again, by anybody with the agent's token.
"""

from __future__ import annotations

import asyncio
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

    from govd.contract.errors import GovError
    from govd.contract.intents import IntentView
    from govgate.client import AsyncClient, Client

POLL_SECONDS: Final = 30
"""One long poll."""

_PAUSE: Final = 1.0
_SENTENCE: Final = 300
_MAX_FINDINGS: Final = 8


class _Polls:
    """What to ask next, and for how long to pause, until the intent is settled or the time is up."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        self._now = now
        self._ends = now() + seconds
        self._asked = now()

    def ask(self) -> float:
        """Seconds that the next poll may take."""
        self._asked = self._now()
        return min(self._left(), POLL_SECONDS)

    def failed(self, error: GovError) -> float:
        """Seconds to pause after a failure; the failure itself once the time is up."""
        if self._left() <= 0:
            raise error
        return min(error.retry_after or _PAUSE, self._left())

    def answered(self, view: IntentView) -> float | None:
        """Seconds to pause before the next poll, or None where this answer is the last."""
        if view.state is not IntentState.HELD or self._left() <= 0:
            return None
        # An answer at once is no reason to ask in a circle.
        return min(_PAUSE, self._left()) if self._now() - self._asked < _PAUSE else 0

    def _left(self) -> float:
        return max(self._ends - self._now(), 0)


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
    polls = _Polls(seconds, now)
    while True:
        try:
            view = client.send(calls.intent(intent, polls.ask()))
            pause = polls.answered(view)
        except (UnreachableError, QuotaError) as error:
            pause = polls.failed(error)
        if pause is None:
            return view
        sleep(pause)


async def settled_async(client: AsyncClient, intent: str, seconds: float) -> IntentView:
    """`settled` for asyncio."""
    polls = _Polls(seconds, time.monotonic)
    while True:
        try:
            view = await client.send(calls.intent(intent, polls.ask()))
            pause = polls.answered(view)
        except (UnreachableError, QuotaError) as error:
            pause = polls.failed(error)
        if pause is None:
            return view
        await asyncio.sleep(pause)


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
