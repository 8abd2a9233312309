"""What a policy file may say. Types only: nothing is decided here.

The JSON Schema that editors complete from is generated from these models (`govd.policy.schema`).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from govd.contract.channels import Sender, public_key
from govd.contract.errors import InvalidRequestError
from govd.contract.intents import Kind
from govd.contract.limits import MAX_NAME
from govd.contract.money import micro_usd
from govd.contract.text import visible
from govd.contract.voice import Chat, SpeakerName
from govd.contract.voice_texts import (
    ENROLLED,
    LOW_CONFIDENCE,
    MESSAGES,
    NO_MATCH,
    NONE_ENROLLED,
    PLACEHOLDERS,
    TEXT_ONLY,
    UNAVAILABLE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Effect = Literal["read", "draft", "write", "irreversible"]
Capability = Literal["credentials", "configuration", "privileged", "security"]
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)
"""What admin scope is made of, as the seed lists it."""

Stepping = Literal["optional", "required"]
"""Whether an operator's signature needs his voice beside it."""

EFFECTS: dict[Effect, int] = {"read": 0, "draft": 1, "write": 2, "irreversible": 3}
"""Every effect, with its rank: where several rules speak of one tool, the gravest counts."""


_DURATION = re.compile(r"(0|[1-9][0-9]{0,5})(s|m|h|d)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_TOOL_GLOB = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_.:/*-]*", re.ASCII)
_ORIGIN_GLOB = re.compile(r"[a-z*]+(:[A-Za-z0-9._*-]+)?", re.ASCII)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_ARGUMENT = re.compile(r"arguments(\.[A-Za-z_][A-Za-z0-9_-]*)+", re.ASCII)


def duration(text: str) -> timedelta:
    """The span of `30s`, `5m`, `24h` or `7d`.

    Raises:
        ValueError: it is no such span.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("a duration is a number and a unit: 30s, 5m, 24h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _between(low: str, high: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not duration(low) <= duration(text) <= duration(high):
            raise ValueError(f"{text} is not between {low} and {high}")
        return text

    return check


def _fits(pattern: re.Pattern[str], why: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > MAX_NAME or pattern.fullmatch(text) is None:
            raise ValueError(why)
        return text

    return check


def _printable(text: str) -> str:
    if visible(text) != text:
        raise ValueError("a text is one line, without hidden characters")
    return text


def _decimal(value: object) -> object:
    if isinstance(value, float):
        raise ValueError("an amount with a point is written in quotes, so that no float touches it")  # noqa: TRY004 - pydantic wants ValueError
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _amount(text: str) -> str:
    try:
        micro_usd(text)
    except InvalidRequestError as error:
        raise ValueError(error.detail) from None
    return text


ToolGlob = Annotated[
    str, AfterValidator(_fits(_TOOL_GLOB, "a tool is letters, digits and . _ : / -, with * for any run"))
]
OriginGlob = Annotated[
    str, AfterValidator(_fits(_ORIGIN_GLOB, "an origin is user, schedule, channel:NAME or agent:NAME"))
]
ArgumentPath = Annotated[
    str, AfterValidator(_fits(_ARGUMENT, "a path into the arguments is written arguments.NAME"))
]
Cap = Annotated[
    str,
    BeforeValidator(_decimal),
    AfterValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}, {"type": "integer"}]}),
]
RuleName = Annotated[
    str,
    AfterValidator(
        _fits(
            re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII),
            "a rule's name is lower-case letters, digits, . _ -",
        )
    ),
]
Message = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
VoiceText = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_printable)]
FileGlob = Annotated[
    str, AfterValidator(_fits(re.compile(r"[/*][^\x00-\x1f\x7f]*"), "a path is absolute, with * for any run"))
]
DomainEntry = Annotated[str, StringConstraints(min_length=1, max_length=260)]
_RULES = 500


class Block(BaseModel):
    """Frozen, exact about types and keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Domains(Block):
    """Which hosts an intent may name: a tool's declared domains, a request's URL, a push's remote."""

    default: Literal["deny", "hold", "allow"] = "deny"
    """What happens to a host that no entry names."""
    allow: Annotated[list[DomainEntry], Field(max_length=_RULES)] = []
    """`*.example.com` covers one or more labels, never example.com itself; `host:443` only that port."""
    deny: Annotated[list[DomainEntry], Field(max_length=_RULES)] = []
    """Wins over `allow`."""


