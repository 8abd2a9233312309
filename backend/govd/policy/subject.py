"""What rules speak of, read once from an intent: its tools, effect, hosts and price.

Pure, and never generous: an argument that cannot be read is trouble with a name, not a zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final

from govd.contract.actions import Audio, HttpRequest, ProcessExec, ToolCall
from govd.contract.errors import InvalidRequestError
from govd.contract.money import micro_usd
from govd.contract.text import visible
from govd.policy import cel, domains
from govd.policy.blocks import EFFECTS
from govd.policy.commands import unwrap
from govd.policy.model import ReasonCode

if TYPE_CHECKING:
    from datetime import datetime

    from govd.intents.model import Declared
    from govd.policy.blocks import AmountSource, Effect
    from govd.policy.model import CompiledPolicy

_GRAVE_KINDS: Final = frozenset({"evm_transaction", "context_release"})
_SHOWN: Final = 80


@dataclass(frozen=True)
class Price:
    """What an intent costs.

    Attributes:
        micro: Micro-USD, rounded up; None where nobody can say.
        mapped: Whether the policy says where the amount stands.
        troubles: Why it cannot be read, each as a reason code and a sentence.
    """

    micro: int | None = None
    mapped: bool = False
    troubles: tuple[tuple[ReasonCode, str], ...] = ()


@dataclass(frozen=True)
class Subject:
    """An intent as the rules see it.

    Attributes:
        names: Its tools; each must be allowed.
        wrappers: Programs that only carry its commands: denied and held by name, never needed to be allowed.
        opaque: Why its command cannot be read for certain.
        effect: The gravest effect of its tools.
        hosts: What it says it reaches, as it was written.
        repository: The remote of its push, which may be a path on this machine.
        lines: The arguments of each command that it runs, as far as they can be made out.
        cut_short: Whether it runs more commands than that.
    """

    intent: Declared
    names: tuple[str, ...]
    wrappers: tuple[str, ...]
    opaque: tuple[str, ...]
    effect: Effect
    hosts: tuple[str, ...]
    repository: str | None
    price: Price
    lines: tuple[tuple[str, ...], ...] = ()
    cut_short: bool = False


def subject_of(intent: Declared, policy: CompiledPolicy) -> Subject:
    """Read an intent."""
    action = intent.action
    names: tuple[str, ...] = ()
    wrappers: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    lines: tuple[tuple[str, ...], ...] = ()
    cut_short = False
    hosts: tuple[str, ...] = ()
    repository = None
    price = Price()
    if isinstance(action, ToolCall):
        names = (action.tool,)
        hosts = tuple(action.domains)
        price = _price(action, policy)
    elif isinstance(action, ProcessExec):
        commands = unwrap(action)
        names, wrappers, opaque = commands.names, commands.wrappers, commands.opaque
        lines, cut_short = commands.lines, commands.cut_short
        repository = action.git.url if action.git is not None else None
    elif isinstance(action, HttpRequest):
        hosts = (action.url,)
    elif isinstance(action, Audio) and action.host is not None:
        hosts = (action.host,)
    return Subject(
        intent=intent,
        names=names,
        wrappers=wrappers,
        opaque=opaque,
        effect=_effect(intent.kind, names, policy),
        hosts=hosts,
        repository=repository,
        price=price,
        lines=lines,
        cut_short=cut_short,
    )


def _effect(kind: str, names: tuple[str, ...], policy: CompiledPolicy) -> Effect:
    if kind in _GRAVE_KINDS:
        return "irreversible"
    known = policy.document.tool_calls.effects
    each: list[Effect] = []
    for name in names:
        found = [known[pattern] for pattern in policy.effects.matching(name)]
        each.append(max(found, key=EFFECTS.__getitem__) if found else "write")
    return max(each, key=EFFECTS.__getitem__) if each else "write"


def _price(action: ToolCall, policy: CompiledPolicy) -> Price:
    """The amount by `amounts`; where several globs match, the highest, and trouble with any is trouble."""
    micro = 0
    troubles: list[tuple[ReasonCode, str]] = []
    found = policy.amounts.matching(action.tool)
    for pattern in found:
        source = policy.document.amounts[pattern]
        trouble = _currency_trouble(action, source)
        if trouble is not None:
            troubles.append(trouble)
            continue
        try:
            micro = max(micro, _micro(_argument(action.arguments, source.usd)))
        except InvalidRequestError as error:
            sentence = f"the amount in {source.usd} cannot be read: {error.detail}"
            troubles.append((ReasonCode.AMOUNT_UNREADABLE, sentence))
    if troubles or not found:
        return Price(mapped=bool(found), troubles=tuple(troubles))
    return Price(micro=micro, mapped=True)


def _micro(value: object) -> int:
    # Booleans are integers to Python, and floats have lost what they were: neither is an amount.
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise InvalidRequestError("it is not a decimal in a string, nor a whole number")
    return micro_usd(text)


def _currency_trouble(action: ToolCall, source: AmountSource) -> tuple[ReasonCode, str] | None:
    if source.currency is None:
        return None
    currency = _argument(action.arguments, source.currency)
    if currency == "USD":
        return None
    told = visible(currency, _SHOWN) if isinstance(currency, str) else "missing, or no text"
    return ReasonCode.CURRENCY_UNPRICED, f"the currency in {source.currency} is not USD: {told}"


def _argument(arguments: dict[str, object], path: str) -> object:
    value: object = arguments
    for part in path.split(".")[1:]:
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def scope_values(subject: Subject, policy: CompiledPolicy, now: datetime) -> dict[str, object]:
    """The values of the CEL variables for this intent. An unpriced intent has none for `intent`."""
    intent = subject.intent
    values: dict[str, object] = {
        "now": now.astimezone(UTC),
        "tz": _offset(now, policy),
        "intent.kind": intent.kind,
        "intent.agent": intent.agent,
        "intent.origin": intent.origin,
        "intent.origin_verified": intent.origin_verified,
        "intent.effect": subject.effect,
        "intent.priced": subject.price.micro is not None,
    }
    if subject.price.micro is not None:
        values["intent"] = str(subject.price.micro).encode()
    for name, value in _action_values(subject).items():
        values[f"intent.{name}"] = value
    if "intent.arguments" in values:
        arguments = values["intent.arguments"] if intent.kind in policy.reads_arguments else {}
        values["intent.arguments"] = cel.json_value(arguments)
    return values


def _action_values(subject: Subject) -> dict[str, object]:
    action = subject.intent.action
    if isinstance(action, ToolCall):
        return {"tool": action.tool, "arguments": action.arguments, "domains": action.domains}
    if isinstance(action, ProcessExec):
        push = action.git
        return {
            "argv": action.argv,
            "tools": [*subject.names, *subject.wrappers],
            "cwd": action.cwd,
            "binary": action.binary.path,
            "env": sorted(action.env),
            "git.url": push.url if push else "",
            "git.refs": [update.ref for update in push.updates] if push else [],
        }
    values = action.model_dump(by_alias=True)
    if isinstance(action, HttpRequest):
        try:
            values["host"] = domains.canonical(action.url).name
        except InvalidRequestError:
            values["host"] = ""
    return {name: _EMPTY.get(name, "") if value is None else value for name, value in values.items()}


_EMPTY: Final[dict[str, object]] = {"seconds": 0}


def _offset(now: datetime, policy: CompiledPolicy) -> str:
    """The policy's zone as its offset at `now`: the engine needs no zone files of its own then."""
    offset = now.astimezone(policy.zone).utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset is not None else 0
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
