"""What holds for every policy and every intent, and a second evaluator that agrees with the first."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from govd.contract.decisions import STRICTNESS
from govd.policy.rules import bookings, evaluate
from govd.policy.tightening import changes, only_tightens
from tests.govd.policy import reference
from tests.govd.policy.builders import codes
from tests.govd.policy.generated import (
    EVERY_INTENT,
    GLOBS,
    HOST_RULES,
    compiled,
    custom_rule,
    documents,
    facts_of,
    intents,
    soft_limit,
    used,
)

if TYPE_CHECKING:
    from govd.intents.model import Declared


def strictness(document: dict[str, Any], intent: Declared, totals: dict[str, int]) -> int:
    return STRICTNESS[evaluate(intent, compiled(document), facts_of(totals)).outcome]


@settings(max_examples=400, deadline=None)
@given(documents(with_domains=False), intents, used)
def test_the_reference_evaluator_agrees(
    document: dict[str, Any], intent: Declared, totals: dict[str, int]
) -> None:
    decision = evaluate(intent, compiled(document), facts_of(totals))
    outcome, expected = reference.decide(document, intent, totals)
    assert (decision.outcome.value, codes(decision)) == (outcome, expected)


@settings(max_examples=100, deadline=None)
@given(documents(), intents, used)
def test_a_decision_is_the_same_every_time(
    document: dict[str, Any], intent: Declared, totals: dict[str, int]
) -> None:
    first = evaluate(intent, compiled(document), facts_of(totals))
    again = evaluate(copy.deepcopy(intent), compiled(copy.deepcopy(document)), facts_of(dict(totals)))
    assert first.model_dump_json() == again.model_dump_json()


@settings(max_examples=200, deadline=None)
@given(documents(), intents, used)
def test_the_outcome_is_that_of_the_strictest_finding(
    document: dict[str, Any], intent: Declared, totals: dict[str, int]
) -> None:
    decision = evaluate(intent, compiled(document), facts_of(totals))
    assert STRICTNESS[decision.outcome] == max(STRICTNESS[finding.outcome] for finding in decision.findings)
    assert all(finding.rule and finding.block and finding.message for finding in decision.findings)
    assert 0 <= decision.risk.score <= 100
    booked = {
        (item.cap, item.subject, item.window)
        for item in bookings(intent, compiled(document), facts_of({}).now)
    }
    reserved = {(item.cap, item.subject, item.window) for item in decision.reservations}
    assert reserved == (set() if decision.outcome == "DENIED" else booked)


@pytest.mark.threat("T8")
@settings(max_examples=200, deadline=None)
@given(documents(), intents, used)
def test_nothing_is_approved_without_a_rule_that_allows(
    document: dict[str, Any], intent: Declared, totals: dict[str, int]
) -> None:
    """Over generated policies and intents: an approval always carries the finding of a rule that allows."""
    decision = evaluate(intent, compiled(document), facts_of(totals))
    if decision.outcome == "APPROVED":
        assert codes(decision) & {"tool-allowed", "custom-allowed"}


_STRICTER = st.one_of(
    st.tuples(st.just("deny"), st.sampled_from(GLOBS)),
    st.tuples(st.just("hold"), st.sampled_from(GLOBS)),
    st.tuples(st.just("domains"), st.sampled_from(HOST_RULES)),
    st.tuples(st.just("custom"), custom_rule.filter(lambda rule: "allow_if" not in rule)),
    st.tuples(st.just("soft_limits"), soft_limit),
)


def _with(document: dict[str, Any], addition: tuple[str, Any]) -> dict[str, Any]:
    block, rule = addition
    changed = copy.deepcopy(document)
    if block in {"deny", "hold"}:
        changed["tool_calls"][block] = [*{*changed["tool_calls"][block], rule}]
    elif block == "domains":
        domains = changed["tool_calls"].setdefault("domains", {"default": "allow", "allow": [], "deny": []})
        domains["deny"] = [*{*domains["deny"], rule}]
    else:
        changed[block].append({**rule, "name": "added"})
    return changed


@settings(max_examples=300, deadline=None)
@given(documents(), _STRICTER, intents, used)
def test_a_rule_more_that_denies_or_holds_never_makes_a_decision_looser(
    document: dict[str, Any], addition: tuple[str, Any], intent: Declared, totals: dict[str, int]
) -> None:
    stricter = _with(document, addition)
    assert strictness(stricter, intent, totals) >= strictness(document, intent, totals)
    assert only_tightens(compiled(document), compiled(stricter))


_PARTS = ["allow", "deny", "hold", "effects", "domains"]
_BLOCKS = ["tools", "origins", "default", "amounts", "custom", "soft_limits", *_PARTS]
_OPEN: dict[str, Any] = {
    "version": 1,
    "name": "open",
    "tools": ["*"],
    "default": "hold",
    "tool_calls": {"allow": ["*"]},
    "amounts": {"bank.transfer": {"usd": "arguments.amount"}},
    "custom": [],
    "soft_limits": [],
}
"""Everything is allowed, so that each block that is drawn shows in the decisions."""


def _take(new: dict[str, Any], other: dict[str, Any], block: str) -> None:
    """Make one block that of another policy, or take it out."""
    into, source = (new["tool_calls"], other["tool_calls"]) if block in _PARTS else (new, other)
    if block in source:
        into[block] = copy.deepcopy(source[block])
    else:
        into.pop(block, None)


def _one_entry(draw: st.DrawFn, new: dict[str, Any], block: str) -> None:
    """Take one entry out of a list or a mapping, where there is one."""
    holder = new["tool_calls"] if block in _PARTS else new
    entries = holder.get(block)
    if block == "domains" and entries:
        side = draw(st.sampled_from(["allow", "deny"]))
        entries[side] = entries[side][1:]
    elif isinstance(entries, list):
        holder[block] = entries[1:]
    elif isinstance(entries, dict):
        holder[block] = dict(list(entries.items())[1:])


@st.composite
def _edits(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """An open policy with one to three blocks of its own, and the same after a small edit of one of them."""
    one, other = draw(documents()), draw(documents())
    blocks = draw(st.lists(st.sampled_from(_BLOCKS), min_size=1, max_size=3, unique=True))
    old = copy.deepcopy(_OPEN)
    for block in blocks:
        _take(old, one, block)
    new = copy.deepcopy(old)
    edited = draw(st.sampled_from(blocks))
    if draw(st.booleans()):
        _one_entry(draw, new, edited)
    else:
        _take(new, other, edited)
    return old, new


_NOTE = [{"name": "c", "kinds": ["tool_call"], "allow_if": 'intent.arguments.note == "x"'}]
_BARE: dict[str, Any] = {"version": 1, "name": "a", "tools": ["*"], "default": "hold", "tool_calls": {}}


_PRICED = {
    **_OPEN,
    "soft_limits": [
        {"name": "l1", "metric": "usd", "cap": "100", "match": {}},
        {"name": "l2", "metric": "usd", "cap": "100", "match": {"tools": ["fs.*"]}},
    ],
}


def _effects(effects: dict[str, str]) -> dict[str, Any]:
    return {"tool_calls": {"allow": ["*"], "effects": effects}}


@pytest.mark.threat("T11")
@settings(max_examples=300, deadline=None)
@given(_edits(), used)
@example(({**_BARE, "custom": _NOTE}, _BARE), {})
@example(({**_PRICED, **_effects({"fs.read": "irreversible"})}, {**_PRICED, **_effects({})}), {})
@example(({**_PRICED, **_effects({})}, {**_PRICED, **_effects({"fs.read": "read"})}), {})
def test_what_is_called_tighter_never_lets_more_through(
    edit: tuple[dict[str, Any], dict[str, Any]], totals: dict[str, int]
) -> None:
    """An edit on disk that comes into force by itself cannot loosen the decision on any generated intent."""
    old, new = compiled(edit[0]), compiled(edit[1])
    if not only_tightens(old, new):
        return
    facts = facts_of(totals)
    for intent in EVERY_INTENT:
        before, after = evaluate(intent, old, facts), evaluate(intent, new, facts)
        assert STRICTNESS[after.outcome] >= STRICTNESS[before.outcome], (intent, changes(old, new))
