"""What a change of the policy means: tighter, looser or unclear, rule by rule.

Must never call a change tighter that could let one intent through that was stopped before: what is not
proven is `unclear`, and waits for a signature like a looser one (threats T11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from govd.contract.money import pretty_usd
from govd.policy.blocks import CAPABILITIES, EFFECTS, duration
from govd.policy.globs import covered, covers, overlaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from govd.policy import domains
    from govd.policy.blocks import CustomRule, PolicyDocument, SoftLimit, Voice, VoiceChannel
    from govd.policy.model import CompiledPolicy

Direction = Literal["tighter", "looser", "unclear"]
_WRITE: Final = EFFECTS["write"]
_DEFAULTS: Final = {"allow": 0, "hold": 1, "deny": 2}


@dataclass(frozen=True)
class Change:
    """One difference, and what it does to what agents may do."""

    direction: Direction
    text: str


def only_tightens(old: CompiledPolicy, new: CompiledPolicy) -> bool:
    """Whether it is proven that no intent fares better under `new` than under `old`."""
    return all(change.direction == "tighter" for change in changes(old, new))


def changes(old: CompiledPolicy, new: CompiledPolicy) -> list[Change]:
    """Every difference that touches a decision, in the order of the file. Comments and names touch none."""
    before, after = old.document, new.document
    found = [
        *_registry("tools", before.tools, after.tools),
        *_registry("origins", _all(before.origins), _all(after.origins)),
        *_scalars(before, after),
        *_effects(before, after),
        *_lists(before, after),
        *_domains(old, new),
        *_amounts(before, after),
        *_custom(before, after),
        *_limits(before, after),
        *_durations(before, after),
        *_voice(before, after),
    ]
    return [Change(direction, text) for direction, text in found]


_Found = tuple[Direction, str]


def _all(patterns: list[str] | None) -> list[str]:
    """No registry of origins is a registry of everything."""
    return ["*"] if patterns is None else patterns


def _registry(block: str, before: Sequence[str], after: Sequence[str]) -> Iterator[_Found]:
    for pattern in _missing(after, before):
        direction: Direction = "tighter" if covered(pattern, before) else "looser"
        yield direction, f"{block}: {pattern} is known now"
    for pattern in _missing(before, after):
        yield "tighter", f"{block}: {pattern} is not known by itself any more"


def _missing(patterns: Iterable[str], other: Iterable[str]) -> list[str]:
    """What stands in one list alone."""
    there = set(other)
    return [pattern for pattern in dict.fromkeys(patterns) if pattern not in there]


def _scalars(before: PolicyDocument, after: PolicyDocument) -> Iterator[_Found]:
    if before.default != after.default:
        direction: Direction = "tighter" if after.default == "deny" else "looser"
        yield direction, f"default: {before.default} → {after.default}"
    if before.timezone != after.timezone:
        yield "unclear", f"timezone: {before.timezone} → {after.timezone} moves where a day begins"
    if before.holds.reason_required != after.holds.reason_required:
        direction = "tighter" if after.holds.reason_required else "looser"
        verb = "needs" if after.holds.reason_required else "needs no"
        yield direction, f"holds: a vote {verb} reason"


def _effects(before: PolicyDocument, after: PolicyDocument) -> Iterator[_Found]:
    """A graver effect is tighter, unless an expression reads the effect: then nothing is proven."""
    old, new = before.tool_calls.effects, after.tool_calls.effects
    if old == new:
        return
    text = "effects: " + ", ".join(
        f"{pattern} {old.get(pattern, 'unnamed')} → {new.get(pattern, 'unnamed')}"
        for pattern in dict.fromkeys([*old, *new])
        if old.get(pattern) != new.get(pattern)
    )
    if any("effect" in rule.expression for rule in (*before.custom, *after.custom)):
        yield "unclear", text + " (a custom rule reads the effect)"
        return
    kept = all(
        any(covers(other, pattern) and EFFECTS[graver] >= EFFECTS[effect] for other, graver in new.items())
        or (
            EFFECTS[effect] <= _WRITE
            and all(
                EFFECTS[graver] >= EFFECTS[effect]
                for other, graver in new.items()
                if overlaps(other, pattern)
            )
        )
        for pattern, effect in old.items()
    )
    softened = any(EFFECTS[effect] < _WRITE and not covered(pattern, old) for pattern, effect in new.items())
    yield ("tighter" if kept and not softened else "looser"), text


def _lists(before: PolicyDocument, after: PolicyDocument) -> Iterator[_Found]:
    old, new = before.tool_calls, after.tool_calls
    for pattern in _missing(new.allow, old.allow):
        yield ("tighter" if covered(pattern, old.allow) else "looser"), f"allow: {pattern} added"
    for pattern in _missing(old.allow, new.allow):
        yield "tighter", f"allow: {pattern} removed"
    for pattern in _missing(new.deny, old.deny):
        yield "tighter", f"deny: {pattern} added"
    for pattern in _missing(old.deny, new.deny):
        yield ("tighter" if covered(pattern, new.deny) else "looser"), f"deny: {pattern} removed"
    for pattern in _missing(new.hold, old.hold):
        yield "tighter", f"hold: {pattern} added"
    for pattern in _missing(old.hold, new.hold):
        still = covered(pattern, [*new.hold, *new.deny])
        yield ("tighter" if still else "looser"), f"hold: {pattern} removed"


def _domains(old: CompiledPolicy, new: CompiledPolicy) -> Iterator[_Found]:
    before, after = old.domains, new.domains
    if before is None and after is None:
        return
    if before is None:
        yield "tighter", "domains: hosts are checked now"
        return
    if after is None:
        yield "looser", "domains: hosts are not checked any more"
        return
    if before.default != after.default:
        graver = _DEFAULTS[after.default] > _DEFAULTS[before.default]
        yield ("tighter" if graver else "looser"), f"domains: default {before.default} → {after.default}"
    for rule in _without(after.allow, before.allow):
        inside = any(other.covers(rule) for other in before.allow)
        yield ("tighter" if inside else "looser"), f"domains: {rule.text} is allowed now"
    for rule in _without(before.allow, after.allow):
        yield "tighter", f"domains: {rule.text} is not allowed by itself any more"
    for rule in _without(after.deny, before.deny):
        yield "tighter", f"domains: {rule.text} is denied now"
    for rule in _without(before.deny, after.deny):
        still = any(other.covers(rule) for other in after.deny)
        yield ("tighter" if still else "looser"), f"domains: {rule.text} is not denied by itself any more"


def _without(rules: Iterable[domains.Rule], other: Iterable[domains.Rule]) -> list[domains.Rule]:
    there = set(other)
    return [rule for rule in rules if rule not in there]


def _amounts(before: PolicyDocument, after: PolicyDocument) -> Iterator[_Found]:
    """A price that is read elsewhere may be another price: nothing is proven."""
    for pattern in dict.fromkeys([*before.amounts, *after.amounts]):
        old, new = before.amounts.get(pattern), after.amounts.get(pattern)
        if old != new:
            what = "added" if old is None else "removed" if new is None else "read elsewhere"
            yield "unclear", f"amounts: {pattern} {what}"


def _custom(before: PolicyDocument, after: PolicyDocument) -> Iterator[_Found]:
    old = {rule.name: rule for rule in before.custom}
    new = {rule.name: rule for rule in after.custom}
    for name in dict.fromkeys([*old, *new]):
        yield from _custom_rule(name, old.get(name), new.get(name))


def _custom_rule(name: str, old: CustomRule | None, new: CustomRule | None) -> Iterator[_Found]:
    if old is None and new is not None:
        if new.allow_if:
            yield "looser", f"custom: {name} added, which allows"
        else:
            yield "tighter", f"custom: {name} added"
    elif new is None and old is not None:
        if old.allow_if:
            # Where such a rule failed, it denied: without it that intent is only held.
            yield "unclear", f"custom: {name} removed, which allowed"
        else:
            yield "looser", f"custom: {name} removed"
    elif old is not None and new is not None:
        yield from _custom_change(name, old, new)


def _custom_change(name: str, old: CustomRule, new: CustomRule) -> Iterator[_Found]:
    # Where it denies now, nobody votes.
    if old.voice != new.voice and new.hold_if is not None:
        asks = new.voice == "required"
        yield ("tighter" if asks else "looser"), f"custom: {name} asks for {'a' if asks else 'no'} voice"
    if old.expression != new.expression or "allow_if" in {old.verb, new.verb} - ({old.verb} & {new.verb}):
        yield "unclear", f"custom: {name} says something else"
        return
    if old.verb != new.verb:
        direction: Direction = "tighter" if new.verb == "deny_if" else "looser"
        yield direction, f"custom: {name} {old.verb} → {new.verb}"
    if set(old.kinds) != set(new.kinds):
        wider = set(old.kinds) <= set(new.kinds)
        by_width: tuple[Direction, Direction] = (
            ("unclear", "looser") if new.allow_if else ("looser", "tighter")
        )
        direction = by_width[wider]
        yield direction, f"custom: {name} reads {', '.join(new.kinds)}"


def _limits(before: PolicyDocument, after: PolicyDocument) -> Iterator[_Found]:
    old = {rule.name: rule for rule in before.soft_limits}
    new = {rule.name: rule for rule in after.soft_limits}
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name), new.get(name)
        if one is None:
            yield "tighter", f"cap {name} added"
        elif other is None:
            yield "looser", f"cap {name} removed"
        else:
            yield from _limit_change(one, other)


def _limit_change(old: SoftLimit, new: SoftLimit) -> Iterator[_Found]:
    if old.metric != new.metric or old.per != new.per:
        yield "unclear", f"cap {old.name} counts something else: {new.metric} per {new.per}"
        return
    if old.limit != new.limit:
        show = pretty_usd if old.metric == "usd" else "{:,}".format
        direction: Direction = "tighter" if new.limit < old.limit else "looser"
        yield direction, f"cap {old.name} {show(old.limit)} → {show(new.limit)}"
    if old.match == new.match:
        return
    old_kinds, new_kinds = old.match.kinds, new.match.kinds
    old_tools, new_tools = old.match.tools, new.match.tools
    kinds_kept = new_kinds is None or (old_kinds is not None and set(old_kinds) <= set(new_kinds))
    # From named tools to none named: a tool without a price was held because it was named.
    tools_kept = (new_tools is None) == (old_tools is None) and all(
        covered(pattern, new_tools or []) for pattern in old_tools or []
    )
    text = f"cap {old.name} counts other intents"
    yield ("tighter" if kinds_kept and tools_kept else "looser"), text


def _durations(before: PolicyDocument, after: PolicyDocument) -> Iterator[_Found]:
    for name, old, new in (
        ("holds.ttl", before.holds.ttl, after.holds.ttl),
        ("attestation.ttl", before.attestation.ttl, after.attestation.ttl),
        ("attestation.approval", before.attestation.approval, after.attestation.approval),
    ):
        if duration(old) != duration(new):
            yield ("tighter" if duration(new) < duration(old) else "looser"), f"{name}: {old} → {new}"


def _voice(before: PolicyDocument, after: PolicyDocument) -> Iterator[_Found]:
    """The block, and what asks for an operator's voice."""
    for name, old, new in (
        ("holds", before.holds.voice, after.holds.voice),
        ("policy_changes.looser", before.policy_changes.looser.voice, after.policy_changes.looser.voice),
    ):
        if old != new:
            verb = "needs" if new == "required" else "needs no"
            yield ("tighter" if new == "required" else "looser"), f"{name}: a signature {verb} voice"
    one, other = before.voice, after.voice
    if one is None and other is not None:
        yield "tighter", f"voice: admin requests need the voice of {other.owner}"
    elif other is None and one is not None:
        yield "looser", "voice: admin requests need no voice any more"
    elif one is not None and other is not None:
        yield from _voice_change(one, other)


