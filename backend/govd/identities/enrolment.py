"""Whether a signed enrolment may count: pure comparisons, each with its own sentence (threats T5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govd.contract.errors import ConflictError, ForbiddenError, InvalidRequestError
from govd.contract.votes import SIGNATURE_AGE_S, load_public_key, verify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from govd.contract.votes import Enrolment
    from govd.freshness import SigningTime


def check_enrolment(
    enrolment: Enrolment, signature: str, by: str, public_keys: Mapping[str, str], signing: SigningTime
) -> None:
    """Refuse an enrolment that no operator of today has signed just now, or that cannot stand.

    Args:
        enrolment: What is to be added or removed.
        signature: Over it.
        by: The operator who sends it.
        public_keys: The vote keys of all active operators.
        signing: The time that it is held against.

    Raises:
        ForbiddenError: signed by nobody who may, or not just now.
        ConflictError: the last operator would go.
        InvalidRequestError: a part of it is missing.
    """
    key = public_keys.get(enrolment.signed_by)
    if enrolment.signed_by != by or key is None or not verify(enrolment, signature, key):
        raise ForbiddenError(
            f"adding or removing an {enrolment.kind} needs the signature of an existing operator",
            hint="pass --as OPERATOR and its passphrase",
        )
    signing.check("the enrolment", enrolment.signed_at, SIGNATURE_AGE_S)
    if enrolment.operation == "remove":
        if enrolment.kind == "operator" and len(public_keys) == 1:
            raise ConflictError("this is the last operator: add another one first")
        return
    if enrolment.token_sha256 is None:
        raise InvalidRequestError(
            "an enrolment carries the digest of the token", pointer="/enrolment/token_sha256"
        )
    if enrolment.kind == "operator":
        load_public_key(enrolment.public_key or "")
    elif not enrolment.agents:
        raise InvalidRequestError("name the agents that it acts for", pointer="/enrolment/agents")
