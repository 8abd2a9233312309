"""Attestations: the signed word that an executor redeems once, verified offline against the JWKS."""

from __future__ import annotations

from typing import Any, Literal

import jwt
from pydantic import Field

from govd.contract.errors import RedeemRefusedError
from govd.contract.intents import IntentDetail
from govd.contract.jobs import Assurance
from govd.contract.votes import SignedVote
from govd.contract.wire import Id, Name, Sha256, Wire

TYPE = "intent-attestation+jwt"
ALGORITHM = "EdDSA"


class Approver(Wire):
    """Who approved, and the digest of the vote that says so."""

    operator: Name
    vote_sha256: Sha256


class Claims(Wire):
    """The claims of an attestation. Times are seconds since the epoch, as RFC 7519 has them."""

    iss: str
    sub: Name
    aud: Name
    jti: Id
    iat: int
    exp: int
    intent_id: Id
    intent_sha256: Sha256
    policy_sha256: Sha256
    decided_by: Literal["policy"] | list[Approver]
    level: int | None = None
    assurance: Assurance
    sandbox: Literal["unsandboxed"] = "unsandboxed"


class Minted(Wire):
    """The answer to an executor that asks for an attestation: the JWS, and what it needs to check votes.

    `nonce` opens the commitments of `votes` (null where policy alone decided).
    """

    attestation: str
    claims: Claims
    votes: list[SignedVote] = Field(default_factory=list)
    nonce: str | None = None
    intent: IntentDetail


class Redemption(Wire):
    """The body of `POST /v1/attestations/redeem`: the JWS and the hash of what is about to run."""

    attestation: str = Field(max_length=8192)
    intent_sha256: Sha256


class Redeemed(Wire):
    """The one positive answer that an intent ever gets."""

    intent_id: Id
    jti: Id


def verify_attestation(token: str, jwks: dict[str, Any], audience: str, now: int | None = None) -> Claims:
    """The claims of a good attestation.

    Args:
        token: The compact JWS.
        jwks: The issuer's `/.well-known/jwks.json`.
        audience: The executor that is about to act.
        now: Seconds since the epoch; the wall clock where it is left out.

    Raises:
        RedeemRefusedError: not ours, altered, of another type, expired, or for another executor.
    """
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != TYPE or header.get("alg") != ALGORITHM:
            raise RedeemRefusedError("not an attestation: its header says another type or algorithm")
        keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(jwks).keys}
        key = keys.get(str(header.get("kid")))
        if key is None:
            raise RedeemRefusedError("the attestation is signed by a key that this backend does not list")
        payload = jwt.decode(
            token,
            key.key,
            algorithms=[ALGORITHM],
            audience=audience,
            options={
                "require": ["exp", "iat", "aud", "sub", "jti", "iss"],
                "verify_exp": now is None,
                "verify_iat": False,
            },
        )
        claims = Claims.model_validate(payload)
    except (jwt.PyJWTError, ValueError) as error:
        raise RedeemRefusedError(f"the attestation does not verify: {type(error).__name__}") from None
    if now is not None and now >= claims.exp:
        raise RedeemRefusedError("the attestation has expired")
    return claims
