"""The decision: pure, total, and the strictest finding wins.

Must never read a clock, a file or a store, and never raise: an error while evaluating is a finding that
denies. Every stage runs, so that a reviewer sees all that was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from govd.contract.decisions import STRICTNESS, DecisionView, Finding, Gauge, Outcome, Reservation
from govd.contract.errors import InvalidRequestError
from govd.contract.money import decimal_text, pretty_usd
from govd.contract.text import visible
from govd.policy import domains
from govd.policy.cel import ExpressionError, Scope
from govd.policy.findings import SHOWN, failure, finding
from govd.policy.model import Booking, ReasonCode
from govd.policy.risk import risk_of, risk_of_failure
from govd.policy.subject import scope_values, subject_of
from govd.policy.voicing import asks_for_voice, voice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from govd.contract.wire import JsonObject
    from govd.intents.model import Declared
    from govd.policy.model import CompiledDomains, CompiledLimit, CompiledPolicy, CompiledRule, Facts
    from govd.policy.subject import Subject

_MAX_FINDINGS: Final = 200


def bookings(intent: Declared, policy: CompiledPolicy, now: datetime) -> tuple[Booking, ...]:
    """What an approval of this intent would add to which totals: the totals that `evaluate` needs to know.

    Never raises: where the intent cannot be read, `evaluate` says so and denies.
    """
    return read(intent, policy, now).bookings


@dataclass(frozen=True, slots=True)
class Reading:
    """An intent as a policy reads it at a moment; or the error that kept it from being read."""

    subject: Subject | None
    booked: list[tuple[CompiledLimit, Booking]]
    error: Exception | None = None

    @property
    def bookings(self) -> tuple[Booking, ...]:
        """The totals that `evaluate` needs to know."""
        return tuple(booking for _, booking in self.booked)


def read(intent: Declared, policy: CompiledPolicy, now: datetime) -> Reading:
    """Read an intent once, for its bookings and then for its decision at that same moment. Never raises."""
    try:
        subject = subject_of(intent, policy)
        return Reading(subject, _booked(subject, policy, now))
    except Exception as error:  # noqa: BLE001 - an error while evaluating is a finding that denies
        return Reading(None, [], error)


def evaluate(
    intent: Declared, policy: CompiledPolicy, facts: Facts, reading: Reading | None = None
) -> DecisionView:
    """Decide an intent under a policy, given the facts. Deterministic; never raises.

    Args:
        intent: What was declared.
        policy: What it is held against.
        facts: The moment, what stands booked, and what the service itself has found.
        reading: What `read` gave for this intent, this policy and `facts.now`, where it is at hand.
    """
    reading = reading or read(intent, policy, facts.now)
    subject, booked = reading.subject, reading.booked
    if subject is None:
        error = reading.error or InvalidRequestError("the intent cannot be read")
        findings = [failure("intent", error), *facts.extra]
        return DecisionView(
            outcome=Outcome.DENIED, findings=findings, risk=risk_of_failure(), policy_sha256=policy.sha256
        )
    findings = []
    for name, stage in _STAGES:
        try:
            findings.extend(stage(subject, policy, facts))
        except Exception as error:  # noqa: BLE001 - the same
            findings.append(failure(name, error))
    findings.extend(_over(rule, booking, facts) for rule, booking in booked if _crosses(booking, facts))
    findings.extend(facts.extra)
    findings.extend(_default(subject, policy, findings))
    outcome = max((item.outcome for item in findings), key=STRICTNESS.__getitem__)
    return DecisionView(
        outcome=outcome,
        findings=_bounded(findings),
        risk=risk_of(subject, findings),
        policy_sha256=policy.sha256,
        effect=subject.effect,
        reservations=[] if outcome is Outcome.DENIED else _reservations(booked),
        quorum=policy.document.holds.quorum,
        voice=(outcome is Outcome.PENDING or (facts.held and outcome is not Outcome.DENIED))
        and (policy.hold_voice or asks_for_voice(policy, findings)),
    )


def _bounded(findings: list[Finding]) -> list[Finding]:
    """The strictest findings first where there are too many to record."""
    if len(findings) <= _MAX_FINDINGS:
        return findings
    return sorted(findings, key=lambda item: -STRICTNESS[item.outcome])[:_MAX_FINDINGS]


# -- the stages --------------------------------------------------------------------------------------


def _origin(subject: Subject, policy: CompiledPolicy, _: Facts) -> Iterator[Finding]:
    origin = subject.intent.origin
    if policy.origins is not None and origin not in policy.origins:
        sentence = f"the origin {visible(origin, SHOWN)} is not one that the policy lists"
        yield finding("origins", "origins", ReasonCode.UNKNOWN_ORIGIN, Outcome.PENDING, sentence)


def _command(subject: Subject, _: CompiledPolicy, __: Facts) -> Iterator[Finding]:
    for why in subject.opaque:
        sentence = f"the command cannot be read for certain: {why}"
        yield finding("commands", "unwrap", ReasonCode.OPAQUE_COMMAND, Outcome.PENDING, sentence)


def _tools(subject: Subject, policy: CompiledPolicy, _: Facts) -> Iterator[Finding]:
    for name in subject.names:
        if name not in policy.registry:
            sentence = f"the tool {visible(name, SHOWN)} is not in the policy's registry"
            yield finding("tools", "tools", ReasonCode.UNKNOWN_TOOL, Outcome.PENDING, sentence)
    for name in (*subject.names, *subject.wrappers):
        tool = visible(name, SHOWN)
        for rule in policy.deny.matching(name):
            sentence = f"{tool} is denied (rule {rule})"
            yield finding("tool_calls.deny", rule, ReasonCode.TOOL_DENIED, Outcome.DENIED, sentence)
        for rule in policy.hold.matching(name):
            sentence = f"{tool} waits for a person (rule {rule})"
            yield finding("tool_calls.hold", rule, ReasonCode.TOOL_HELD, Outcome.PENDING, sentence)
    for name in subject.names:
        for rule in policy.allow.matching(name)[:1]:
            sentence = f"{visible(name, SHOWN)} is allowed (rule {rule})"
            yield finding("tool_calls.allow", rule, ReasonCode.TOOL_ALLOWED, Outcome.APPROVED, sentence)


def _hosts(subject: Subject, policy: CompiledPolicy, _: Facts) -> Iterator[Finding]:
    if policy.domains is None:
        return
    for text in subject.hosts:
        yield from _host(text, domains.canonical, policy.domains)
    if subject.repository is not None:
        yield from _host(subject.repository, domains.of_repository, policy.domains)


def _host(text: str, read: Callable[[str], domains.Host | None], lists: CompiledDomains) -> Iterator[Finding]:
    block = "tool_calls.domains"
    try:
        host = read(text)
    except InvalidRequestError as error:
        sentence = f"{visible(text, SHOWN)}: {error.detail}"
        yield finding(block, "canonical", ReasonCode.DOMAIN_INVALID, Outcome.DENIED, sentence)
        return
    if host is None:
        return
    written = {"host": str(host), "written": text}
    denied = False
    for rule in lists.deny:
        if rule.matches(host, strict=True):
            denied = True
            sentence = f"{host} is denied (rule {rule.text})"
            yield finding(block, rule.text, ReasonCode.DOMAIN_DENIED, Outcome.DENIED, sentence, written)
    if denied or lists.default == "allow" or any(rule.matches(host, strict=False) for rule in lists.allow):
        return
    outcome = Outcome.DENIED if lists.default == "deny" else Outcome.PENDING
    sentence = f"{host} is not in the list of domains that are allowed"
    yield finding(block, "default", ReasonCode.DOMAIN_NOT_ALLOWED, outcome, sentence, written)


def _amounts(subject: Subject, _: CompiledPolicy, __: Facts) -> Iterator[Finding]:
    for code, sentence in subject.price.troubles:
        yield finding("amounts", "price", code, Outcome.PENDING, sentence)


_VERBS: Final = {
    "deny_if": (ReasonCode.CUSTOM_DENIED, Outcome.DENIED, "denies"),
    "hold_if": (ReasonCode.CUSTOM_HELD, Outcome.PENDING, "holds"),
    "allow_if": (ReasonCode.CUSTOM_ALLOWED, Outcome.APPROVED, "allows"),
}


def _custom(subject: Subject, policy: CompiledPolicy, facts: Facts) -> Iterator[Finding]:
    kind = subject.intent.kind
    scope: Scope | None = None
    for rule in policy.custom:
        program = rule.programs.get(kind)
        if program is None:
            continue
        try:
            if scope is None:
                scope = Scope(kind, scope_values(subject, policy, facts.now))
            speaks = program.holds(scope)
        except ExpressionError as error:
            yield _customfailure(subject, rule, error)
            continue
        if speaks:
            yield _spoken(subject, rule)


def _customfailure(subject: Subject, rule: CompiledRule, error: ExpressionError) -> Finding:
    if 'name "intent" found' in str(error):
        troubles = subject.price.troubles
        why = troubles[0][1] if troubles else "no `amounts` say what this tool costs"
        error = ExpressionError(f"usd(intent) has no value: {why}")
    return failure("custom", error, rule.rule.name)


def _spoken(subject: Subject, rule: CompiledRule) -> Finding:
    code, outcome, verb = _VERBS[rule.rule.verb]
    message = rule.rule.message or f"{rule.rule.name} {verb}: {rule.rule.expression}"
    evidence: JsonObject = {"expression": rule.rule.expression}
    if subject.price.micro is not None:
        evidence["usd"] = decimal_text("usd", subject.price.micro)
        message += f" (this is {pretty_usd(subject.price.micro)} USD)"
    return finding("custom", rule.rule.name, code, outcome, message, evidence)


def _unpriced(subject: Subject, policy: CompiledPolicy, _: Facts) -> Iterator[Finding]:
    """A cap in USD that speaks of an intent whose price nobody knows: held, not counted as nothing (T9)."""
    if subject.price.micro is not None or subject.price.troubles:
        return
    for rule in policy.limits:
        if rule.rule.metric != "usd" or not _matches(rule, subject):
            continue
        named = rule.tools is not None and subject.effect == "write"
        if subject.effect == "irreversible" or named:
            sentence = (
                f"{rule.rule.name} counts USD, and nobody can say what this {subject.effect} action costs: "
                "no `amounts` speak of it"
            )
            yield finding("soft_limits", rule.rule.name, ReasonCode.UNPRICED, Outcome.PENDING, sentence)


def _used(booking: Booking, facts: Facts) -> int:
    return facts.totals.get(booking[:3], 0)


def _crosses(booking: Booking, facts: Facts) -> bool:
    return _used(booking, facts) + booking.amount > booking.limit


def _over(rule: CompiledLimit, booking: Booking, facts: Facts) -> Finding:
    used = _used(booking, facts)
    show = pretty_usd if booking.metric == "usd" else "{:,}".format
    unit = "USD" if booking.metric == "usd" else "intents"
    sentence = (
        f"{booking.cap}: {show(used)} of {show(booking.limit)} {unit} used today; "
        f"this adds {show(booking.amount)}"
    )
    found = finding("soft_limits", rule.rule.name, ReasonCode.CAP_EXCEEDED, Outcome.PENDING, sentence)
    gauge = Gauge(
        cap=booking.cap,
        subject=booking.subject,
        window=booking.window,
        metric=booking.metric,
        used=decimal_text(booking.metric, used),
        limit=decimal_text(booking.metric, booking.limit),
        adds=decimal_text(booking.metric, booking.amount),
    )
    return found.model_copy(update={"gauge": gauge})


def _default(subject: Subject, policy: CompiledPolicy, findings: list[Finding]) -> Iterator[Finding]:
    """What becomes of an intent that no rule allows: never an approval (threats T8)."""
    if any(item.code == ReasonCode.CUSTOM_ALLOWED for item in findings):
        return
    if subject.names and all(name in policy.allow for name in subject.names):
        return
    outcome = Outcome.DENIED if policy.document.default == "deny" else Outcome.PENDING
    yield finding(
        "default", policy.document.default, ReasonCode.NO_RULE, outcome, "no rule allows this intent"
    )


_STAGES: Final = (
    ("origins", _origin),
    ("commands", _command),
    ("tools", _tools),
    ("domains", _hosts),
    ("amounts", _amounts),
    ("custom", _custom),
    ("soft_limits", _unpriced),
    ("voice", voice),
)


# -- totals ------------------------------------------------------------------------------------------


def _matches(rule: CompiledLimit, subject: Subject) -> bool:
    if rule.kinds is not None and subject.intent.kind not in rule.kinds:
        return False
    tools = rule.tools
    if tools is None:
        return True
    for name in subject.names:  # noqa: SIM110 - a generator for one name costs more than the test
        if name in tools:
            return True
    return False


def _booked(subject: Subject, policy: CompiledPolicy, now: datetime) -> list[tuple[CompiledLimit, Booking]]:
    found: list[tuple[CompiledLimit, Booking]] = []
    # A calendar day in the policy's zone: 23 or 25 hours long where the clocks change.
    window = f"day:{now.astimezone(policy.zone).date().isoformat()}" if policy.limits else ""
    for rule in policy.limits:
        amount = 1 if rule.rule.metric == "count" else subject.price.micro
        if amount is None or not _matches(rule, subject):
            continue
        whose = f"agent:{subject.intent.agent}" if rule.rule.per == "agent" else "all"
        found.append((rule, Booking(rule.rule.name, whose, window, rule.rule.metric, amount, rule.limit)))
    return found


def caps_of(agent: str, policy: CompiledPolicy, now: datetime) -> list[Booking]:
    """Every total that this agent's intents may count in now, with an amount of 0: what `/v1/me` shows."""
    window = f"day:{now.astimezone(policy.zone).date().isoformat()}" if policy.limits else ""
    return [
        Booking(
            rule.rule.name,
            f"agent:{agent}" if rule.rule.per == "agent" else "all",
            window,
            rule.rule.metric,
            0,
            rule.limit,
        )
        for rule in policy.limits
    ]


_RESERVATIONS: Final = TypeAdapter(list[Reservation])


def _reservations(booked: list[tuple[CompiledLimit, Booking]]) -> list[Reservation]:
    # All of them by one call of pydantic's: half the time of a constructor for each.
    return _RESERVATIONS.validate_python(
        [
            {
                "cap": cap,
                "subject": subject,
                "window": window,
                "metric": metric,
                "amount": decimal_text(metric, amount),
                "limit": decimal_text(metric, limit),
            }
            for _, (cap, subject, window, metric, amount, limit) in booked
        ]
    )
