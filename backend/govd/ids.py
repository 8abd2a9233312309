"""Identifiers, UUIDv7 (RFC 9562), so that they sort by time; and the nonces that hide what is committed to.

Must never draw from anything but the system's randomness in a service that somebody relies on.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from uuid_utils import uuid7

if TYPE_CHECKING:
    from collections.abc import Callable

_NONCE_BYTES: Final = 32


@dataclass
class Source:
    """Where both come from: a seam for pictures, which show the same ones each time they are taken."""

    new_id: Callable[[], object] = uuid7
    random: Callable[[int], bytes] = os.urandom


SOURCE: Final = Source()
"""No part of govd changes it (tests/house)."""


def new_id() -> str:
    """A fresh UUIDv7 in its usual form."""
    return str(SOURCE.new_id())


def new_nonce() -> str:
    """A fresh nonce, in hexadecimal digits."""
    return SOURCE.random(_NONCE_BYTES).hex()
