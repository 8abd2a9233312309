"""Money without floats: decimal text to micro-USD, rounded up, and back.

Must never round an amount down, nor accept a number that a database's BIGINT cannot hold.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from govd.contract.errors import InvalidRequestError

MICRO: Final = 1_000_000
PLACES: Final = 6
MAX_MICRO: Final = 2**63 - 1
"""The largest amount: what BIGINT holds, about 9.2 trillion USD."""

_DECIMAL: Final = re.compile(r"([0-9]{1,78})(?:\.([0-9]{1,78}))?", re.ASCII)


@lru_cache(maxsize=2048)
def micro_usd(text: str) -> int:
    """Micro-USD of a non-negative decimal such as `"50000"` or `"0.10"`, rounded up to the next micro-USD.

    Raises:
        InvalidRequestError: not such a decimal, or beyond `MAX_MICRO`.
    """
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise InvalidRequestError("not a decimal amount: digits, and a point if need be, are expected")
    fraction = found[2] or ""
    micro = int(found[1]) * MICRO + int(fraction[:PLACES].ljust(PLACES, "0"))
    if fraction[PLACES:].strip("0"):
        micro += 1
    if micro > MAX_MICRO:
        raise InvalidRequestError("an amount beyond 9.2 trillion USD cannot be booked")
    return micro


@lru_cache(maxsize=2048)
def decimal_text(micro: int) -> str:
    """Micro-USD as the decimal on the wire: always six places."""
    return f"{micro // MICRO}.{micro % MICRO:06d}"


def pretty_usd(micro: int) -> str:
    """Micro-USD for people: thousands separated, cents or finer only where there are any."""
    whole, rest = divmod(micro, MICRO)
    fraction = f"{rest:06d}".rstrip("0")
    return f"{whole:,}" + (f".{fraction.ljust(2, '0')}" if fraction else "")
