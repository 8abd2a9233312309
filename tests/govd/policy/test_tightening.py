"""The meaning of a change: tighter only where that is proven."""

from __future__ import annotations

from typing import Any

import pytest

from govd.policy.loading import load
from govd.policy.places import default
from govd.policy.tightening import changes, only_tightens
from tests.govd.policy.builders import policy

BASE: dict[str, Any] = {
    "timezone": "UTC",
    "origins": ["user"],
    "tool_calls": {
        "allow": ["fs.*"],
        "deny": ["fs.delete"],
        "hold": ["fs.write*"],
        "effects": {"fs.read": "read"},
        "domains": {"default": "hold", "allow": ["*.example.com"], "deny": ["bad.example.com"]},
    },
    "amounts": {"bank.transfer": {"usd": "arguments.amount"}},
    "custom": [{"name": "c", "kinds": ["tool_call"], "hold_if": 'intent.agent == "x"'}],
    "soft_limits": [
        {"name": "daily", "metric": "usd", "match": {"tools": ["bank.transfer"]}, "cap": "50000"}
    ],
    "holds": {"ttl": "24h", "reason_required": True},
}


def calls(**changed: Any) -> dict[str, Any]:
    return {"tool_calls": {**BASE["tool_calls"], **changed}}


def hosts(**changed: Any) -> dict[str, Any]:
    return calls(domains={**BASE["tool_calls"]["domains"], **changed})


def rule(**changed: Any) -> dict[str, Any]:
    return {"custom": [{**BASE["custom"][0], **changed}]}


def limit(**changed: Any) -> dict[str, Any]:
    return {"soft_limits": [{**BASE["soft_limits"][0], **changed}]}


@pytest.mark.parametrize(
    ("edit", "direction", "text"),
    [
        ({"default": "deny"}, "tighter", "default: hold → deny"),
        ({"timezone": "Asia/Tokyo"}, "unclear", "timezone: UTC → Asia/Tokyo"),
        ({"origins": ["user", "schedule"]}, "looser", "origins: schedule is known now"),
        ({"tools": ["bank.*", "fs.*", "exec.*", "deploy", "x"]}, "looser", "tools: x is known now"),
        ({"tools": ["bank.*", "fs.*", "deploy"]}, "tighter", "tools: exec.* is not known"),
        (calls(allow=["fs.*", "deploy"]), "looser", "allow: deploy added"),
        (calls(allow=[]), "tighter", "allow: fs.* removed"),
        (calls(deny=[]), "looser", "deny: fs.delete removed"),
        (calls(deny=["fs.delete", "deploy"]), "tighter", "deny: deploy added"),
        (calls(hold=[]), "looser", "hold: fs.write* removed"),
        (calls(effects={"fs.read": "irreversible"}), "tighter", "effects: fs.read read → irreversible"),
        (calls(effects={"fs.read": "read", "deploy": "draft"}), "looser", "effects: deploy unnamed → draft"),
        (calls(effects={}), "tighter", "effects: fs.read read → unnamed"),
        (calls(domains=None), "looser", "hosts are not checked"),
        (hosts(default="deny"), "tighter", "default hold → deny"),
        (hosts(default="allow"), "looser", "default hold → allow"),
        (hosts(allow=["*.example.com", "evil.net"]), "looser", "evil.net is allowed now"),
        (hosts(allow=[]), "tighter", "*.example.com is not allowed by itself"),
        (hosts(deny=[]), "looser", "bad.example.com is not denied"),
        (
            {"amounts": {"bank.transfer": {"usd": "arguments.fee"}}},
            "unclear",
            "amounts: bank.transfer read elsewhere",
        ),
        ({"custom": []}, "looser", "custom: c removed"),
        (rule(hold_if='intent.agent == "y"'), "unclear", "says something else"),
        (rule(kinds=["tool_call", "admin"]), "tighter", "reads tool_call, admin"),
        (limit(cap="80000"), "looser", "cap daily 50,000 → 80,000"),
        (limit(cap="40000"), "tighter", "cap daily 50,000 → 40,000"),
        (limit(per="all"), "unclear", "counts something else"),
        (limit(match={"tools": ["bank.*"]}), "tighter", "counts other intents"),
        (limit(name="renamed"), "looser", "cap daily removed"),
        ({"holds": {"ttl": "24h", "reason_required": False}}, "looser", "a vote needs no reason"),
        ({"holds": {"ttl": "48h", "reason_required": True}}, "looser", "holds.ttl: 24h → 48h"),
        ({"attestation": {"ttl": "1m"}}, "tighter", "attestation.ttl: 5m → 1m"),
    ],
)
def test_a_change_has_a_direction_and_a_sentence(edit: dict[str, Any], direction: str, text: str) -> None:
    found = changes(policy(**BASE), policy(**{**BASE, **edit}))
    assert any(change.direction == direction and text in change.text for change in found), found
    assert only_tightens(policy(**BASE), policy(**{**BASE, **edit})) is (direction == "tighter")


def test_narrower_globs_within_wider_ones_are_tighter() -> None:
    assert only_tightens(policy(**BASE), policy(**{**BASE, **calls(allow=["fs.read*", "fs.list"])}))
    assert only_tightens(policy(**BASE), policy(**{**BASE, **calls(deny=["fs.del*"], hold=["fs.*"])}))


def test_an_allowing_rule_that_is_taken_out_is_unclear_because_its_failures_denied() -> None:
    allowing = {"custom": [{"name": "c", "kinds": ["tool_call"], "allow_if": 'intent.arguments.note == "x"'}]}
    (change,) = changes(policy(**{**BASE, **allowing}), policy(**{**BASE, "custom": []}))
    assert change.direction == "unclear"


def test_comments_and_order_change_nothing() -> None:
    source = default()
    again = b"# another comment\n" + source
    assert changes(load(source), load(again)) == []
    assert only_tightens(load(source), load(again))


def test_a_holding_rule_that_denies_now_is_tighter_and_the_other_way_looser() -> None:
    denying = {"custom": [{"name": "c", "kinds": ["tool_call"], "deny_if": 'intent.agent == "x"'}]}
    assert only_tightens(policy(**BASE), policy(**{**BASE, **denying}))
    assert not only_tightens(policy(**{**BASE, **denying}), policy(**BASE))
