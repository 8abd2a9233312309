"""What voices have to do with a decision: admin requests over chat, and votes that need one. Pure.

Must never approve anything: a voice that was verified lets an admin request wait for a person, no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract.decisions import Finding, Outcome
from govd.contract.voice_texts import filled
from govd.policy.adminscope import admin_scope
from govd.policy.findings import finding
from govd.policy.model import ReasonCode, VoiceFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from govd.contract.decisions import DecisionView
    from govd.policy.model import CompiledPolicy, Facts
    from govd.policy.subject import Subject

_STANDS: Final[dict[str, tuple[ReasonCode, str]]] = {
    "never_verified": (ReasonCode.VOICE_NEEDED, "text_only"),
    "expired": (ReasonCode.VOICE_NEEDED, "text_only"),
    "none_enrolled": (ReasonCode.VOICE_NEEDED, "none_enrolled"),
    "verified": (ReasonCode.VOICE_NEEDED, "no_match"),
    "unavailable": (ReasonCode.VOICE_UNAVAILABLE, "unavailable"),
}
"""Where a chat stands without the owner's voice → the code, and which of the six texts is said."""


def voice(subject: Subject, policy: CompiledPolicy, facts: Facts) -> Iterator[Finding]:
    """An admin request needs the owner's voice, and a voice approves nothing by itself (threats T23)."""
    block, known = policy.voice, facts.voice
    if block is None:
        return
    owner = known.state == "verified" and known.speaker == block.owner
    for capability, why in admin_scope(subject, block).items():
        evidence = {"capability": capability, "shown_by": why, "voice": known.state}
        if owner:
            code, outcome = ReasonCode.VOICE_VERIFIED, Outcome.PENDING
            sentence = f"asked for with the voice of {block.owner}: a voice approves nothing by itself"
            if known.low_confidence and known.confidence is not None:
                weak = filled(block.messages["low_confidence"], percent=str(round(known.confidence * 100)))
                sentence = f"{sentence}. {weak}"
            evidence["speaker"] = block.owner
        else:
            code, text = _STANDS[known.state]
            held = block.hold and code is ReasonCode.VOICE_NEEDED
            outcome, sentence = (Outcome.PENDING if held else Outcome.DENIED), block.messages[text]
        yield finding("voice", capability, code, outcome, sentence, evidence)


def asks_for_voice(policy: CompiledPolicy, findings: list[Finding]) -> bool:
    """Whether a rule that holds asks for the voice of whoever approves."""
    spoken = {item.rule for item in findings if item.block == "custom"}
    return any(rule.rule.voice == "required" and rule.rule.name in spoken for rule in policy.custom)


def spoken(decision: DecisionView) -> VoiceFacts | None:
    """Where the chat stood when this was decided with the owner's voice; None: it was not.

    A request that was spoken stays one: the session may end while it waits for a person.
    """
    for item in decision.findings:
        if item.code == ReasonCode.VOICE_VERIFIED:
            return VoiceFacts("verified", item.evidence.get("speaker"))
    return None
