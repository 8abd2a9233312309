"""An intent as the decision sees it: what was declared, by whom, and what vouches for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govd.contract.actions import Action
    from govd.contract.intents import Input, Kind, Model


@dataclass(frozen=True)
class Declared:
    """An intent that was authenticated and parsed, before its decision.

    `origin_verified` is whether an adapter or the token itself vouches for the origin (threats T4).
    """

    id: str
    agent: str
    job: str
    kind: Kind
    action: Action
    origin: str
    intent_sha256: str
    purpose: str = ""
    inputs: tuple[Input, ...] = ()
    model: Model | None = None
    origin_verified: bool = False
    declared_capabilities: tuple[str, ...] = field(default=())
