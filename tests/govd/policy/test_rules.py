"""The decision: the strictest finding wins, each finding names its rule and figure, nothing is silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from govd.contract.actions import Admin
from govd.contract.decisions import Finding, Outcome
from govd.policy.model import Facts, ReasonCode
from govd.policy.rules import bookings, evaluate
from tests.govd.policy.builders import (
    DAY,
    NOW,
    codes,
    command,
    decide,
    declared,
    policy,
    push_to,
    request,
    tool,
)

TRANSFERS: dict[str, Any] = {
    "tool_calls": {"allow": ["bank.transfer"], "effects": {"bank.transfer": "irreversible"}},
    "amounts": {"bank.transfer": {"usd": "arguments.amount", "currency": "arguments.currency"}},
    "soft_limits": [
        {"name": "daily", "metric": "usd", "match": {"tools": ["bank.transfer"]}, "cap": "50000"}
    ],
}


def transfer(amount: object, currency: object = "USD") -> Any:
    return tool("bank.transfer", {"amount": amount, "currency": currency})


@pytest.mark.threat("T8")
def test_what_no_rule_allows_is_held() -> None:
    """An intent that no rule allows is held, never approved by silence."""
    decision = decide(tool("fs.write"))
    assert decision.outcome is Outcome.PENDING
    assert codes(decision) == {"no-rule"}


@pytest.mark.threat("T8")
@pytest.mark.parametrize(
    "intent",
    [
        request("https://example.com/"),
        declared("admin", Admin(operation="x")),
        tool("unheard.of"),
        command("rm", "-rf", "/"),
    ],
)
def test_no_kind_of_intent_is_approved_by_silence(intent: Any) -> None:
    """Whatever the kind, an intent that nothing speaks of waits for a person."""
    assert decide(intent).outcome is Outcome.PENDING


def test_default_deny_denies_what_no_rule_allows() -> None:
    decision = decide(tool("fs.write"), default="deny")
    assert decision.outcome is Outcome.DENIED
    assert codes(decision) == {"no-rule"}


def test_allow_approves_and_says_by_which_rule() -> None:
    decision = decide(tool("fs.read_file"), tool_calls={"allow": ["fs.read*"]})
    assert decision.outcome is Outcome.APPROVED
    (finding,) = decision.findings
    assert (finding.block, finding.rule, finding.code) == ("tool_calls.allow", "fs.read*", "tool-allowed")


def test_denials_win_over_holds_and_holds_over_allows_and_all_are_shown() -> None:
    lists = {"allow": ["fs.*"], "hold": ["fs.write*"], "deny": ["*.write_secret"]}
    decision = decide(tool("fs.write_secret"), tool_calls=lists)
    assert decision.outcome is Outcome.DENIED
    assert codes(decision) == {"tool-allowed", "tool-held", "tool-denied"}
    assert decide(tool("fs.write_note"), tool_calls=lists).outcome is Outcome.PENDING


def test_an_unknown_tool_is_held_though_a_rule_of_cel_allows_it() -> None:
    rule = {"name": "all", "kinds": ["tool_call"], "allow_if": "true"}
    decision = decide(tool("unheard.of"), custom=[rule])
    assert decision.outcome is Outcome.PENDING
    assert codes(decision) == {"unknown-tool", "custom-allowed"}


def test_an_origin_outside_the_registry_is_held() -> None:
    blocks = {"origins": ["user", "channel:*"], "tool_calls": {"allow": ["fs.read"]}}
    assert decide(tool("fs.read", origin="channel:telegram"), **blocks).outcome is Outcome.APPROVED
    decision = decide(tool("fs.read", origin="schedule"), **blocks)
    assert (decision.outcome, codes(decision)) == (Outcome.PENDING, {"tool-allowed", "unknown-origin"})


def test_findings_of_the_service_count_like_any_other() -> None:
    stepped = Finding(
        block="clock", rule="clock", code=ReasonCode.CLOCK_STEPPED, outcome=Outcome.PENDING, message="stepped"
    )
    decision = decide(tool("fs.read"), Facts(now=NOW, extra=(stepped,)), tool_calls={"allow": ["fs.read"]})
    assert decision.outcome is Outcome.PENDING
    assert stepped in decision.findings


# -- caps --------------------------------------------------------------------------------------------


@pytest.mark.threat("T9")
def test_a_cap_that_would_be_crossed_holds_and_names_the_figures() -> None:
    """A daily cap holds the intent that would cross it, and says by how much."""
    facts = Facts(now=NOW, totals={("daily", "agent:release-bot", DAY): 48_200_000_000})
    decision = decide(transfer("12000"), facts, **TRANSFERS)
    assert decision.outcome is Outcome.PENDING
    finding = next(finding for finding in decision.findings if finding.code == "cap-exceeded")
    assert finding.message == "daily: 48,200 of 50,000 USD used today; this adds 12,000"
    assert finding.gauge is not None
    assert (finding.gauge.used, finding.gauge.limit, finding.gauge.adds) == (
        "48200.000000", "50000.000000", "12000.000000",
    )  # fmt: skip


def test_a_cap_that_is_met_exactly_is_not_crossed() -> None:
    facts = Facts(now=NOW, totals={("daily", "agent:release-bot", DAY): 49_999_000_000})
    assert decide(transfer("1"), facts, **TRANSFERS).outcome is Outcome.APPROVED
    assert decide(transfer("1.0000001"), facts, **TRANSFERS).outcome is Outcome.PENDING


def test_an_approval_says_what_it_books() -> None:
    (reservation,) = decide(transfer(12000), **TRANSFERS).reservations
    assert (reservation.cap, reservation.subject, reservation.window) == ("daily", "agent:release-bot", DAY)
    assert (reservation.amount, reservation.limit) == ("12000.000000", "50000.000000")


def test_a_denial_books_nothing() -> None:
    blocks = {**TRANSFERS, "tool_calls": {"deny": ["bank.transfer"]}}
    assert decide(transfer("1"), **blocks).reservations == []


def test_bookings_name_the_totals_that_the_decision_reads() -> None:
    (booking,) = bookings(transfer("0.0000001"), policy(**TRANSFERS), NOW)
    assert (booking.cap, booking.subject, booking.window) == ("daily", "agent:release-bot", DAY)
    assert (booking.metric, booking.amount, booking.limit) == ("usd", 1, 50_000_000_000)


def test_a_count_is_of_intents_and_may_be_shared_by_all_agents() -> None:
    limit = {
        "name": "pushes",
        "metric": "count",
        "match": {"tools": ["exec.git.push"]},
        "per": "all",
        "cap": 2,
    }
    blocks = {"soft_limits": [limit], "tool_calls": {"allow": ["exec.git.push"]}}
    intent = command("git", "push", git=push_to("/srv/remote.git"))
    assert (
        decide(intent, Facts(now=NOW, totals={("pushes", "all", DAY): 1}), **blocks).outcome
        is Outcome.APPROVED
    )
    decision = decide(intent, Facts(now=NOW, totals={("pushes", "all", DAY): 2}), **blocks)
    assert "pushes: 2 of 2 intents used today; this adds 1" in [f.message for f in decision.findings]


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), "2026-03-28"),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), "2026-03-29"),
        (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), "2026-03-29"),
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), "2026-03-30"),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), "2026-10-25"),
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), "2026-10-25"),
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), "2026-10-26"),
    ],
)
def test_a_day_follows_the_time_zone_when_the_clocks_change(moment: datetime, day: str) -> None:
    """The 29th of March has 23 hours in Berlin, the 25th of October 25."""
    (booking,) = bookings(transfer("1"), policy(timezone="Europe/Berlin", **TRANSFERS), moment)
    assert booking.window == f"day:{day}"


# -- prices ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "amount", [None, 1.5, True, "", "-1", "1e3", "1,000", "٣", "0x10", [], "NaN", "9" * 40, -5]
)
def test_an_amount_that_cannot_be_read_is_held(amount: object) -> None:
    decision = decide(transfer(amount), **TRANSFERS)
    assert decision.outcome is Outcome.PENDING
    assert "amount-unreadable" in codes(decision)


@pytest.mark.parametrize("currency", [None, "EUR", "usd", 840, ["USD"]])
def test_any_currency_but_usd_is_held(currency: object) -> None:
    decision = decide(transfer("10", currency), **TRANSFERS)
    assert decision.outcome is Outcome.PENDING
    assert "currency-unpriced" in codes(decision)


def test_a_missing_argument_is_held() -> None:
    assert decide(tool("bank.transfer", {}), **TRANSFERS).outcome is Outcome.PENDING


@pytest.mark.threat("T9")
def test_an_irreversible_action_that_nobody_can_price_is_held_though_it_is_allowed() -> None:
    """An irreversible tool under a cap in USD cannot slip past it because nothing says what it costs."""
    blocks = {
        "tool_calls": {"allow": ["bank.*"], "effects": {"bank.payout": "irreversible"}},
        "amounts": {"bank.transfer": {"usd": "arguments.amount"}},
        "soft_limits": [{"name": "daily", "metric": "usd", "match": {"kinds": ["tool_call"]}, "cap": 100}],
    }
    decision = decide(tool("bank.payout"), **blocks)
    assert (decision.outcome, decision.effect) == (Outcome.PENDING, "irreversible")
    assert "unpriced" in codes(decision)
    assert decide(tool("bank.note"), **blocks).outcome is Outcome.APPROVED


def test_the_highest_of_several_amounts_counts() -> None:
    amounts = {"bank.*": {"usd": "arguments.fee"}, "bank.transfer": {"usd": "arguments.amount"}}
    found = bookings(
        tool("bank.transfer", {"fee": 3, "amount": 2}), policy(**{**TRANSFERS, "amounts": amounts}), NOW
    )
    assert [booking.amount for booking in found] == [3_000_000]


def test_the_gravest_effect_counts() -> None:
    effects = {"fs.*": "read", "*.delete": "irreversible"}
    assert decide(tool("fs.delete"), tool_calls={"effects": effects}).effect == "irreversible"
    assert decide(tool("fs.list"), tool_calls={"effects": effects}).effect == "read"
    assert decide(tool("bank.x"), tool_calls={"effects": effects}).effect == "write"


# -- hosts -------------------------------------------------------------------------------------------

HOSTS: dict[str, Any] = {
    "tool_calls": {
        "allow": ["fs.fetch", "exec.git.push"],
        "domains": {"allow": ["*.example.com"], "deny": ["bad.example.com"]},
    }
}


@pytest.mark.parametrize(
    ("host", "outcome", "code"),
    [
        ("a.example.com", Outcome.APPROVED, None),
        ("A.EXAMPLE.COM.", Outcome.APPROVED, None),
        ("example.com", Outcome.DENIED, "domain-not-allowed"),
        ("bad.example.com:8443", Outcome.DENIED, "domain-denied"),
        ("ok.example.com@evil.net", Outcome.DENIED, "domain-not-allowed"),
        ("a b.example.com", Outcome.DENIED, "domain-invalid"),
        ("0x7f.1", Outcome.DENIED, "domain-not-allowed"),
    ],
)
def test_hosts_of_a_tool_are_checked(host: str, outcome: Outcome, code: str | None) -> None:
    decision = decide(tool("fs.fetch", domains=[host]), **HOSTS)
    assert decision.outcome is outcome
    assert code is None or code in codes(decision)


def test_an_allowed_host_alone_approves_nothing() -> None:
    assert decide(request("https://a.example.com/x"), **HOSTS).outcome is Outcome.PENDING


def test_the_remote_of_a_push_is_a_host_too() -> None:
    away = command("git", "push", git=push_to("ssh://git@evil.net/x.git"))
    assert "domain-not-allowed" in codes(decide(away, **HOSTS))
    here = command("git", "push", git=push_to("/srv/remote.git"))
    assert decide(here, **HOSTS).outcome is Outcome.APPROVED


# -- errors and text ---------------------------------------------------------------------------------


def test_a_rule_that_fails_denies_and_says_why() -> None:
    rule = {"name": "bad", "kinds": ["tool_call"], "hold_if": 'intent.arguments.missing == "x"'}
    decision = decide(tool("fs.read"), custom=[rule], tool_calls={"allow": ["fs.read"]})
    assert decision.outcome is Outcome.DENIED
    finding = next(finding for finding in decision.findings if finding.code == "evaluation-error")
    assert (finding.block, finding.rule) == ("custom", "bad")
    assert "missing" in finding.message


def test_an_error_anywhere_in_the_evaluation_denies_and_raises_nothing() -> None:
    blocks: dict[str, Any] = {
        "soft_limits": [{"name": "a", "metric": "count", "cap": 1}],
        "tool_calls": {"allow": ["fs.x"]},
    }
    no_clock: Any = Facts(now=None)  # type: ignore[arg-type] # what the service never hands over
    decision = evaluate(tool("fs.x"), policy(**blocks), no_clock)
    assert decision.outcome is Outcome.DENIED
    assert codes(decision) == {"evaluation-error"}
    assert bookings(tool("fs.x"), policy(**blocks), no_clock.now) == ()


def test_usd_of_an_intent_without_a_price_denies_and_says_what_is_missing() -> None:
    rule = {"name": "large", "kinds": ["tool_call"], "hold_if": 'usd(intent) > usd("5")'}
    decision = decide(tool("fs.read"), custom=[rule], tool_calls={"allow": ["fs.read"]})
    assert decision.outcome is Outcome.DENIED
    assert "no `amounts` say what this tool costs" in " ".join(f.message for f in decision.findings)


@pytest.mark.threat("T17")
def test_no_text_of_an_agent_reaches_a_finding_unescaped() -> None:
    """An agent's words inside a finding are made visible: no escape sequence, no bidi override."""
    hostile = "\x1b]0;pwned\x07\u202egpj.exe\u200b\n"
    decision = decide(transfer("1", hostile), **TRANSFERS)
    rule = {"name": "bad", "kinds": ["tool_call"], "hold_if": "intent.arguments[intent.arguments.k] == 1"}
    error = decide(tool("fs.read", {"k": hostile}), custom=[rule])
    host = decide(tool("fs.fetch", domains=[hostile]), **HOSTS)
    for found in (decision, error, host):
        told = found.model_dump_json()
        text = "".join(f.message + "".join(f.evidence.values()) for f in found.findings)
        assert all(char.isprintable() for char in text), told
        assert "\u202e" not in text


def test_a_purpose_with_hidden_text_raises_the_risk_and_no_purpose_lowers_it() -> None:
    plain = decide(tool("fs.write", purpose="tidy up"))
    hidden = decide(tool("fs.write", purpose="tidy\u202eup"))
    empty = decide(tool("fs.write"))
    assert hidden.risk.score > plain.risk.score == empty.risk.score
    assert sum(part.points for part in hidden.risk.parts) == hidden.risk.score


def test_fridays_follow_the_policys_zone() -> None:
    rule = {
        "name": "no-friday-deploys",
        "kinds": ["tool_call"],
        "deny_if": 'intent.tool == "deploy" && now.getDayOfWeek(tz) == 5',
    }
    blocks: dict[str, Any] = {"custom": [rule], "tool_calls": {"allow": ["deploy"]}, "timezone": "Asia/Tokyo"}
    friday_in_tokyo = datetime(2026, 11, 19, 15, 0, tzinfo=UTC)
    assert decide(tool("deploy"), Facts(now=friday_in_tokyo), **blocks).outcome is Outcome.DENIED
    before = friday_in_tokyo - timedelta(seconds=1)
    assert decide(tool("deploy"), Facts(now=before), **blocks).outcome is Outcome.APPROVED
