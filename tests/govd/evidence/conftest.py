"""Fixtures of this room: a govd in a process of its own."""

from __future__ import annotations

from tests.support.fixtures import govd_at

__all__ = ["govd_at"]
