"""A second evaluator, written from the design alone: slow, plain, and sharing no code with the first.

It reads the same mapping that the policy file holds, and answers with the outcome and the reason codes.
CEL is not evaluated again: the generated expressions come with what they mean in Python.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from govd.intents.model import Declared

RANK = {"APPROVED": 0, "PENDING": 1, "DENIED": 2}
EFFECTS = ["read", "draft", "write", "irreversible"]

EXPRESSIONS: dict[str, Callable[[Declared, Decimal | None], bool | None]] = {
    'intent.tool == "bank.transfer"': lambda intent, _: _tool(intent) == "bank.transfer",
    'intent.priced && usd(intent) > usd("100")': lambda _, usd: usd is not None and usd > Decimal(100),
    'usd(intent) > usd("100")': lambda _, usd: None if usd is None else usd > Decimal(100),
    'intent.arguments.note == "x"': lambda intent, _: _note(intent),
    'intent.origin != "user"': lambda intent, _: intent.origin != "user",
}
"""Expression → its value; None is an error."""


def _tool(intent: Declared) -> str:
    call: Any = intent.action
    return str(call.tool)


def _note(intent: Declared) -> bool | None:
    call: Any = intent.action
    return call.arguments["note"] == "x" if "note" in call.arguments else None


def _matches(glob: str, name: str) -> bool:
    return re.fullmatch(glob.replace(".", r"\.").replace("*", ".*"), name) is not None


def _any(globs: list[str], name: str) -> bool:
    return any(_matches(glob, name) for glob in globs)


def _usd(policy: dict[str, Any], intent: Declared) -> tuple[Decimal | None, set[str]]:
    """The price in USD, and the codes of what is wrong with it; None where nobody can say."""
    call: Any = intent.action
    found: list[Decimal] = []
    wrong: set[str] = set()
    for glob, source in policy.get("amounts", {}).items():
        if not _matches(glob, call.tool):
            continue
        if "currency" in source and call.arguments.get(source["currency"].split(".")[1]) != "USD":
            wrong.add("currency-unpriced")
            continue
        value = call.arguments.get(source["usd"].split(".")[1])
        readable = isinstance(value, str | int) and not isinstance(value, bool)
        if not readable or not re.fullmatch(r"[0-9]+(\.[0-9]+)?", str(value), re.ASCII):
            wrong.add("amount-unreadable")
            continue
        found.append(Decimal(value).quantize(Decimal("0.000001"), ROUND_CEILING))
    return (max(found) if found and not wrong else None), wrong


def _effect(policy: dict[str, Any], tool: str) -> str:
    said = [
        effect for glob, effect in policy["tool_calls"].get("effects", {}).items() if _matches(glob, tool)
    ]
    return max(said, key=EFFECTS.index) if said else "write"


def _custom(policy: dict[str, Any], intent: Declared, usd: Decimal | None) -> set[tuple[str, str]]:
    found = set()
    for rule in policy.get("custom", []):
        verb = next(key for key in ("deny_if", "hold_if", "allow_if") if key in rule)
        value = EXPRESSIONS[rule[verb]](intent, usd)
        if value is None:
            found.add(("evaluation-error", "DENIED"))
        elif value:
            found.add(
                {
                    "deny_if": ("custom-denied", "DENIED"),
                    "hold_if": ("custom-held", "PENDING"),
                    "allow_if": ("custom-allowed", "APPROVED"),
                }[verb]
            )
    return found


def _caps(
    policy: dict[str, Any], intent: Declared, usd: Decimal | None, wrong: set[str], used: dict[str, int]
) -> set[tuple[str, str]]:
    found = set()
    tool = _tool(intent)
    for limit in policy.get("soft_limits", []):
        tools = limit.get("match", {}).get("tools")
        if tools is not None and not _any(tools, tool):
            continue
        cap = Decimal(limit["cap"])
        if limit["metric"] == "count":
            over = used.get(limit["name"], 0) + 1 > cap
        elif usd is not None:
            over = Decimal(used.get(limit["name"], 0)) / 10**6 + usd > cap
        else:
            effect = _effect(policy, tool)
            if not wrong and (effect == "irreversible" or (effect == "write" and tools is not None)):
                found.add(("unpriced", "PENDING"))
            continue
        if over:
            found.add(("cap-exceeded", "PENDING"))
    return found


def decide(policy: dict[str, Any], intent: Declared, used: dict[str, int]) -> tuple[str, set[str]]:
    """The outcome of a tool call, and the codes of all findings."""
    tool = _tool(intent)
    calls = policy["tool_calls"]
    found: set[tuple[str, str]] = set()
    if not _any(policy["tools"], tool):
        found.add(("unknown-tool", "PENDING"))
    if "origins" in policy and not _any(policy["origins"], intent.origin):
        found.add(("unknown-origin", "PENDING"))
    for block, code, outcome in (
        ("deny", "tool-denied", "DENIED"),
        ("hold", "tool-held", "PENDING"),
        ("allow", "tool-allowed", "APPROVED"),
    ):
        if _any(calls.get(block, []), tool):
            found.add((code, outcome))
    usd, wrong = _usd(policy, intent)
    found |= {(code, "PENDING") for code in wrong}
    found |= _custom(policy, intent, usd)
    found |= _caps(policy, intent, usd, wrong, used)
    if not {"tool-allowed", "custom-allowed"} & {code for code, _ in found}:
        found.add(("no-rule", "DENIED" if policy["default"] == "deny" else "PENDING"))
    return max((outcome for _, outcome in found), key=RANK.__getitem__), {code for code, _ in found}
