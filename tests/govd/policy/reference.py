"""A second evaluator, written from the design alone: slow, plain, and sharing no code with the first.

It reads the same mapping that the policy file holds, and answers with the outcome and the reason codes.
CEL is not evaluated again: the generated expressions come with what they mean in Python.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from govd.intents.model import Declared

RANK = {"APPROVED": 0, "PENDING": 1, "DENIED": 2}
EFFECTS = ["read", "draft", "write", "irreversible"]

EXPRESSIONS: dict[str, Callable[[Declared, Decimal | None], bool | None]] = {
    'intent.tool == "bank.transfer"': lambda intent, _: intent.action.tool == "bank.transfer",  # type: ignore[union-attr] # tool calls only
    'intent.priced && usd(intent) > usd("100")': lambda _, usd: usd is not None and usd > Decimal(100),
    'usd(intent) > usd("100")': lambda _, usd: None if usd is None else usd > Decimal(100),
    'intent.arguments.note == "x"': lambda intent, _: (
        intent.action.arguments["note"] == "x" if "note" in intent.action.arguments else None  # type: ignore[union-attr] # the same
    ),
    'intent.origin != "user"': lambda intent, _: intent.origin != "user",
}
"""Expression → its value; None is an error."""


def _matches(glob: str, name: str) -> bool:
    return re.fullmatch(glob.replace(".", r"\.").replace("*", ".*"), name) is not None


def _any(globs: list[str], name: str) -> bool:
    return any(_matches(glob, name) for glob in globs)


def _usd(policy: dict[str, Any], intent: Declared) -> tuple[Decimal | None, str | None]:
    """The price in USD, or the code of what is wrong with it; (None, None) where nothing says a price."""
    arguments = intent.action.arguments  # type: ignore[union-attr] # tool calls only
    found: list[Decimal] = []
    for glob, source in policy.get("amounts", {}).items():
        if not _matches(glob, intent.action.tool):  # type: ignore[union-attr] # the same
            continue
        if "currency" in source and arguments.get(source["currency"].split(".")[1]) != "USD":
            return None, "currency-unpriced"
        value = arguments.get(source["usd"].split(".")[1])
        if isinstance(value, bool) or not isinstance(value, str | int):
            return None, "amount-unreadable"
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", str(value), re.ASCII):
            return None, "amount-unreadable"
        try:
            amount = Decimal(value).quantize(Decimal("0.000001"), ROUND_CEILING)
        except InvalidOperation:
            return None, "amount-unreadable"
        found.append(amount)
    return (max(found), None) if found else (None, None)


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
    policy: dict[str, Any], intent: Declared, usd: Decimal | None, trouble: str | None, used: dict[str, int]
) -> set[tuple[str, str]]:
    found = set()
    tool = intent.action.tool  # type: ignore[union-attr] # tool calls only
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
            if trouble is None and (effect == "irreversible" or (effect == "write" and tools is not None)):
                found.add(("unpriced", "PENDING"))
            continue
        if over:
            found.add(("cap-exceeded", "PENDING"))
    return found


def decide(policy: dict[str, Any], intent: Declared, used: dict[str, int]) -> tuple[str, set[str]]:
    """The outcome of a tool call, and the codes of all findings."""
    tool = intent.action.tool  # type: ignore[union-attr] # tool calls only
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
    usd, trouble = _usd(policy, intent)
    if trouble is not None:
        found.add((trouble, "PENDING"))
    found |= _custom(policy, intent, usd)
    found |= _caps(policy, intent, usd, trouble, used)
    if not {"tool-allowed", "custom-allowed"} & {code for code, _ in found}:
        found.add(("no-rule", "DENIED" if policy["default"] == "deny" else "PENDING"))
    return max((outcome for _, outcome in found), key=RANK.__getitem__), {code for code, _ in found}
