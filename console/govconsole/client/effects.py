"""What a job's held actions do together: how many of which kind, how much money, to how many recipients.

Must never count what it cannot read as nothing: an action without a kind of its own is counted as a call.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from govconsole.client.amounts import amount
from govconsole.client.document import Span
from govconsole.client.known import is_irreversible, pays_new
from govd.contract import actions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from govd.contract.intents import IntentDetail

_NOUNS: Final[dict[str, tuple[str, str]]] = {
    "model_call": ("model call", "model calls"),
    "tool_call": ("call", "calls"),
    "evm_transaction": ("transaction", "transactions"),
    "http_request": ("request", "requests"),
    "file_write": ("file written", "files written"),
    "process_exec": ("command", "commands"),
    "audio": ("use of audio", "uses of audio"),
    "context_release": ("release of context", "releases of context"),
    "secret_read": ("secret read", "secrets read"),
    "admin": ("change of settings", "changes of settings"),
}
_PUSH: Final = ("push", "pushes")
_TRANSFER: Final = ("transfer", "transfers")
_MAIL: Final = ("mail", "mails")
_TRANSFERS: Final = frozenset({"transfer", "pay", "payment", "payout"})
_RECIPIENT: Final = frozenset(
    {
        "to",
        "cc",
        "bcc",
        "recipient",
        "recipients",
        "payee",
        "beneficiary",
        "iban",
        "to_account",
        "destination",
    }
)


def noun(intent: IntentDetail) -> tuple[str, str]:
    """What one such action is called, and several."""
    action = intent.action
    if isinstance(action, actions.ProcessExec) and action.git is not None:
        return _PUSH
    if isinstance(action, actions.ToolCall):
        parts = action.tool.lower().replace("_", ".").replace("-", ".").split(".")
        if _TRANSFERS & set(parts):
            return _TRANSFER
        if {"mail", "email"} & set(parts) and "send" in parts:
            return _MAIL
    return _NOUNS[intent.kind]


def recipients(intent: IntentDetail) -> set[str]:
    """Whom it reaches, as far as its arguments name them."""
    action = intent.action
    if isinstance(action, actions.EvmTransaction):
        return {action.to.lower()} if action.to else set()
    if isinstance(action, actions.ToolCall):
        return {
            name
            for key, value in action.arguments.items()
            if key.lower() in _RECIPIENT
            for name in _names(value)
        }
    return set()


def _names(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value.strip().lower()
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)


def money(held: Sequence[IntentDetail]) -> Decimal:
    """What the actions add up to in USD: each amount once, though several caps may count it."""
    return sum(
        (
            max(
                (Decimal(one.amount) for one in intent.decision.reservations if one.metric == "usd"),
                default=Decimal(0),
            )
            for intent in held
        ),
        Decimal(0),
    )


def added_up(held: Sequence[IntentDetail]) -> list[Span]:
    """The effects together: `3 transfers · 72,300.00 USD · 2 recipients, 1 new · 3 irreversible`."""
    counted = Counter(noun(intent) for intent in held)
    spans = [
        Span(" · ".join(f"{count} {one if count == 1 else many}" for (one, many), count in counted.items()))
    ]
    if total := money(held):
        spans.append(Span(f" · {amount(str(total), 'usd')}", "title"))
    reached = set[str]().union(*(recipients(intent) for intent in held))
    if reached:
        spans.append(Span(f" · {len(reached)} recipient{'s' * (len(reached) > 1)}"))
    new = set[str]().union(*(recipients(intent) for intent in held if pays_new(intent)))
    if new:
        spans.append(Span(f", {len(new)} new", "bad"))
    if final := sum(map(is_irreversible, held)):
        spans.append(Span(f" · ◆ {final} irreversible", "bad"))
    return spans