def _voice_change(old: Voice, new: Voice) -> Iterator[_Found]:
    if old.owner != new.owner:
        yield "looser", f"voice: the owner is {new.owner}, not {old.owner}"
    for name in CAPABILITIES:
        if (name in old.admin_scope) != (name in new.admin_scope):
            gated = name in new.admin_scope
            text = f"voice: {name} {'needs' if gated else 'needs no'} voice"
            yield ("tighter" if gated else "looser"), text
        for what, were, are in (("tools", old.tools, new.tools), ("files", old.files, new.files)):
            yield from _gated(f"voice.{what}.{name}", were.get(name, []), are.get(name, []))
    if duration(old.session) != duration(new.session):
        shorter = duration(new.session) < duration(old.session)
        yield ("tighter" if shorter else "looser"), f"voice.session: {old.session} → {new.session}"
    yield from _channels(old.channels, new.channels)
    if old.phrase != new.phrase:
        stricter = _PHRASES.index(new.phrase) < _PHRASES.index(old.phrase)
        yield ("tighter" if stricter else "looser"), f"voice.phrase: {old.phrase} → {new.phrase}"
    if old.text_only != new.text_only:
        denied = new.text_only == "deny"
        yield ("tighter" if denied else "looser"), f"voice.text_only: {old.text_only} → {new.text_only}"


