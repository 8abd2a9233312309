"""A signature on a voice that is enrolled or deleted: by the contract alone, as any console makes it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from govd.contract import voicechange
from govd.contract.voice import Draft, Voices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from govd.contract.votes import VoiceChange
    from tests.support.operator import Operator


def saving(
    operator: Operator,
    picture: Mapping[str, Any],
    draft: Mapping[str, Any],
    at: datetime | None = None,
    /,
    **changes: Any,
) -> dict[str, Any]:
    """The body that saves a draft as it was shown. `changes`: members replaced before it is signed."""
    salt = secrets.token_hex(16)
    change = voicechange.enrolling(
        Draft.model_validate(draft),
        Voices.model_validate(picture),
        salt,
        operator.name,
        at or datetime.now(UTC),
    )
    return _body(operator, change, salt, changes)


def deleting(
    operator: Operator, picture: Mapping[str, Any], name: str, at: datetime | None = None, **changes: Any
) -> dict[str, Any]:
    """The body that deletes a voice as it was shown; see `saving`."""
    salt = secrets.token_hex(16)
    voices = Voices.model_validate(picture)
    change = voicechange.deleting(name, voices, salt, operator.name, at or datetime.now(UTC))
    return _body(operator, change, salt, changes)


def _body(operator: Operator, change: VoiceChange, salt: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    signed = voicechange.signed(change.model_copy(update=dict(changes)), salt, operator.key)
    return signed.model_dump(mode="json")
