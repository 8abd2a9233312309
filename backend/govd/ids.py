"""Identifiers: UUIDv7 (RFC 9562), so that they sort by time."""

from __future__ import annotations

from uuid_utils import uuid7


def new_id() -> str:
    """A fresh UUIDv7 in its usual form."""
    return str(uuid7())
