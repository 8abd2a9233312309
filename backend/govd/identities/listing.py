"""Identities as lists show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govd.contract.system import AgentView, IdentityView

if TYPE_CHECKING:
    from datetime import datetime

    from govd.contract.jobs import Assurance
    from govd.identities.model import Identity


def view(identity: Identity, ends: datetime | None) -> IdentityView:
    """One of them. `ends`: when its last token does."""
    return IdentityView(
        kind=identity.kind,
        name=identity.name,
        state=identity.state,
        created_at=identity.created_at,
        added_by=identity.added_by,
        uid=identity.uid,
        public_key=identity.public_key,
        agents=list(identity.agents),
        origins=list(identity.origins),
        advisory=identity.advisory,
        token_expires_at=ends,
    )


def agent_view(shown: IdentityView, standing: tuple[Assurance, str]) -> AgentView:
    """An agent. `standing`: whether decisions about it are enforced, and why."""
    assurance, why = standing if shown.state != "removed" else (None, "")
    return AgentView(**shown.model_dump(), assurance=assurance, assurance_why=why)
