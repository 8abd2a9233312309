"""A job as it is shown: the row of the queue and the review, both from the raw models, both sanitised."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from govconsole.client.amounts import amount, gauge_bar, short
from govconsole.client.describe import describe
from govconsole.client.document import (
    MIXED,
    Document,
    Line,
    Role,
    Span,
    blank,
    field_line,
    heading,
    line,
    quoted,
)
from govconsole.client.review import crossings, prepare
from govd.contract.decisions import Outcome
from govd.contract.errors import IntegrityError, JobClosedError
from govd.contract.text import mixed_scripts, visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from govd.contract.decisions import Finding, Gauge
    from govd.contract.intents import IntentDetail
    from govd.contract.jobs import JobDetail, JobSummary, VoteView

_STATE_ROLES: dict[str, Role] = {"held": "warn", "delivered": "good", "processing": "accent"}
_SETTLED_ROLES: dict[str, Role] = {"succeeded": "good", "approved": "accent", "unknown": "bad"}
_GLYPHS = {"approve": "✓ approved", "deny": "✗ denied", "deny_with_guidance": "✗ denied, with guidance"}


@dataclass(frozen=True)
class Row:
    """One job of the queue, fit for a screen."""

    id: str
    agent: str
    title: str
    state: str
    risk: int
    held: int
    sums: str
    until: datetime | None
    advisory: bool

    @classmethod
    def of(cls, job: JobSummary) -> Row:
        """The row of a summary."""
        return cls(
            id=job.id,
            agent=visible(job.agent),
            title=visible(job.title) + (MIXED if mixed_scripts(job.title) else ""),
            state=str(job.state),
            risk=job.risk,
            held=job.held,
            sums=_sums(job.sums),
            until=job.held_until,
            advisory=job.assurance == "advisory",
        )


def _sums(sums: dict[str, str]) -> str:
    return " · ".join(
        visible(amount(value, metric)) for metric, value in sorted(sums.items()) if metric == "usd"
    )


def job_document(job: JobDetail) -> Document:
    """Everything that a reviewer is shown of a job."""
    held = list(job.hold.intents) if job.hold else []
    role = _STATE_ROLES.get(str(job.state), "dim")
    flag = (Span(MIXED, "warn"),) if mixed_scripts(job.title) else ()
    document: Document = [
        line(Span(job.title, "title"), *flag, Span("  "), Span(str(job.state), role)),
        line(Span(f"{job.agent} · risk {job.risk} · asked by {job.origin}", "dim")),
    ]
    if job.assurance == "advisory":
        document.append(
            line(
                Span("ADVISORY ", "warn"),
                Span("the agent could act without asking: it shares a Unix user with what guards it", "dim"),
                hang=9,
            )
        )
    document += _warning(job)
    document += [blank(), heading("Purpose, in the agent's words"), *_purposes(job, held)]
    if held:
        document += [blank(), heading("What it does", _count(held, job)), *_actions(held)]
        document += [blank(), heading("Why it is held"), *_reasons(held)]
    if job.hold is None and job.waiting_holds:
        document += [blank(), line(Span("Its actions are not yet closed for review.", "dim"))]
    elif job.waiting_holds:
        what = "1 later review waits" if job.waiting_holds == 1 else f"{job.waiting_holds} later reviews wait"
        document += [blank(), line(Span(f"{what} behind this one.", "warn"))]
    document += [blank(), *_votes(job)]
    if job.settled:
        document += [blank(), heading("Settled"), *_settled(job.settled)]
    return [*document, blank(), *_provenance(job, held)]


def _warning(job: JobDetail) -> Document:
    """Why this job must not be signed, when what is shown is not what the backend says that it is."""
    try:
        prepare(job)
    except IntegrityError as error:
        return [blank(), line(Span("⚠ cannot be signed  ", "bad"), Span(error.detail), hang=2)]
    except JobClosedError:
        pass
    return []


def _purposes(job: JobDetail, held: Sequence[IntentDetail]) -> Document:
    """The job's purpose and each intent's own, once each."""
    texts = [text for text in dict.fromkeys([job.purpose, *(intent.purpose for intent in held)]) if text]
    return [item for text in texts for item in quoted(text)] or [line(Span("none given", "dim"), indent=1)]


def _count(held: Sequence[IntentDetail], job: JobDetail) -> str:
    irreversible = sum(intent.decision.effect == "irreversible" for intent in held)
    parts = [f"{len(held)} action{'s' if len(held) != 1 else ''}"]
    parts += [_sums(job.sums)] if _sums(job.sums) else []
    parts += [f"{irreversible} irreversible"] if irreversible else []
    return " · ".join(parts)


def _actions(held: Sequence[IntentDetail]) -> Document:
    found: Document = []
    for number, intent in enumerate(held, 1):
        found += describe(number, intent)
        if str(intent.state) != "held":
            found.append(field_line("state", Span(str(intent.state), "warn"), indent=4))
        if intent.decision.effect == "irreversible":
            found.append(line(Span("◆ irreversible", "bad"), indent=4))
    return found


def _reasons(held: Sequence[IntentDetail]) -> Document:
    """Each finding that held or denies, once, with the number of the action; then the caps together."""
    found: Document = []
    seen: dict[tuple[str, str, str], list[int]] = {}
    findings: dict[tuple[str, str, str], Finding] = {}
    for number, intent in enumerate(held, 1):
        for finding in intent.decision.findings:
            if finding.outcome is not Outcome.APPROVED:
                key = (finding.rule, finding.code, finding.message)
                seen.setdefault(key, []).append(number)
                findings.setdefault(key, finding)
    for key, numbers in seen.items():
        finding = findings[key]
        which = "" if len(held) == 1 else f"  ({', '.join(map(str, numbers))})"
        role: Role = "bad" if finding.outcome is Outcome.DENIED else "warn"
        found.append(
            line(Span(f"{finding.rule}  ", role), finding.message, Span(which, "dim"), indent=3, hang=2)
        )
        evidence = [f"{name}: {text}" for name, text in sorted(finding.evidence.items())]
        found += [line(Span(text[:300], "dim"), indent=5, hang=2) for text in evidence]
        if finding.gauge is not None and len(held) == 1:
            found += gauge_lines(
                finding.gauge, Decimal(finding.gauge.adds), named=finding.gauge.cap != finding.rule
            )
    if len(held) > 1:
        for gauge, added in crossings(held).values():
            found += gauge_lines(gauge, added)
    return found or [line(Span("no finding is given", "warn"), indent=3)]


def gauge_lines(gauge: Gauge, added: Decimal, *, named: bool = True) -> Document:
    """A cap in words and as a bar."""
    used, limit = Decimal(gauge.used), Decimal(gauge.limit)
    full, within, over = gauge_bar(used, added, limit)
    total = used + added
    unit = " USD" if gauge.metric == "usd" else ""
    plain_used, plain_limit, plain_added = (
        amount(text, gauge.metric).removesuffix(" USD") for text in (gauge.used, gauge.limit, str(added))
    )
    words = f"{plain_used} of {plain_limit}{unit} + {plain_added}"
    verdict = Span(" over", "bad") if total > limit else Span(" within", "good")
    return [
        line(
            *((Span(f"{gauge.cap}  ", "accent"),) if named else ()),
            words,
            Span(f"  ({gauge.subject}, {gauge.window})", "dim"),
            indent=5,
        ),
        line(full, Span(within, "warn"), Span(over, "bad"), verdict, indent=5),
    ]


def _votes(job: JobDetail) -> Document:
    found: Document = [heading("Votes", f"{job.approvals} of {job.hold.quorum}" if job.hold else "")]
    found += [vote_line(vote) for vote in job.votes] or [line(Span("none yet", "dim"), indent=3)]
    changed = job.hold.changed_since_vote if job.hold else []
    found += [line(Span("changed since: ", "warn"), text, indent=3) for text in changed]
    return found


def vote_line(vote: VoteView) -> Line:
    """One vote with its words."""
    role: Role = "good" if vote.verdict == "approve" else "bad"
    words = [Span(f'  "{vote.reason}"')] if vote.reason else []
    words += [Span(f"  guidance: {vote.guidance}", "accent")] if vote.guidance else []
    lapsed = [Span("  lapsed: what it was about has changed", "warn")] if vote.lapsed else []
    when = vote.cast_at.strftime("%H:%M")
    return line(
        Span(_GLYPHS[vote.verdict], role), f" {vote.operator} {when} UTC", *words, *lapsed, indent=3, hang=2
    )


def _settled(intents: Sequence[IntentDetail]) -> Document:
    from govconsole.client.describe import headline

    found: Document = []
    for intent in intents:
        state = str(intent.state)
        role = _SETTLED_ROLES.get(state, "dim")
        code = f" (exit {intent.exit_code})" if intent.exit_code is not None else ""
        found.append(line(Span(f"{state}{code}", role), f"  {headline(intent)[:200]}", indent=3, hang=2))
        if state == "unknown":
            how = f"nobody knows whether it ran: govconsole resolve {intent.id}"
            found.append(line(Span(how, "warn"), indent=5))
    return found


def _provenance(job: JobDetail, held: Sequence[IntentDetail]) -> Document:
    found = [heading("Provenance"), field_line("job", job.id), field_line("opened", _time(job.opened_at))]
    if job.hold is not None:
        found.append(field_line("closes", _time(job.hold.expires_at)))
        found.append(field_line("policy", short(job.hold.policy_sha256)))
    if job.parent is not None:
        found.append(field_line("parent", job.parent))
    origins = {(intent.origin, intent.origin_verified) for intent in held}
    for origin, verified in sorted(origins):
        found.append(field_line("origin", origin, Span("" if verified else " (unverified)", "warn")))
    for intent in held:
        if intent.model is not None:
            model = f"{intent.model.provider} {intent.model.name} {intent.model.version}".strip()
            found.append(field_line("model", model, Span(" (unverified)", "warn")))
            break
    found += [field_line("intent", intent.id) for intent in held]
    levels = {intent.decision.autonomy_level for intent in held} - {None}
    found += [field_line("level", ", ".join(map(str, sorted(filter(None, levels)))))] if levels else []
    parts = [f"{part.name} {part.points:+d}" for intent in held for part in intent.decision.risk.parts]
    found += [field_line("risk", ", ".join(dict.fromkeys(parts)))] if parts else []
    return found


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