_PHRASES: Final = ("required", "optional", "approves")
"""The strictest first."""


def _channels(old: Mapping[str, VoiceChannel], new: Mapping[str, VoiceChannel]) -> Iterator[_Found]:
    """Who vouches for a chat: the first ones shut all others out, and each one more lets somebody in."""
    if bool(old) != bool(new):
        verb = "need" if new else "do not need"
        yield ("tighter" if new else "looser"), f"voice.channels: chats {verb} their channel's signature"
        return
    for name in sorted(old.keys() | new.keys()):
        block, one, other = f"voice.channels.{name}", old.get(name), new.get(name)
        if one is None or other is None:
            yield ("looser", f"{block} added") if one is None else ("tighter", f"{block} removed")
            continue
        if one.key != other.key:
            yield "looser", f"{block}: another key"
        for sender in _missing(other.senders, one.senders):
            yield "looser", f"{block}: sender {sender} added"
        for sender in _missing(one.senders, other.senders):
            yield "tighter", f"{block}: sender {sender} removed"


def _gated(block: str, before: Sequence[str], after: Sequence[str]) -> Iterator[_Found]:
    for pattern in _missing(after, before):
        yield "tighter", f"{block}: {pattern} added"
    for pattern in _missing(before, after):
        yield ("tighter" if covered(pattern, after) else "looser"), f"{block}: {pattern} removed"
