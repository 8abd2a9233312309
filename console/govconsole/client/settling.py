"""What a resolution or a revocation says, as it will be signed; and the words for how an action ended.

Must never show less of an action than the hash covers: nothing is cut here, and a dialog scrolls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.client.afterwards import action_sha256
from govconsole.client.describe import describe, headline
from govconsole.client.document import Document, Line, Span, blank, field_line, line
from govd.contract.intents import IntentState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from govconsole.client.afterwards import Status
    from govd.contract.intents import IntentDetail
    from govd.contract.jobs import JobDetail

ENDS: Final[dict[str, Status]] = {
    "ran": "succeeded",
    "succeeded": "succeeded",
    "failed": "failed",
    "not run": "not_run",
    "not_run": "not_run",
}
"""What an operator types, and what he signs by it."""

_SAID: Final[dict[Status, str]] = {
    "succeeded": "it ran, and succeeded",
    "failed": "it ran, and failed",
    "not_run": "it did not run",
}
_WIDTH: Final = 10


def resolution_document(
    intent: IntentDetail, operator: str, more: int = 0, says: Status | None = None
) -> Document:
    """The statement on one action whose outcome nobody reported.

    Args:
        intent: As the backend shows it.
        operator: Who signs.
        more: How many further actions of its job have no outcome either.
        says: What he says of it; None: he is asked for that beside it.

    Raises:
        ConflictError: its outcome is known.
        IntegrityError: the action is not the one whose hash the backend states.
    """
    digest = action_sha256(intent)
    found: Document = [
        line(Span("Resolve: ", "warn"), Span(headline(intent), "title"), hang=2),
        line(Span(f"You sign what became of it with your vote key, as {operator}:", "dim")),
        blank(),
        _field("agent", intent.agent),
        _field("redeemed", _redeemed(intent)),
        _field("reported", Span("nothing: nobody knows whether it ran", "warn")),
        blank(),
        *describe(1, intent, full=True),
        line(Span(f"sha256 {digest}", "dim"), indent=1),
        blank(),
        *([] if says is None else [_field("you say", Span(_SAID[says], "title"))]),
        _field("job", intent.job),
        _field("intent", intent.id),
        blank(),
        line("If it did not run, what it had booked of its caps is given back; otherwise it stays spent."),
    ]
    if more:
        others = "1 more action" if more == 1 else f"{more} more actions"
        found.append(line(Span(f"Of {others} of this job nobody knows it either: each is asked for.", "dim")))
    return found


def _redeemed(intent: IntentDetail) -> str:
    by = f"by {intent.redeemed_by}" if intent.redeemed_by else "by nobody that the backend names"
    return by if intent.redeemed_at is None else f"{by}, {_time(intent.redeemed_at)}"


def revocation_document(detail: JobDetail, operator: str) -> Document:
    """The statement that whatever of a job has not been redeemed is taken back."""
    found: Document = [
        line(Span("Revoke: ", "bad"), Span(detail.title, "title"), hang=2),
        line(Span(f"{detail.agent} asked. You sign this with your vote key, as {operator}:", "dim")),
    ]
    held = detail.hold.intents if detail.hold is not None else []
    approved = [one for one in detail.settled if one.state is IntentState.APPROVED]
    found += _listed("Approved, and not redeemed: taken back", approved)
    found += _listed("Still held: taken back too", held)
    if detail.waiting_holds:
        found += [blank(), line("What waits behind that, not closed for review yet, is taken back as well.")]
    running = [one for one in detail.settled if one.state in {IntentState.REDEEMED, IntentState.UNKNOWN}]
    found += _listed("Redeemed already: goes on, or has ended; nothing here takes it back", running)
    return [
        *found,
        blank(),
        line("The job ends. Whatever its agent adds until your word arrives is taken back too."),
        _field("job", detail.id),
    ]


def _listed(title: str, intents: Sequence[IntentDetail]) -> Document:
    if not intents:
        return []
    found: Document = [blank(), line(Span(title, "heading"))]
    for number, intent in enumerate(intents, 1):
        found += describe(number, intent, full=True)
        if intent.redeemed_by:
            found.append(_field("redeemed", _redeemed(intent)))
    return found


def _field(name: str, value: str | Span) -> Line:
    return field_line(name, value, width=_WIDTH, indent=1)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
