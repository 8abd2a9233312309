"""What a vote says, member by member, as it will be signed.

Must never show less than the hash covers: nothing is cut here, and a dialog scrolls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.client.amounts import amount
from govconsole.client.describe import describe
from govconsole.client.document import Document, Line, Span, blank, field_line, line
from govconsole.client.review import crossings

if TYPE_CHECKING:
    from govconsole.client.document import Role
    from govconsole.client.review import Prepared
    from govd.contract.votes import Verdict

VERBS: Final[dict[Verdict, tuple[str, Role]]] = {
    "approve": ("Approve", "good"),
    "deny": ("Deny", "bad"),
    "deny_with_guidance": ("Deny with guidance", "bad"),
}
"""Each verdict in words, and the role that they are drawn in."""

_SHORT: Final = 4


def short_id(job: str) -> str:
    """The end of a job's id: what an operator types to show that he knows which one it is."""
    return job[-_SHORT:]


def signed_document(prepared: Prepared, verdict: Verdict, operator: str) -> Document:
    """The statement on one job."""
    hold, detail = prepared.hold, prepared.detail
    word, role = VERBS[verdict]
    found: Document = [
        line(Span(f"{word}: ", role), Span(detail.title, "title"), hang=2),
        line(Span(f"{detail.agent} asks. You sign this with your vote key, as {operator}:", "dim")),
        blank(),
    ]
    if verdict == "approve":
        found += _permits(prepared)
    if detail.assurance == "advisory":
        found.append(_field("ADVISORY", Span("the agent could act without asking", "warn")))
    for number, (intent, item) in enumerate(zip(hold.intents, prepared.review.intents, strict=True), 1):
        digest = line(Span(f"sha256 {item.intent_sha256}", "dim"), indent=1)
        found += [*describe(number, intent, full=True), digest]
    return [
        *found,
        blank(),
        _field("job", detail.id),
        line(Span("token ", "dim"), prepared.token, indent=1),
        _field("quorum", str(hold.quorum)),
        _field("expires", hold.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC")),
    ]


def _permits(prepared: Prepared) -> Document:
    """The totals that an approval would let stand, each beside its cap."""
    gauges = [gauge for _, (gauge, _) in sorted(crossings(prepared.hold.intents).items())]
    found: Document = []
    for permit, gauge in zip(prepared.permits, gauges, strict=True):
        highest, limit = amount(permit.highest, gauge.metric), amount(gauge.limit, gauge.metric)
        told = f"{permit.cap} ({permit.subject}, {permit.window}) may reach {highest}; its cap is {limit}"
        found.append(_field("permits", Span(told, "warn")))
    return found


def _field(name: str, value: str | Span) -> Line:
    return field_line(name, value, indent=1)