class ToolCalls(Block):
    """Tools by name. A command counts as the tool `exec.NAME`, git as `exec.git.SUBCOMMAND`."""

    effects: dict[ToolGlob, Effect] = Field(default={}, max_length=_RULES)
    """What a tool does to the world; `write` where nothing says otherwise, the gravest where several do."""
    allow: Annotated[list[ToolGlob], Field(max_length=_RULES)] = []
    """May run without a person, within every other rule."""
    deny: Annotated[list[ToolGlob], Field(max_length=_RULES)] = []
    """Never runs."""
    hold: Annotated[list[ToolGlob], Field(max_length=_RULES)] = []
    """Waits for a person."""
    domains: Domains | None = None


class AmountSource(Block):
    """Where a tool's arguments say what it costs."""

    usd: ArgumentPath
    """The amount: a decimal in a string, or a whole number. Anything else is held."""
    currency: ArgumentPath | None = None
    """The currency's argument: anything but USD is held. Without this line the amount is USD."""


class CustomRule(Block):
    """One CEL expression that denies, holds or allows."""

    name: RuleName
    kinds: Annotated[list[Kind], Field(min_length=1)]
    """Which kinds of intent it reads; others skip it. Its variables are typed by them."""
    deny_if: Expression | None = None
    hold_if: Expression | None = None
    allow_if: Expression | None = None
    message: Message | None = None
    """What a person is told when the rule speaks."""
    voice: Stepping = "optional"
    """`required`: a vote that approves what this rule holds needs the operator's own voice too."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(text is not None for text in (self.deny_if, self.hold_if, self.allow_if)) != 1:
            raise ValueError("a rule has exactly one of deny_if, hold_if and allow_if")
        if self.voice == "required" and self.hold_if is None:
            raise ValueError("voice: required is about a vote, and only hold_if leads to one")
        return self

    @property
    def verb(self) -> Literal["deny_if", "hold_if", "allow_if"]:
        """Which of the three it has."""
        return "deny_if" if self.deny_if else "hold_if" if self.hold_if else "allow_if"

    @property
    def expression(self) -> str:
        """The expression under its verb."""
        return self.deny_if or self.hold_if or self.allow_if or ""


class Match(Block):
    """Which intents a limit counts; a line left out matches all."""

    kinds: Annotated[list[Kind], Field(min_length=1)] | None = None
    tools: Annotated[list[ToolGlob], Field(min_length=1, max_length=_RULES)] | None = None


class SoftLimit(Block):
    """A total for one day: the intent that would cross it is held."""

    name: RuleName
    metric: Literal["usd", "count"]
    match: Match = Match()
    per: Literal["agent", "all"] = "agent"
    """Whose intents share the total: each agent's own, or all agents'."""
    window: Literal["day"] = "day"
    """A calendar day in the policy's `timezone`."""
    cap: Cap
    """USD as a decimal in quotes, or a count."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.metric == "count" and "." in self.cap:
            raise ValueError("a count is a whole number")
        return self

    @property
    def limit(self) -> int:
        """The cap in micro-USD, or as a count."""
        return micro_usd(self.cap) if self.metric == "usd" else int(self.cap)


class Holds(Block):
    """What holds for every hold."""

    ttl: Annotated[str, AfterValidator(_between("1s", "30d"))] = "24h"
    """How long a person has; then the intent is EXPIRED and stays blocked."""
    quorum: Literal[1] = 1
    """How many operators must approve. More than one comes with the review feature."""
    grace: Literal["0s"] = "0s"
    """How long an approval can be taken back before it takes effect. More comes with the review feature."""
    reason_required: bool = False
    """Whether a vote needs a reason in words."""
    voice: Stepping = "optional"
    """`required`: every vote that approves needs the operator's own voice too."""
    separation_of_duties: Literal[False] = False
    """Whether an agent's owner is barred from voting. `true` comes with the review feature."""


class Attestation(Block):
    """How long what was decided may be acted on."""

    ttl: Annotated[str, AfterValidator(_between("1s", "1h"))] = "5m"
    """From minting to redeeming."""
    approval: Annotated[str, AfterValidator(_between("1s", "30d"))] = "24h"
    """From the approval to the last minting."""


class LooserChange(Block):
    """What a change that loosens something asks for, beside a signature and a reason."""

    quorum: Literal[1] = 1
    """How many operators must sign. More than one comes with the review feature."""
    voice: Stepping = "optional"
    """`required`: the operator who applies it has shown his voice."""


class PolicyChanges(Block):
    """What a change of the policy asks for."""

    looser: LooserChange = LooserChange()


