"""govd's own signing keys: how they are listed, and how one vouches for the one that follows it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Final, Literal

from cryptography.exceptions import InvalidSignature

from govd.contract.votes import KeyRotation, StolenKey, load_public_key
from govd.contract.wire import Flag, Timestamp, Wire

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_CONTEXT: Final = b"govconsole/key-endorsement/v1\n"


class KeyView(Wire):
    """One key. `listed`: it signs no more, and what it signed may still be good, so that the JWKS has it.

    `since` null: it signs since the state was founded. `kid` is the RFC 7638 thumbprint, as in the JWKS;
    `public_key` its 32 raw bytes in base64.
    """

    kid: str
    public_key: str
    state: Literal["current", "listed", "past", "stolen"]
    since: Timestamp | None = None
    until: Timestamp | None = None
    listed_until: Timestamp | None = None


class SigningKeys(Wire):
    """The signing keys, the one in use last."""

    keys: list[KeyView]


class NextKey(Wire):
    """A key that was made and does not count before an operator has signed for it."""

    public_key: str
    previous: str
    made: Flag = False
    """Whether it was made just now; else an earlier rotation was left off."""


class KeyRotationSubmission(Wire):
    """The body of `POST /v1/keys`."""

    rotation: KeyRotation
    signature: str


class StolenKeySubmission(Wire):
    """The body of `POST /v1/keys/stolen`."""

    statement: StolenKey
    signature: str


def jwk_of(public_key: bytes) -> dict[str, str]:
    """The JWK (RFC 8037) of an Ed25519 key of 32 raw bytes."""
    x = base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()
    return {"crv": "Ed25519", "kty": "OKP", "x": x}


def thumbprint(public_key: bytes) -> str:
    """The RFC 7638 thumbprint of that key, by which the JWKS and attestations name it."""
    canonical = json.dumps(jwk_of(public_key), separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()


def endorse(log: str, public_key: str, key: Ed25519PrivateKey) -> bytes:
    """The signature by which a key vouches for the one that follows it in the same log."""
    return key.sign(_endorsed(log, public_key))


def endorsed(log: str, public_key: str, previous: str, signature: bytes) -> bool:
    """Whether the previous key (both in base64) vouches for that one.

    Raises:
        InvalidRequestError: one of them is no key.
    """
    try:
        load_public_key(previous).verify(signature, _endorsed(log, public_key))
    except InvalidSignature:
        return False
    return True


def _endorsed(log: str, public_key: str) -> bytes:
    return _CONTEXT + f"{log}\n".encode() + base64.b64decode(public_key)
