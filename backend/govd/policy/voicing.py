"""What voices have to do with a decision: admin requests over chat, and votes that need one. Pure.

A voice that was verified lets an admin request wait for a person, no more. Must never let one stand in for a
person but where the policy says so, the phrase for this very intent was said, and its channel vouches for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract.channels import voucher
from govd.contract.decisions import Finding, Outcome
from govd.contract.voice_texts import filled
from govd.policy.adminscope import admin_scope
from govd.policy.findings import finding
from govd.policy.model import ReasonCode, VoiceFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from govd.contract.decisions import DecisionView
    from govd.policy.model import CompiledPolicy, CompiledVoice, Facts
    from govd.policy.subject import Subject

CHANNEL: Final = "channel:"
"""What an origin begins with that names a chat."""

_SPOKEN: Final = frozenset({ReasonCode.VOICE_VERIFIED.value, ReasonCode.VOICE_PHRASE.value})
_ADMIN: Final = _SPOKEN | {ReasonCode.VOICE_NEEDED.value, ReasonCode.VOICE_UNAVAILABLE.value}
"""Codes that an admin request has, each with its capability as the rule."""

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
            evidence["speaker"] = block.owner
            yield _asked_for(subject, block, known, evidence)
            continue
        code, text = _STANDS[known.state]
        held = block.hold and code is ReasonCode.VOICE_NEEDED
        outcome = Outcome.PENDING if held else Outcome.DENIED
        yield finding("voice", capability, code, outcome, block.messages[text], evidence)


def _asked_for(
    subject: Subject, block: CompiledVoice, known: VoiceFacts, evidence: dict[str, str]
) -> Finding:
    """What an admin request is with the owner's voice: held, unless the phrase of it lifts that."""
    code, outcome = ReasonCode.VOICE_VERIFIED, Outcome.PENDING
    sentence = f"asked for with the voice of {block.owner}: a voice approves nothing by itself"
    if known.phrase:
        code = ReasonCode.VOICE_PHRASE
        vouched = _vouched(block, subject.intent.origin, known.vouched)
        evidence |= {"phrase": "said", "enrolment": known.enrolment}
        evidence |= {"vouched": known.vouched} if known.vouched else {}
        sentence = f"asked for with the voice of {block.owner}, who said the phrase of this job"
        if not vouched:
            sentence += "; no channel of the policy says by whom the note came"
        elif block.phrase == "approves" and not known.low_confidence:
            outcome, sentence = Outcome.APPROVED, f"{sentence}: the policy asks for no more"
    elif block.phrase == "required":
        sentence += ", and nobody approves it before the phrase of this job was said"
    if known.low_confidence:
        # Kept as it is shown: when this is decided again, the match is as weak as it was.
        evidence["weak"] = weak = "" if known.confidence is None else f"{known.confidence:.6f}"
        if weak:
            percent = str(round(float(weak) * 100))
            sentence = f"{sentence}. {filled(block.messages['low_confidence'], percent=percent)}"
    return finding("voice", evidence["capability"], code, outcome, sentence, evidence)


def _vouched(block: CompiledVoice, origin: str, by: str) -> bool:
    """Whether a channel of the policy still vouches for what this intent's chat sent."""
    channel = block.channels.get(origin.removeprefix(CHANNEL)) if origin.startswith(CHANNEL) else None
    return channel is not None and by in {voucher(channel.key, one) for one in channel.senders}


def lacks_phrase(decision: DecisionView) -> bool:
    """Whether this is an admin request whose phrase nobody has said."""
    return any(item.code in _ADMIN and item.code != ReasonCode.VOICE_PHRASE for item in decision.findings)


def capabilities_of(decision: DecisionView) -> list[str]:
    """The capabilities that a decision found an intent to need a voice for."""
    return [item.rule for item in decision.findings if item.code in _ADMIN]


def asks_for_voice(policy: CompiledPolicy, findings: list[Finding]) -> bool:
    """Whether a rule that holds asks for the voice of whoever approves."""
    spoken = {item.rule for item in findings if item.block == "custom"}
    return any(rule.rule.voice == "required" and rule.rule.name in spoken for rule in policy.custom)


def spoken(decision: DecisionView) -> VoiceFacts | None:
    """Where the chat stood when this was decided with the owner's voice; None: it was not.

    A request that was spoken stays one: the session may end while it waits for a person.
    """
    for item in decision.findings:
        if item.code in _SPOKEN:
            weak = item.evidence.get("weak")
            return VoiceFacts(
                "verified",
                item.evidence.get("speaker"),
                low_confidence=weak is not None,
                confidence=float(weak) if weak else None,
                phrase=item.code == ReasonCode.VOICE_PHRASE,
                vouched=item.evidence.get("vouched", ""),
                enrolment=item.evidence.get("enrolment", ""),
            )
    return None