class VoiceMessages(Block):
    """What agents say about voices; left out: the words of the skill."""

    text_only: VoiceText = TEXT_ONLY
    """An admin request in a chat without a valid voice session."""
    no_match: VoiceText = NO_MATCH
    """The voice is nobody's that is enrolled, or another speaker's than the owner's."""
    none_enrolled: VoiceText = NONE_ENROLLED
    """Nobody is enrolled."""
    low_confidence: VoiceText = LOW_CONFIDENCE
    """It matched, but barely. `{percent}` becomes the confidence."""
    unavailable: VoiceText = UNAVAILABLE
    """Nobody can be verified now."""
    enrolled: VoiceText = ENROLLED
    """An enrollment is complete. `{samples}` becomes how many samples it has."""

    @model_validator(mode="after")
    def _placeholders(self) -> Self:
        for name in MESSAGES:
            allowed = PLACEHOLDERS.get(name, frozenset())
            for word in _PLACEHOLDER.findall(getattr(self, name)):
                if word not in allowed:
                    known = " or ".join(f"{{{item}}}" for item in sorted(allowed)) or "nothing"
                    raise ValueError(f"{name} has {{{word}}}: {known} is filled in there")
        return self


def _channel_key(text: str) -> str:
    try:
        public_key(text)
    except InvalidRequestError as error:
        raise ValueError(error.detail) from None
    return text


class VoiceChannel(Block):
    """A chat whose adapter vouches for what comes in by it."""

    key: Annotated[str, Field(max_length=400), AfterValidator(_channel_key)]
    """The adapter's public key, as `ssh-keygen -t ed25519` writes it; no agent can read the private one."""
    senders: Annotated[list[Sender], Field(min_length=1, max_length=32)]
    """The owner's ids on that channel: voice notes of anybody else count for nothing."""


class Voice(Block):
    """Admin requests over chat: only where the owner's voice was verified, and never by a voice alone."""

    owner: SpeakerName
    """The one speaker with admin scope."""
    admin_scope: Annotated[list[Capability], Field(min_length=1)] = list(CAPABILITIES)
    """What is gated: credentials, configuration, privileged, security."""
    tools: dict[Capability, Annotated[list[ToolGlob], Field(max_length=_RULES)]] = {}
    """Tools that belong to a capability, beside those that are built in."""
    files: dict[Capability, Annotated[list[FileGlob], Field(max_length=_RULES)]] = {}
    """Absolute paths that belong to one; `*` is any run of characters, slashes too."""
    session: Annotated[str, AfterValidator(_between("1m", "12h"))] = "2h"
    """How long a verification stands, for that agent and chat alone."""
    low_confidence: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Below this cosine a match is named weak. `null`: the model's own value, which fits its scores."""
    text_only: Literal["deny", "hold"] = "deny"
    """An admin request without a valid voice session is denied, or waits for a person."""
    channels: Annotated[dict[Chat, VoiceChannel], Field(max_length=64)] = {}
    """Chats by their NAME in `channel:NAME`. Where any is listed, no other chat is verified."""
    phrase: Literal["required", "optional", "approves"] = "optional"
    """What the fresh phrase of a job is: no approval without it, shown, or it lifts what this block holds."""
    messages: VoiceMessages = VoiceMessages()

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len(set(self.admin_scope)) != len(self.admin_scope):
            raise ValueError("admin_scope names a capability twice")
        if "" in self.channels:
            raise ValueError("a channel has a name")
        if self.phrase == "approves" and not self.channels:
            raise ValueError("phrase: approves needs channels: nobody else says whose note it is")
        unused = [name for name in (*self.tools, *self.files) if name not in self.admin_scope]
        if unused:
            raise ValueError(f"{unused[0]} has tools or files, and is not in admin_scope")
        return self


class PolicyDocument(Block):
    """A policy file."""

    version: Literal[1]
    name: RuleName
    tools: Annotated[list[ToolGlob], Field(max_length=_RULES)] = []
    """The registry: every tool there is. A tool outside it is held, a rule about one outside is refused."""
    origins: Annotated[list[OriginGlob], Field(max_length=_RULES)] | None = None
    """The registry of origins: an intent from any other is held."""
    default: Literal["hold", "deny"] = "hold"
    """What becomes of an intent that no rule allows."""
    timezone: str = "UTC"
    """Where a day begins: an IANA name such as Europe/Berlin."""
    tool_calls: ToolCalls = ToolCalls()
    amounts: dict[ToolGlob, AmountSource] = Field(default={}, max_length=_RULES)
    """Maps tools' arguments to money."""
    custom: Annotated[list[CustomRule], Field(max_length=_RULES)] = []
    soft_limits: Annotated[list[SoftLimit], Field(max_length=_RULES)] = []
    holds: Holds = Holds()
    attestation: Attestation = Attestation()
    policy_changes: PolicyChanges = PolicyChanges()
    voice: Voice | None = None
