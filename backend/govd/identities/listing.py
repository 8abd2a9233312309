"""Identities as lists show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govd.contract.system import IdentityView

if TYPE_CHECKING:
    from datetime import datetime

    from govd.contract.jobs import Assurance
    from govd.identities.model import Identity


def view(identity: Identity, ends: datetime | None, standing: tuple[Assurance, str] | None) -> IdentityView:
    """One of them.

    Args:
        identity: Whose.
        ends: When its last token ends.
        standing: Of an agent that may act: whether decisions about it are enforced, and why.
    """
    assurance, why = standing or (None, "")
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
        assurance=assurance,
        assurance_why=why,
    )
