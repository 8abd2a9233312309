"""Policies for the fault tests: small caps, so that their edges are met often."""

from __future__ import annotations

import time
from typing import Final

COUNT_CAP: Final = 40
"""Searches that one agent may make in a day."""

USD_CAP: Final = 5_000
"""What all agents together may pay in a day."""


def timezone() -> str:
    """A zone in which it is about noon now: no test runs into the end of a day's window."""
    ahead = 12 - time.gmtime().tm_hour  # the names of these zones count westward
    return f"Etc/GMT{-ahead:+d}" if ahead else "UTC"


def mixed(count_cap: int = COUNT_CAP, usd_cap: int = USD_CAP) -> str:
    """Allowed, held, denied and unknown tools; one cap that counts, one that adds up dollars."""
    return f"""\
version: 1
name: mixed
tools: ["search.*", "pay.*", "post.*", "wipe.*"]
timezone: {timezone()}
tool_calls:
  effects: {{"search.*": read, "pay.*": irreversible}}
  allow: ["search.*", "pay.*"]
  hold: ["post.*"]
  deny: ["wipe.*"]
amounts:
  pay.*: {{usd: arguments.amount, currency: arguments.currency}}
soft_limits:
  - {{name: searches-daily, metric: count, match: {{tools: ["search.*"]}}, per: agent, window: day,
     cap: "{count_cap}"}}
  - {{name: payments-daily, metric: usd, match: {{tools: ["pay.*"]}}, per: all, window: day,
     cap: "{usd_cap}"}}
attestation: {{ttl: 5m, approval: 24h}}
"""


def body(tool: str, amount: str | None = None, **more: object) -> dict[str, object]:
    """The body of a submission."""
    arguments = {} if amount is None else {"amount": amount, "currency": "USD"}
    return {"kind": "tool_call", "action": {"tool": tool, "arguments": arguments}, **more}
