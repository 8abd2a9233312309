"""What holds for every policy and every intent, and a second evaluator that agrees with the first."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from govd.contract.decisions import STRICTNESS
from govd.intents.model import Declared
from govd.policy.rules import bookings, evaluate
from govd.policy.tightening import changes, only_tightens
from tests.govd.policy import reference
from tests.govd.policy.builders import codes, tool
from tests.govd.policy.generated import (
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


@st.composite
def _edits(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A policy, and the same with some blocks from another: near enough that many edits only tighten."""
    old = draw(documents())
    other = draw(documents())
    new = copy.deepcopy(old)
    for block in draw(st.lists(st.sampled_from(sorted(set(old) | set(other))), max_size=2, unique=True)):
        if block == "tool_calls":
            for part in draw(
                st.lists(st.sampled_from(["allow", "deny", "hold", "effects", "domains"]), max_size=2)
            ):
                new["tool_calls"].pop(part, None)
                if part in other["tool_calls"]:
                    new["tool_calls"][part] = other["tool_calls"][part]
        elif block in other:
            new[block] = other[block]
        else:
            new.pop(block)
    return old, new


@pytest.mark.threat("T11")
@settings(max_examples=500, deadline=None)
@given(_edits(), st.lists(intents, min_size=3, max_size=6), used)
@example(
    (
        {"version": 1, "name": "a", "tools": ["*"], "default": "hold", "tool_calls": {}, "custom": [
            {"name": "c", "kinds": ["tool_call"], "allow_if": 'intent.arguments.note == "x"'}]},
        {"version": 1, "name": "a", "tools": ["*"], "default": "hold", "tool_calls": {}},
    ),
    [tool("fs.read")],
    {},
)  # fmt: skip
def test_what_is_called_tighter_never_lets_more_through(
    edit: tuple[dict[str, Any], dict[str, Any]], several: list[Declared], totals: dict[str, int]
) -> None:
    """An edit on disk that comes into force by itself cannot loosen the decision on any generated intent."""
    old, new = edit
    if not only_tightens(compiled(old), compiled(new)):
        return
    for intent in several:
        assert strictness(new, intent, totals) >= strictness(old, intent, totals), changes(
            compiled(old), compiled(new)
        )
