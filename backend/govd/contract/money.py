"""Amounts: decimals on the wire, whole units in the books. Never floats, never rounded down.

USD is counted in micro-USD and rounded up, so that no cap is passed by rounding; a count in ones.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

from govd.contract.errors import InvalidRequestError

Metric = Literal["usd", "count"]

MICRO: Final = 1_000_000
PLACES: Final = 6
MAX_UNITS: Final = 2**62
"""The largest amount, about 4.6 trillion USD: two of them still fit a database's BIGINT together."""

_DECIMAL: Final = re.compile(r"([0-9]{1,78})(?:\.([0-9]{1,78}))?", re.ASCII)


def micro_usd(text: str) -> int:
    """Micro-USD of a non-negative decimal such as `"50000"` or `"0.10"`, rounded up to the next micro-USD.

    Raises:
        InvalidRequestError: not such a decimal, or beyond `MAX_UNITS`.
    """
    return _scaled(text, PLACES)


def units(metric: Metric, text: str) -> int:
    """The whole units of a decimal, rounded up.

    Raises:
        InvalidRequestError: not a plain non-negative decimal, or too large for the books.
    """
    return _scaled(text, PLACES if metric == "usd" else 0)


def _scaled(text: str, places: int) -> int:
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise InvalidRequestError("not a decimal amount: digits, and a point if need be, are expected")
    fraction = found[2] or ""
    whole = int(found[1] + fraction[:places].ljust(places, "0"))
    if fraction[places:].strip("0"):
        whole += 1
    if whole > MAX_UNITS:
        raise InvalidRequestError(f"an amount beyond {MAX_UNITS // 10**places} cannot be booked")
    return whole


@lru_cache(maxsize=4096)  # every decision writes out the caps that it counts in
def decimal_text(metric: Metric, amount: int) -> str:
    """The wire form: six places for USD, none for a count."""
    if metric == "count":
        return str(amount)
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), MICRO)
    return f"{sign}{whole}.{rest:06d}"


def pretty_usd(micro: int) -> str:
    """Micro-USD for people: thousands separated, cents or finer only where there are any."""
    whole, rest = divmod(micro, MICRO)
    fraction = f"{rest:06d}".rstrip("0")
    return f"{whole:,}" + (f".{fraction.ljust(2, '0')}" if fraction else "")
