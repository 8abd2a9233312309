"""Generated policies, intents and facts. Policies are compiled without the checks for what cannot be meant:
a rule that never matches is refused in a file, and harmless in a proof."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from govd.policy.blocks import PolicyDocument
from govd.policy.compiling import compile_document
from govd.policy.model import Facts
from tests.govd.policy.builders import DAY, NOW, tool
from tests.govd.policy.reference import EXPRESSIONS

if TYPE_CHECKING:
    from govd.policy.model import CompiledPolicy

TOOLS = ["bank.transfer", "bank.balance", "fs.read", "fs.write", "deploy", "other"]
GLOBS = [*TOOLS[:-1], "bank.*", "fs.*", "*.read", "*", "b*r"]
HOSTS = ["a.example.com", "example.com", "b.example.com:443", "evil.net", "127.0.0.1"]
HOST_RULES = [
    "example.com",
    "*.example.com",
    "a.example.com",
    "b.example.com:443",
    "b.example.com",
    "127.0.0.1",
]

_globs = st.lists(st.sampled_from(GLOBS), max_size=3, unique=True)
_effects = st.dictionaries(
    st.sampled_from(GLOBS), st.sampled_from(["read", "draft", "write", "irreversible"]), max_size=3
)
_domains = st.fixed_dictionaries(
    {
        "default": st.sampled_from(["deny", "hold", "allow"]),
        "allow": st.lists(st.sampled_from(HOST_RULES), max_size=2, unique=True),
        "deny": st.lists(st.sampled_from(HOST_RULES), max_size=2, unique=True),
    }
)
_amount = st.fixed_dictionaries(
    {"usd": st.just("arguments.amount")}, optional={"currency": st.just("arguments.currency")}
)
custom_rule = st.builds(
    lambda name, verb, expression: {"name": name, "kinds": ["tool_call"], verb: expression},
    st.sampled_from(["c1", "c2", "c3"]),
    st.sampled_from(["deny_if", "hold_if", "allow_if"]),
    st.sampled_from(sorted(EXPRESSIONS)),
)


def _limit(name: str, metric: str, cap: int, tools: list[str] | None) -> dict[str, Any]:
    return {
        "name": name,
        "metric": metric,
        "cap": str(cap),
        "match": {} if tools is None else {"tools": tools},
    }


soft_limit = st.builds(
    _limit,
    st.sampled_from(["l1", "l2"]),
    st.sampled_from(["usd", "count"]),
    st.integers(0, 200),
    st.none() | st.lists(st.sampled_from(GLOBS), min_size=1, max_size=2, unique=True),
)


def _named_once(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({rule["name"]: rule for rule in rules}.values())


def documents(*, with_domains: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """Policies as mappings."""
    tool_calls: dict[str, Any] = {"allow": _globs, "deny": _globs, "hold": _globs, "effects": _effects}
    return st.fixed_dictionaries(
        {
            "version": st.just(1),
            "name": st.just("generated"),
            "tools": st.lists(st.sampled_from(GLOBS), max_size=3, unique=True),
            "default": st.sampled_from(["hold", "deny"]),
            "tool_calls": st.fixed_dictionaries(
                tool_calls, optional={"domains": _domains} if with_domains else {}
            ),
            "amounts": st.dictionaries(st.sampled_from(GLOBS), _amount, max_size=2),
            "custom": st.lists(custom_rule, max_size=3).map(_named_once),
            "soft_limits": st.lists(soft_limit, max_size=2).map(_named_once),
        },
        optional={"origins": st.sampled_from([["user"], ["user", "agent:*"], []])},
    )


intents = st.builds(
    tool,
    st.sampled_from(TOOLS),
    st.fixed_dictionaries(
        {},
        optional={
            "amount": st.sampled_from(["1", "99.9999991", "100", "100.0000001", 150, 1.5, True, "x", None]),
            "currency": st.sampled_from(["USD", "EUR", None]),
            "note": st.sampled_from(["x", "y"]),
        },
    ),
    st.lists(st.sampled_from(HOSTS), max_size=2),
    origin=st.sampled_from(["user", "agent:other", "schedule"]),
)

EVERY_INTENT = [
    tool(name, arguments, hosts, origin=origin)
    for name in TOOLS
    for arguments in ({}, {"amount": "150", "currency": "USD", "note": "x"}, {"amount": "1", "note": "y"})
    for hosts in ([], ["a.example.com"], ["evil.net"], ["b.example.com:443"])
    for origin in ("user", "schedule")
]
"""Enough intents that each kind of rule speaks of some of them, and of some alone."""

used = st.fixed_dictionaries({}, optional={"l1": st.integers(0, 2 * 10**8), "l2": st.integers(0, 250)})


def facts_of(totals: dict[str, int]) -> Facts:
    """Facts in which each cap stands at that total."""
    return Facts(now=NOW, totals={(cap, "agent:release-bot", DAY): total for cap, total in totals.items()})


def compiled(document: dict[str, Any]) -> CompiledPolicy:
    """A generated policy, ready to decide."""
    source = json.dumps(document).encode()
    model = PolicyDocument.model_validate(document)
    return compile_document(model, sha256=hashlib.sha256(source).hexdigest(), source=source)
