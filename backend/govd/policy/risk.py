"""A risk score that explains itself: the sum of named parts, 100 at most. Plain on purpose."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from govd.contract.decisions import Outcome, Risk, RiskPart
from govd.contract.money import MICRO
from govd.contract.text import mixed_scripts, visible
from govd.policy.model import ReasonCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.contract.decisions import Finding
    from govd.policy.subject import Subject

_HIGHEST: Final = 100
_EFFECT: Final = {"read": 0, "draft": 5, "write": 15, "irreversible": 40}
_BANDS: Final = ((100_000, 40), (10_000, 30), (1_000, 20), (1, 5))
_BY_CODE: Final = {
    ReasonCode.OPAQUE_COMMAND: ("command that cannot be read", 20),
    ReasonCode.UNKNOWN_TOOL: ("unknown tool", 15),
    ReasonCode.UNKNOWN_ORIGIN: ("unknown origin", 15),
    ReasonCode.CAP_EXCEEDED: ("over a cap", 20),
    ReasonCode.UNPRICED: ("price unknown", 20),
    ReasonCode.AMOUNT_UNREADABLE: ("amount unreadable", 20),
    ReasonCode.CURRENCY_UNPRICED: ("currency without a price", 20),
    ReasonCode.EVALUATION_ERROR: ("a rule failed", 20),
    ReasonCode.FLOOD: ("flood", 10),
    ReasonCode.VOICE_NEEDED: ("admin request without the owner's voice", 20),
    ReasonCode.VOICE_VERIFIED: ("admin request", 15),
    ReasonCode.VOICE_PHRASE: ("admin request", 15),
    ReasonCode.VOICE_UNAVAILABLE: ("admin request, and no voice can be verified", 20),
}


def risk_of(subject: Subject, findings: Sequence[Finding]) -> Risk:
    """The risk of an intent, from what it is and what was found. The agent's words can only raise it."""
    intent = subject.intent
    parts = [(f"effect: {subject.effect}", _EFFECT[subject.effect])]
    micro = subject.price.micro
    if micro:
        band = next((points for floor, points in _BANDS if micro >= floor * MICRO), 0)
        parts.append(("amount", band))
    codes = {finding.code for finding in findings}
    parts.extend(part for code, part in _BY_CODE.items() if code in codes)
    if any(finding.outcome is Outcome.DENIED for finding in findings):
        parts.append(("denied by a rule", 20))
    if not intent.origin_verified:
        parts.append(("origin unverified", 5))
    if visible(intent.purpose) != intent.purpose.replace("\n", "\\n") or mixed_scripts(intent.purpose):
        parts.append(("hidden or look-alike characters in the purpose", 15))
    return _sum(tuple(parts))


@lru_cache(maxsize=1024)  # the same few parts make up most risks
def _sum(parts: tuple[tuple[str, int], ...]) -> Risk:
    kept = [RiskPart(name=name, points=points) for name, points in parts if points]
    return Risk(score=min(_HIGHEST, sum(part.points for part in kept)), parts=kept)


def risk_of_failure() -> Risk:
    """The risk of an intent that could not even be read."""
    return Risk(score=_HIGHEST, parts=[RiskPart(name="it could not be evaluated", points=_HIGHEST)])
