"""Expressions: typed by kind, exact about money, bounded, and safe to evaluate in threads."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govd.contract.actions import ACTIONS
from govd.contract.decisions import Outcome
from govd.policy import cel
from govd.policy.model import Facts
from tests.govd.policy.builders import (
    NOW,
    codes,
    command,
    decide,
    document,
    problem_of,
    push_to,
    request,
    tool,
)


def scope(kind: str = "tool_call", **changed: object) -> cel.Scope:
    values: dict[str, object] = {
        "now": NOW,
        "tz": "+00:00",
        "intent": b"1000000",
        "intent.tool": "fs.read",
        "intent.arguments": {},
        "intent.domains": [],
    }
    return cel.Scope(kind, {**values, **changed})


def holds(expression: str, kind: str = "tool_call", **changed: object) -> bool:
    values = {name.replace("__", "."): value for name, value in changed.items()}
    return cel.compile_expression(expression, kind).holds(scope(kind, **values))


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ('intent.tol == "x"', "no such member"),
        ("usd(intent.tool, 1) > 1", "undeclared reference"),
        ("intent.tokens > 5", "no such member"),
        ("intnt.tool == 'x'", "undeclared reference"),
        ("intent.tool == 5", "no matching overload"),
        ("intent.tool = = 5", "Syntax error"),
        ("intent.tool", "not true or false"),
        ("intent == b'x'", "only in usd(intent)"),
        ("size(intent) > 1", "only in usd(intent)"),
        ("usd(intent) > 1.5", "no matching overload"),
        ('usd("12,5") > 1', "not a decimal amount"),
        ("(" * 60 + "true" + ")" * 60, "recursion"),
        ("true ? 1 : 2", "not true or false"),
        ("usd(1.5) > 1", "no matching overload"),
    ],
)
def test_what_cannot_be_meant_fails_when_it_is_compiled(expression: str, says: str) -> None:
    with pytest.raises(cel.ExpressionError, match=says.replace("(", r"\(").replace(")", r"\)")):
        cel.compile_expression(expression, "tool_call")


def test_a_typo_fails_at_load_with_its_column_and_what_was_meant() -> None:
    source = (
        'version: 1\nname: x\ntools: ["deploy"]\ncustom:\n'
        "  - {name: a, kinds: [tool_call], deny_if: 'intent.tol == \"deploy\"'}\n"
    )
    problem = problem_of(source)
    assert problem["line"] == 5
    assert problem["hint"] == "did you mean `intent.tool`?"
    assert problem["column"] >= source.splitlines()[4].index("'intent.tol") + 1


def test_a_variable_of_another_kind_is_a_typo_too() -> None:
    rule = {"name": "a", "kinds": ["tool_call", "process_exec"], "deny_if": 'intent.tool == "deploy"'}
    import json

    assert "(process_exec)" in str(problem_of(json.dumps(document(custom=[rule])))["message"])


@pytest.mark.parametrize("kind", sorted(ACTIONS))
def test_every_kind_has_its_variables(kind: str) -> None:
    assert {"now", "tz", "intent.kind", "intent.agent", "intent.origin"} <= set(cel.variables(kind))
    cel.compile_expression('intent.agent == "x" && intent.effect != "read"', kind)


def test_rules_skip_kinds_that_they_do_not_name() -> None:
    rule = {"name": "a", "kinds": ["http_request"], "deny_if": "true"}
    assert "custom-denied" not in codes(decide(tool("fs.read"), custom=[rule]))
    assert "custom-denied" in codes(decide(request("https://x.example/"), custom=[rule]))


def test_variables_hold_what_the_intent_says() -> None:
    rule = {
        "name": "a",
        "kinds": ["process_exec"],
        "deny_if": (
            '"exec.git.push" in intent.tools && intent.git.refs.exists(r, r == "refs/heads/main") && '
            'intent.argv[0] == "git" && intent.binary == "/usr/bin/git" && intent.git.url.startsWith("/srv")'
        ),
    }
    intent = command("git", "push", git=push_to("/srv/x.git"))
    assert "custom-denied" in codes(decide(intent, custom=[rule]))


@pytest.mark.parametrize(
    "expression",
    [
        "intent.arguments.missing == 1",
        "1 / 0 == 1",
        "intent.arguments.text > 5",
        'usd(intent.arguments.text) > usd("1")',
        'usd(intent.arguments.float) > usd("1")',
        'usd(intent.arguments.huge) > usd("1")',
        "usd(intent.arguments.negative) > 1",
        "intent.arguments.l.all(a, intent.arguments.l.all(b, intent.arguments.l.all(c, true)))",
        'now.getHours("Nowhere/Land") == 1',
    ],
)
def test_an_expression_that_fails_denies(expression: str) -> None:
    arguments: dict[str, Any] = {
        "text": "x", "float": 1.5, "huge": "9" * 40, "negative": -1, "l": [1] * 60,
    }  # fmt: skip
    for verb in ("deny_if", "hold_if", "allow_if"):
        rule = {"name": "a", "kinds": ["tool_call"], verb: expression}
        decision = decide(tool("fs.read", arguments), custom=[rule], tool_calls={"allow": ["fs.read"]})
        assert decision.outcome is Outcome.DENIED
        assert "evaluation-error" in codes(decision)


@pytest.mark.threat("T18")
def test_the_engine_stops_after_ten_thousand_iterations() -> None:
    """An expression over an agent's long list ends at the engine's budget, as an error."""
    program = cel.compile_expression("intent.arguments.list.all(x, x == 1)", "tool_call")
    assert program.holds(scope(**{"intent.arguments": {"list": [1] * 9_000}}))
    with pytest.raises(cel.ExpressionError, match="Iteration budget"):
        program.holds(scope(**{"intent.arguments": {"list": [1] * 10_001}}))


def test_a_huge_integer_among_the_arguments_harms_no_other_rule() -> None:
    rule = {"name": "a", "kinds": ["tool_call"], "hold_if": 'intent.arguments.note == "x"'}
    decision = decide(
        tool("fs.read", {"note": "y", "wei": 2**200}), custom=[rule], tool_calls={"allow": ["fs.read"]}
    )
    assert decision.outcome is Outcome.APPROVED


@pytest.mark.parametrize(
    ("amount", "over"),
    [
        ("50000", False),
        ("50000.0000001", True),
        ("50000.01", True),
        ("49999.999999", False),
        (50000, False),
        (50001, True),
        ("9007199254.740993", True),
    ],
)
def test_amounts_compare_exactly(amount: object, over: bool) -> None:  # noqa: FBT001 - a table's column
    assert holds('usd(intent.arguments.amount) > usd("50000")', intent__arguments={"amount": amount}) is over


@settings(max_examples=100, deadline=None)
@given(st.decimals(0, 10**9, places=6), st.decimals(0, 10**9, places=6))
def test_usd_orders_as_decimals_do(one: Any, other: Any) -> None:
    arguments = {"one": f"{one:f}", "other": f"{other:f}"}
    assert holds("usd(intent.arguments.one) < usd(intent.arguments.other)", intent__arguments=arguments) is (
        one < other
    )


def test_a_string_that_looks_like_a_call_is_left_alone() -> None:
    assert holds("intent.tool == 'usd(\"5\")'", intent__tool='usd("5")')
    assert holds('intent.tool == "usd(" && usd("7") == 7000000', intent__tool="usd(")


@pytest.mark.parametrize(
    "zone", ["America/St_Johns", "Asia/Kathmandu", "UTC", "Pacific/Kiritimati", "Europe/Berlin"]
)
@pytest.mark.parametrize("month", [1, 7])
def test_tz_is_the_policys_zone_at_now(zone: str, month: int) -> None:
    moment = datetime(2026, month, 15, 23, 45, tzinfo=UTC)
    local = moment.astimezone(ZoneInfo(zone))
    expression = (
        f"now.getHours(tz) == {local.hour} && now.getMinutes(tz) == {local.minute} "
        f"&& now.getDate(tz) == {local.day}"
    )
    rule = {"name": "a", "kinds": ["tool_call"], "deny_if": expression}
    assert "custom-denied" in codes(decide(tool("fs.x"), Facts(now=moment), custom=[rule], timezone=zone))


def test_sunday_is_zero() -> None:
    assert holds("now.getDayOfWeek(tz) == 0", now=datetime(2026, 11, 22, tzinfo=UTC))


def test_threads_do_not_disturb_one_another() -> None:
    """Shared programs, values of each thread's own, and a switch of threads wherever one is possible."""
    programs = [
        cel.compile_expression(
            f'intent.tool == "fs.read" && usd(intent) > usd("{n}") && intent.arguments.n > {n}', "tool_call"
        )
        for n in range(12)
    ]
    wrong: list[tuple[int, int]] = []

    def work(seed: int) -> None:
        for turn in range(150):
            value = (turn * 7 + seed) % 12
            values = scope(**{"intent": str(value * 1_000_000).encode(), "intent.arguments": {"n": value}})
            wrong.extend(
                (value, n) for n, program in enumerate(programs) if program.holds(values) is not (value > n)
            )

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
