"""A policy of 100 rules (10 in CEL, 90 structured) and an intent that every block has something to say about.

The bench times `evaluate` over it; nothing here measures or asserts.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from govd.contract.actions import ToolCall
from govd.intents.model import Declared
from govd.policy.loading import load
from govd.policy.model import Facts

if TYPE_CHECKING:
    from govd.policy.model import CompiledPolicy

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def _document() -> dict[str, Any]:
    families = [f"family{number}" for number in range(25)]
    return {
        "version": 1,
        "name": "hundred",
        "tools": ["bank.*", *(f"{family}.*" for family in families)],
        "timezone": "Europe/Berlin",
        "tool_calls": {
            "effects": {"bank.transfer": "irreversible", **{f"{f}.read*": "read" for f in families[:9]}},
            "allow": ["bank.transfer", *(f"{f}.read*" for f in families[:19])],
            "deny": [f"{f}.delete_*" for f in families[:20]],
            "hold": [f"{f}.write*" for f in families[:20]],
            "domains": {
                "default": "deny",
                "allow": ["*.example.com", *(f"api{number}.example.org:443" for number in range(4))],
                "deny": [f"bad{number}.example.net" for number in range(5)],
            },
        },
        "amounts": {"bank.transfer": {"usd": "arguments.amount", "currency": "arguments.currency"}},
        "custom": [
            {
                "name": f"custom-{number}",
                "kinds": ["tool_call"],
                "hold_if": (
                    f'intent.tool == "bank.transfer" && usd(intent) > usd("{number + 1}0000") '
                    "&& now.getDayOfWeek(tz) != 0"
                ),
            }
            for number in range(10)
        ],
        "soft_limits": [
            {
                "name": f"limit-{number}",
                "metric": "usd" if number % 2 else "count",
                "match": {"tools": ["bank.*"]},
                "per": "agent" if number % 3 else "all",
                "cap": "50000",
            }
            for number in range(9)
        ],
    }


def rule_count(policy: CompiledPolicy) -> tuple[int, int]:
    """How many rules there are in CEL, and how many structured ones."""
    document = policy.document
    calls = document.tool_calls
    hosts = policy.domains
    structured = sum(
        len(rules)
        for rules in (
            calls.effects,
            calls.allow,
            calls.deny,
            calls.hold,
            document.amounts,
            document.soft_limits,
            hosts.allow if hosts else (),
            hosts.deny if hosts else (),
        )
    )
    return len(document.custom), structured


def build_100_rules() -> tuple[CompiledPolicy, Declared, Facts]:
    """The policy, an intent and facts: `evaluate(intent, policy, facts)` is what the bench times."""
    policy = load(json.dumps(_document()).encode())
    intent = Declared(
        id="01936f2e-0000-7000-8000-000000000001",
        agent="release-bot",
        job="01936f2e-0000-7000-8000-000000000002",
        kind="tool_call",
        action=ToolCall(
            tool="bank.transfer",
            arguments={"amount": "1200.50", "currency": "USD", "to": "DE89 3704 0044 0532 0130 00"},
            domains=["api1.example.org:443"],
        ),
        origin="user",
        intent_sha256="0" * 64,
        purpose="pay the invoice of November",
        origin_verified=True,
    )
    totals = {
        (f"limit-{number}", subject, "day:2026-11-21"): 1_000
        for number in range(9)
        for subject in ("all", "agent:release-bot")
    }
    return policy, intent, Facts(now=NOW, totals=totals)
