"""The signing keys: attestations are signed with them, and their public halves are the JWKS.

An older key stays listed until nothing that it signed can still be valid. A private key never leaves
this module.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govd.contract.attestations import ALGORITHM, TYPE, Claims
from govd.contract.errors import IntegrityError

if TYPE_CHECKING:
    from pathlib import Path

_MODE: Final = 0o600


@dataclass(frozen=True)
class SigningKey:
    """One Ed25519 key with its key id: the RFC 7638 thumbprint of the public JWK."""

    private: Ed25519PrivateKey

    @property
    def jwk(self) -> dict[str, str]:
        """The public JWK (RFC 8037)."""
        raw = self.private.public_key().public_bytes_raw()
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        return {"crv": "Ed25519", "kty": "OKP", "x": x}

    @property
    def kid(self) -> str:
        """The thumbprint."""
        canonical = json.dumps(self.jwk, separators=(",", ":"), sort_keys=True).encode()
        return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()


class KeyRing:
    """The current signing key (the newest file) and those before it."""

    def __init__(self, keys: list[SigningKey]) -> None:
        if not keys:
            raise IntegrityError("there is no signing key", hint="govd doctor")
        self._current = keys[-1]
        self._listed = [{**key.jwk, "kid": key.kid, "alg": ALGORITHM, "use": "sig"} for key in keys]

    @classmethod
    def load(cls, folder: Path) -> KeyRing:
        """The keys in `folder`, oldest first by name."""
        return cls([_read(path) for path in sorted(folder.glob("signing-*.key"))])

    @property
    def head_key(self) -> Ed25519PrivateKey:
        """The key that signs heads: the same one, under a context of its own."""
        return self._current.private

    def jwks(self) -> dict[str, Any]:
        """The document at `/.well-known/jwks.json`."""
        return {"keys": self._listed}

    def sign(self, claims: Claims) -> str:
        """The compact JWS over the claims."""
        return jwt.encode(
            claims.model_dump(mode="json", exclude_none=True),
            self._current.private,
            algorithm=ALGORITHM,
            headers={"typ": TYPE, "kid": self._current.kid},
        )


def _read(path: Path) -> SigningKey:
    try:
        return SigningKey(Ed25519PrivateKey.from_private_bytes(path.read_bytes()))
    except (OSError, ValueError):
        raise IntegrityError(f"the signing key {path.name} is not readable", hint="govd doctor") from None


def write_new(folder: Path, number: int) -> None:
    """Make a signing key file (32 raw bytes, 0600)."""
    raw = Ed25519PrivateKey.generate().private_bytes_raw()
    descriptor = os.open(folder / f"signing-{number:04d}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
