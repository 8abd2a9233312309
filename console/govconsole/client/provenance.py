"""Where a job comes from: ids, times, origins, models, risk; and what became of its settled actions.

Must never leave the word of an agent without the note that nobody vouches for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.client.amounts import short
from govconsole.client.describe import headline
from govconsole.client.document import Document, Role, Span, field_line, heading, line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from govd.contract.intents import IntentDetail
    from govd.contract.jobs import JobDetail

_ROLES: Final[dict[str, Role]] = {"succeeded": "good", "approved": "accent", "unknown": "bad"}
_MOST: Final = 200


def settled(intents: Sequence[IntentDetail]) -> Document:
    """What became of each action that is not up for a vote."""
    found: Document = [heading("Settled")]
    for intent in intents:
        state = str(intent.state)
        code = f" (exit {intent.exit_code})" if intent.exit_code is not None else ""
        said = Span(f"{state}{code}", _ROLES.get(state, "dim"))
        found.append(line(said, f"  {headline(intent)[:_MOST]}", indent=3, hang=2))
        if state == "unknown":
            how = f"nobody knows whether it ran: :resolve, or govconsole resolve {intent.id}"
            found.append(line(Span(how, "warn"), indent=5))
        elif state == "approved":
            found.append(line(Span("not redeemed: revoke takes it back", "dim"), indent=5))
    return found


def provenance(job: JobDetail, held: Sequence[IntentDetail]) -> Document:
    """Ids, times, origins, models, and what the risk is made of."""
    found = [heading("Provenance"), field_line("job", job.id), field_line("opened", _time(job.opened_at))]
    if job.hold is not None:
        found.append(field_line("closes", _time(job.hold.expires_at)))
        found.append(field_line("policy", short(job.hold.policy_sha256)))
    if job.parent is not None:
        found.append(field_line("parent", job.parent))
    for origin, verified in sorted({(intent.origin, intent.origin_verified) for intent in held}):
        found.append(field_line("origin", origin, Span("" if verified else " (unverified)", "warn")))
    found += [field_line("model", name, Span(" (unverified)", "warn")) for name in models(held)]
    found += [field_line("intent", intent.id) for intent in held]
    parts = [f"{part.name} {part.points:+d}" for intent in held for part in intent.decision.risk.parts]
    found += [field_line("risk", ", ".join(dict.fromkeys(parts)))] if parts else []
    return found


def models(held: Sequence[IntentDetail]) -> list[str]:
    """The models that drive the agent, as it says."""
    names = [
        f"{intent.model.provider} {intent.model.name} {intent.model.version}".strip()
        for intent in held
        if intent.model is not None
    ]
    return list(dict.fromkeys(names))


def levels(held: Sequence[IntentDetail]) -> str:
    """The autonomy levels that the actions were decided at."""
    found = {intent.decision.autonomy_level for intent in held}
    return ", ".join(str(level) for level in sorted(level for level in found if level is not None))


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
