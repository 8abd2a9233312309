"""A job as it is reviewed: one document from the raw models, the most telling first.

Must never let what an agent wrote look like what we say: its words stand behind a bar, under their name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from govconsole.client.describe import describe
from govconsole.client.document import (
    MIXED,
    Document,
    Line,
    Span,
    blank,
    field_line,
    heading,
    line,
    quoted,
)
from govconsole.client.effects import added_up
from govconsole.client.emptyview import STATE_ROLES
from govconsole.client.evidence import gathered
from govconsole.client.findings import reasons
from govconsole.client.known import Known, is_irreversible, known, pays_new
from govconsole.client.provenance import levels, models, provenance, settled
from govconsole.client.votelines import votes
from govconsole.client.voters import Voters
from govd.contract.errors import IntegrityError
from govd.contract.text import mixed_scripts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.contract.intents import IntentDetail
    from govd.contract.jobs import JobDetail


def job_document(shown: Known | JobDetail, voters: Voters | None = None) -> Document:
    """Everything that a reviewer is shown of a job. `voters`: whose votes can be checked."""
    review = shown if isinstance(shown, Known) else known(shown)
    job, held = review.detail, review.held
    document = _upper(review)
    if held:
        document += [blank(), heading("Why it is held"), *reasons(held)]
        document += [blank(), heading("Evidence", "gathered by us, not by the agent"), *gathered(held)]
    document += [*_waiting(job), blank(), *votes(job, voters or Voters())]
    if job.settled:
        document += [blank(), *settled(job.settled)]
    return [*document, blank(), *provenance(job, held)]


def lines_to_read(review: Known) -> int:
    """How many lines of the document tell what the job does: whoever approves for good has seen them."""
    return len(_upper(review))


def _upper(review: Known) -> Document:
    """Whose job it is, why, and what it does."""
    job, held = review.detail, review.held
    document = _head(job, held)
    if isinstance(review.why, IntegrityError):
        document += [blank(), line(Span("⚠ cannot be signed  ", "bad"), Span(review.why.detail), hang=2)]
    document += [blank(), heading("Purpose, in the agent's words"), *_purposes(job, held)]
    if held:
        document += [
            blank(),
            line(Span("What it does  ", "heading"), *added_up(held), hang=2),
            *_actions(held),
        ]
    return document


def _head(job: JobDetail, held: Sequence[IntentDetail]) -> Document:
    """Whose job it is, and how much it can be trusted that it asked."""
    role = STATE_ROLES.get(str(job.state), "dim")
    flag = (Span(MIXED, "warn"),) if mixed_scripts(job.title) else ()
    about = [job.agent, f"risk {job.risk}"]
    about += [f"level {level}"] if (level := levels(held)) else []
    about += [f"model {name}" for name in models(held)[:1]]
    about.append(f"asked by {job.origin}")
    document: Document = [
        line(
            Span(job.title, "title"),
            *flag,
            Span("  "),
            Span(str(job.state), role),
            Span(f"  …{job.id[-4:]}", "dim"),
        ),
        line(Span(" · ".join(about), "dim"), hang=2),
    ]
    if job.assurance == "advisory":
        why = (
            "the agent could act without asking: no separate Unix user is known for it, or for what guards it"
        )
        document.append(line(Span("ADVISORY ", "warn"), Span(why, "dim"), hang=9))
    return document


def _purposes(job: JobDetail, held: Sequence[IntentDetail]) -> Document:
    """The job's purpose and each intent's own, once each."""
    texts = [text for text in dict.fromkeys([job.purpose, *(intent.purpose for intent in held)]) if text]
    return [item for text in texts for item in quoted(text)] or [line(Span("none given", "dim"), indent=1)]


def _actions(held: Sequence[IntentDetail]) -> Document:
    found: Document = []
    for number, intent in enumerate(held, 1):
        first, *rest = describe(number, intent)
        marks = [Span("  ◆ irreversible", "bad")] if is_irreversible(intent) else []
        marks += [Span("  ◆ new recipient", "bad")] if pays_new(intent) else []
        found += [replace(first, spans=(*first.spans, *marks)), *rest]
        if str(intent.state) != "held":
            found.append(field_line("state", Span(str(intent.state), "warn"), indent=4))
    return found


def _waiting(job: JobDetail) -> list[Line]:
    if not job.waiting_holds:
        return []
    if job.hold is None:
        return [blank(), line(Span("Its actions are not yet closed for review.", "dim"))]
    what = "1 later review waits" if job.waiting_holds == 1 else f"{job.waiting_holds} later reviews wait"
    return [blank(), line(Span(f"{what} behind this one.", "warn"))]
