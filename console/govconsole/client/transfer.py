"""A payment in one line: how much, of what, to whom, where a tool's arguments say just that.

Must never round, nor take for an amount what is not written as one: then the arguments stand as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from govd.contract import actions

if TYPE_CHECKING:
    from govd.contract.intents import IntentDetail

_AMOUNT: Final = re.compile(r"[0-9]{1,30}(\.[0-9]{1,18})?")
_CURRENCY: Final = re.compile(r"[A-Za-z0-9]{2,10}")
_LONGEST: Final = 80


@dataclass(frozen=True)
class Transfer:
    """What is paid. `rest`: the arguments that the one line does not tell."""

    amount: str
    currency: str
    to: str
    tool: str
    rest: dict[str, object]

    @property
    def words(self) -> str:
        """The payment in one line."""
        return f"{self.amount} {self.currency} → {self.to}"


def transfer_of(intent: IntentDetail) -> Transfer | None:
    """The payment that an action is, where its arguments `amount`, `currency` and `to` say so."""
    action = intent.action
    if not isinstance(action, actions.ToolCall):
        return None
    given = action.arguments
    amount, currency, to = (given.get(name) for name in ("amount", "currency", "to"))
    if isinstance(amount, int) and not isinstance(amount, bool) and amount >= 0:
        amount = str(amount)
    if not (isinstance(amount, str) and isinstance(currency, str) and isinstance(to, str)):
        return None
    if not (_AMOUNT.fullmatch(amount) and _CURRENCY.fullmatch(currency) and 0 < len(to) <= _LONGEST):
        return None
    rest = {name: value for name, value in given.items() if name not in {"amount", "currency", "to"}}
    return Transfer(f"{Decimal(amount):,f}", currency, to, action.tool, rest)
