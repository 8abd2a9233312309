"""What a decision works with: compiled policy, facts, reason codes. Types only: nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from govd.contract.decisions import Finding
    from govd.policy.blocks import Capability, CustomRule, PolicyDocument, SoftLimit
    from govd.policy.cel import Program
    from govd.policy.domains import Rule
    from govd.policy.globs import Patterns


class ReasonCode(StrEnum):
    """Why a decision came out as it did: a closed set, listed in docs/reference/reasons.md."""

    TOOL_ALLOWED = "tool-allowed"
    TOOL_DENIED = "tool-denied"
    TOOL_HELD = "tool-held"
    UNKNOWN_TOOL = "unknown-tool"
    UNKNOWN_ORIGIN = "unknown-origin"
    NO_RULE = "no-rule"
    OPAQUE_COMMAND = "opaque-command"
    DOMAIN_INVALID = "domain-invalid"
    DOMAIN_DENIED = "domain-denied"
    DOMAIN_NOT_ALLOWED = "domain-not-allowed"
    AMOUNT_UNREADABLE = "amount-unreadable"
    CURRENCY_UNPRICED = "currency-unpriced"
    UNPRICED = "unpriced"
    CUSTOM_ALLOWED = "custom-allowed"
    CUSTOM_DENIED = "custom-denied"
    CUSTOM_HELD = "custom-held"
    CAP_EXCEEDED = "cap-exceeded"
    EVALUATION_ERROR = "evaluation-error"
    CLOCK_STEPPED = "clock-stepped"
    FLOOD = "flood"
    VOICE_NEEDED = "voice-needed"
    VOICE_VERIFIED = "voice-verified"
    VOICE_PHRASE = "voice-phrase"
    VOICE_UNAVAILABLE = "voice-unavailable"
    VOICE_ENROLMENT = "voice-enrolment"


class Booking(NamedTuple):
    """What an approval of an intent adds to one total. Amounts are micro-USD, or a count.

    A tuple, because a decision makes one for each limit: a frozen dataclass takes three times as long.
    """

    cap: str
    subject: str
    window: str
    metric: Literal["usd", "count"]
    amount: int
    limit: int


VoiceStanding = Literal["verified", "expired", "never_verified", "none_enrolled", "unavailable"]


@dataclass(frozen=True)
class VoiceFacts:
    """Where the chat that an intent comes from stands: what a verification left behind, never a claim.

    Attributes:
        state: Whether a session stands for this agent and chat; `none_enrolled` where nobody could have one,
            `unavailable` where nobody can be verified.
        speaker: Whose voice it was, with `verified`. Whether he has admin scope is the policy's to say.
        low_confidence: Whether it matched below what counts as sure.
        confidence: The cosine of that match, -1 to 1, where it is known.
        phrase: Whether that voice has said the phrase that was given for this very intent.
        enrolment: With `phrase`: which enrollment of that speaker it was matched with.
        vouched: With `phrase`: which channel and sender it came by, as `voucher` makes it; empty: none.
    """

    state: VoiceStanding
    speaker: str | None = None
    low_confidence: bool = False
    confidence: float | None = None
    phrase: bool = False
    vouched: str = ""
    enrolment: str = ""


NO_VOICE = VoiceFacts("unavailable")
"""What holds where nobody was asked: an active block denies by it."""


@dataclass(frozen=True)
class Facts:
    """All that a decision knows of the world.

    Attributes:
        now: The governed clock, in UTC.
        totals: (cap, subject, window) → micro-USD or count that stands booked; a missing key is 0.
        extra: Findings that the service itself makes (clock stepped, flood, …).
        voice: Where the intent's chat stands; only an active `voice:` block reads it.
        held: Whether it waits for a vote already, and goes on to wait whatever is found now.
    """

    now: datetime
    totals: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    extra: tuple[Finding, ...] = ()
    voice: VoiceFacts = NO_VOICE
    held: bool = False


@dataclass(frozen=True)
class CompiledRule:
    """A CEL rule, with one program for each kind that it names."""

    rule: CustomRule
    programs: Mapping[str, Program]


@dataclass(frozen=True)
class CompiledLimit:
    """A soft limit with its globs prepared; `tools` None: every intent of its kinds."""

    rule: SoftLimit
    limit: int
    kinds: frozenset[str] | None
    tools: Patterns | None


@dataclass(frozen=True)
class CompiledDomains:
    """The domain lists in canonical form."""

    default: Literal["deny", "hold", "allow"]
    allow: tuple[Rule, ...]
    deny: tuple[Rule, ...]


@dataclass(frozen=True)
class CompiledChannel:
    """A chat whose adapter vouches for what comes in by it: with which key, and for whom."""

    key: Ed25519PublicKey
    senders: tuple[str, ...]


@dataclass(frozen=True)
class CompiledVoice:
    """The `voice:` block, prepared.

    Attributes:
        owner: The one speaker with admin scope.
        scope: Which capabilities need his voice.
        session: How long a verification stands.
        low_confidence: Below this cosine a match is named weak; None: the model's own value.
        hold: Whether an admin request without a valid session waits for a person, instead of being denied.
        messages: The six texts, by name.
        tools: Which tools belong to which capability, beside what is built in.
        files: Which paths do.
        channels: The chats that can be verified, and who vouches for each; none: all, and nobody has to.
        phrase: What the phrase of a job is to an admin request: see `govd.policy.blocks.Voice`.
    """

    owner: str
    scope: tuple[Capability, ...]
    session: timedelta
    low_confidence: float | None
    hold: bool
    messages: Mapping[str, str] = field(repr=False)
    tools: Mapping[Capability, Patterns] = field(repr=False)
    files: Mapping[Capability, Patterns] = field(repr=False)
    channels: Mapping[str, CompiledChannel] = field(default_factory=dict, repr=False)
    phrase: Literal["required", "optional", "approves"] = "optional"


@dataclass(frozen=True)
class CompiledPolicy:
    """A policy that may come into force: checked, and prepared so that deciding is fast.

    Attributes:
        sha256: Of the bytes of the file.
        source: These bytes.
        document: What they say.
        zone: Where a day begins.
        effects: Globs of tools, with what they do.
        reads_arguments: Kinds whose CEL rules look into `arguments`.
        hold_ttl: How long a hold waits for a person.
        attestation_ttl: From minting to redeeming.
        approval_ttl: From an approval to the last minting.
        reason_required: Whether a vote needs a reason in words.
        voice: Who has admin scope over chat, and what that covers; None: no block, nothing is gated.
        hold_voice: Whether each vote that approves needs the operator's own voice.
        change_voice: Whether putting a looser policy in force needs it.
    """

    sha256: str
    source: bytes = field(repr=False)
    document: PolicyDocument = field(repr=False)
    name: str
    zone: ZoneInfo
    registry: Patterns = field(repr=False)
    origins: Patterns | None = field(repr=False)
    allow: Patterns = field(repr=False)
    deny: Patterns = field(repr=False)
    hold: Patterns = field(repr=False)
    effects: Patterns = field(repr=False)
    domains: CompiledDomains | None = field(repr=False)
    amounts: Patterns = field(repr=False)
    custom: tuple[CompiledRule, ...] = field(repr=False)
    limits: tuple[CompiledLimit, ...] = field(repr=False)
    reads_arguments: frozenset[str] = field(repr=False)
    hold_ttl: timedelta
    attestation_ttl: timedelta
    approval_ttl: timedelta
    reason_required: bool
    voice: CompiledVoice | None = field(default=None, repr=False)
    hold_voice: bool = False
    change_voice: bool = False
