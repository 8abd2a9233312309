"""Amounts: decimals on the wire, whole units in the books. Never floats.

USD is counted in micro-USD and rounded up, so that no cap is passed by rounding; a count in ones.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal, InvalidOperation, localcontext
from typing import Final, Literal

from govd.contract.errors import InvalidRequestError

Metric = Literal["usd", "count"]

MICRO: Final = 1_000_000
MAX_UNITS: Final = 2**62
"""Beyond this an amount does not fit a BIGINT together with a total: it is refused, never wrapped."""

_PRECISION: Final = 120


def units(metric: Metric, text: str) -> int:
    """The whole units of a decimal, rounded up.

    Raises:
        InvalidRequestError: not a plain non-negative decimal, or too large for the books.
    """
    try:
        with localcontext() as context:
            context.prec = _PRECISION
            value = Decimal(text) * (MICRO if metric == "usd" else 1)
            if not value.is_finite() or value < 0 or value > MAX_UNITS:
                raise InvalidRequestError(f"an amount that cannot be booked: {text[:40]!r}")
            return int(value.to_integral_value(rounding=ROUND_CEILING))
    except InvalidOperation:
        raise InvalidRequestError(f"not an amount: {text[:40]!r}") from None


def decimal_text(metric: Metric, amount: int) -> str:
    """The wire form: six places for USD, none for a count."""
    if metric == "count":
        return str(amount)
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), MICRO)
    return f"{sign}{whole}.{rest:06d}"
