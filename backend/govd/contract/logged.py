"""Signed statements as the log has them, put together again from an entry: from there they are verified.

Must never fill in what an entry does not say: a statement that lost a member is not the one that was signed.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from govd.contract.votes import KeyRotation, Resolution, Revocation, StolenKey, Vote

if TYPE_CHECKING:
    from collections.abc import Mapping


def vote(details: Mapping[str, Any]) -> tuple[Vote, str]:
    """The vote of an entry `vote.cast`, and its signature (base64).

    Raises:
        ValueError: the entry holds none, or one of another form.
    """
    kept, signature = _parts(details, "vote_sha256")
    try:
        actions = [
            {"intent": one["intent"], "commitment": one["action_commitment"]} for one in kept["actions"]
        ]
    except (KeyError, TypeError):
        raise ValueError("the entry names no actions") from None
    return Vote.model_validate({**kept, "actions": actions}), signature


def revocation(job: str | None, details: Mapping[str, Any]) -> tuple[Revocation, str]:
    """The statement of an entry `job.revocation_signed` about that job, and its signature (base64).

    Raises:
        ValueError: the entry holds none, or one of another form.
    """
    kept, signature = _parts(details)
    return Revocation.model_validate({**kept, "job": job}), signature


def resolution(job: str | None, intent: str | None, details: Mapping[str, Any]) -> tuple[Resolution, str]:
    """The statement of an entry `intent.resolution_signed` about that intent, and its signature (base64).

    Raises:
        ValueError: the entry holds none, or one of another form.
    """
    kept, signature = _parts(details, "action_commitment")
    action = {"intent": intent, "commitment": details.get("action_commitment")}
    return Resolution.model_validate({**kept, "job": job, "action": action}), signature


def rotation(actor: str | None, details: Mapping[str, Any]) -> tuple[KeyRotation, str, bytes]:
    """The statement of an entry `key.rotated`, its signature (base64), and the former key's endorsement.

    `actor`: whom the entry names, and who has to have signed.

    Raises:
        ValueError: the entry holds none, or one of another form.
    """
    kept, signature = _parts(details, "endorsement", "previous", "public_key")
    try:
        keys = {
            "public_key": _text(details["public_key"]),
            "previous": _text(details["previous"]["public_key"]),
        }
        endorsement = bytes.fromhex(details["endorsement"])
    except (KeyError, TypeError):
        raise ValueError("the entry names no two keys") from None
    statement = KeyRotation.model_validate({**kept, **keys, "signed_by": _signer(actor)})
    return statement, signature, endorsement


def stolen(actor: str | None, details: Mapping[str, Any]) -> tuple[StolenKey, str]:
    """The statement of an entry `key.stolen`, and its signature (base64); see `rotation`.

    Raises:
        ValueError: the entry holds none, or one of another form.
    """
    kept, signature = _parts(details)
    return StolenKey.model_validate({**kept, "signed_by": _signer(actor)}), signature


def _signer(actor: str | None) -> str:
    return (actor or "").removeprefix("operator:")


def _text(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def _parts(details: Mapping[str, Any], *beside: str) -> tuple[dict[str, Any], str]:
    """What was signed, and the signature."""
    kept = {key: value for key, value in details.items() if key not in {"signature", *beside}}
    try:
        signature = bytes.fromhex(details["signature"])
    except (KeyError, TypeError):
        raise ValueError("the entry holds no signature") from None
    return kept, base64.b64encode(signature).decode()
