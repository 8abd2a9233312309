"""Several jobs and one verdict: which of them get a vote, and what each vote says.

Must never put one signature under two jobs, nor approve what cannot be undone and was never opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govconsole.client.amounts import amount
from govconsole.client.describe import headline
from govconsole.client.document import Document, Span, blank, line
from govconsole.client.effects import added_up
from govconsole.client.known import is_irreversible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from govconsole.client.known import Known
    from govconsole.client.review import Prepared
    from govd.contract.votes import Verdict

MOST: Final = 50
"""Jobs in one dialog at most: more, nobody reads."""

WORDS: Final = {"approve": "Approve", "deny": "Deny", "deny_with_guidance": "Deny with guidance"}


@dataclass(frozen=True)
class Batch:
    """Several jobs and one verdict. `left_out`: a job, in words, and why it gets no vote."""

    verdict: Verdict
    ready: Sequence[Prepared]
    left_out: Sequence[tuple[str, str]]

    @property
    def irreversible(self) -> int:
        """How many of the jobs cannot be undone."""
        return sum(any(map(is_irreversible, one.hold.intents)) for one in self.ready)


def sort_out(
    found: Sequence[Known], verdict: Verdict, opened: Mapping[str, str], *, voice: bool = True
) -> tuple[list[Prepared], list[tuple[str, str]]]:
    """The jobs that get a vote, and those that get none, with the reason.

    `opened`: the tokens of the reviews that stood open before the operator, by job. `voice`: whether the
    operator's own voice stands.
    """
    ready: list[Prepared] = []
    left_out: list[tuple[str, str]] = []
    for known in found:
        title = known.detail.title
        if known.prepared is None:
            left_out.append((title, known.why.detail if known.why else "nothing can be signed"))
        elif verdict == "approve" and known.careful and opened.get(known.detail.id) != known.prepared.token:
            changed = known.detail.id in opened
            why = "it has changed since you read it" if changed else "you have not read what it does"
            left_out.append((title, f"◆ cannot be undone: {why}"))
        elif verdict == "approve" and known.needs_voice and not voice:
            left_out.append((title, "needs voice: V verify"))
        else:
            ready.append(known.prepared)
    return ready, left_out


def told(left_out: Sequence[tuple[str, str]]) -> str:
    """The jobs that get no vote, each with its reason."""
    return "; ".join(f"{title}: {why}" for title, why in left_out)


def batch_document(batch: Batch, operator: str) -> Document:
    """What each vote says, job by job, as it will be signed."""
    count = len(batch.ready)
    found: Document = [
        line(Span(f"{WORDS[batch.verdict]}: {count} job{'s' * (count != 1)}", "title")),
        line(Span(f"Each gets a vote of its own, signed with your vote key, as {operator}:", "dim")),
    ]
    for number, prepared in enumerate(batch.ready, 1):
        found += [blank(), *_job(number, prepared, batch.verdict)]
    if batch.left_out:
        found += [blank(), line(Span("Not voted on", "heading"))]
        for title, why in batch.left_out:
            found.append(line(Span(title, "title"), Span(f"  {why}", "warn"), indent=1, hang=2))
    return found


def _job(number: int, prepared: Prepared, verdict: Verdict) -> Document:
    detail = prepared.detail
    found: Document = [
        line(
            Span(f"{number}  ", "accent"),
            Span(detail.title, "title"),
            Span(f"  {detail.agent} · risk {detail.risk} · ", "dim"),
            *added_up(prepared.hold.intents),
            hang=3,
        )
    ]
    if verdict == "approve":
        found += [
            line(
                Span("permits ", "warn"),
                f"{permit.cap} ({permit.subject}, {permit.window}) may reach ",
                amount(permit.highest, "usd" if "." in permit.highest else "count"),
                indent=3,
            )
            for permit in prepared.permits
        ]
    if detail.assurance == "advisory":
        found.append(line(Span("ADVISORY the agent could act without asking", "warn"), indent=3))
    for intent, item in zip(prepared.hold.intents, prepared.review.intents, strict=True):
        mark = Span("◆ ", "bad") if is_irreversible(intent) else Span("· ", "dim")
        found.append(line(mark, headline(intent), indent=3, hang=2))
        found.append(line(Span(f"sha256 {item.intent_sha256}", "dim"), indent=5))
    found.append(line(Span(f"job {detail.id}", "dim"), indent=3))
    found.append(line(Span(f"token {prepared.token}", "dim"), indent=3))
    return found
