"""An identity, its tokens, and where a request came from."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from datetime import datetime

Kind = Literal["agent", "executor", "operator"]
State = Literal["active", "suspended", "removed"]

PREFIXES: Final[dict[Kind, str]] = {"agent": "gova_", "executor": "gove_", "operator": "govo_"}
"""A token says what it is for, so that a leaked one is recognised, and one in the wrong place too."""

_TOKEN_BYTES: Final = 32


@dataclass(frozen=True)
class Identity:
    """One agent, executor or operator."""

    kind: Kind
    name: str
    state: State
    created_at: datetime
    added_by: str | None = None
    uid: int | None = None
    public_key: str | None = None
    agents: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    advisory: bool = False

    def serves(self, agent: str) -> bool:
        """Whether this executor acts for that agent."""
        return self.kind == "executor" and (agent in self.agents or "*" in self.agents)


@dataclass(frozen=True)
class Peer:
    """Who is at the other end of a connection: a Unix uid where the kernel tells it, else an address."""

    uid: int | None
    address: str
    socket: str | None = None

    @cached_property
    def text(self) -> str:
        """The form in which two peers are compared and recorded."""
        return f"uid:{self.uid}" if self.uid is not None else f"ip:{self.address}"


def new_token(kind: Kind) -> str:
    """A fresh bearer token: 256 bits behind the prefix of its kind."""
    return PREFIXES[kind] + secrets.token_urlsafe(_TOKEN_BYTES)


def token_digest(token: str) -> str:
    """How the database knows a token: SHA-256, in hex (the token has 256 bits of its own)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
