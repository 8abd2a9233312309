"""The signing keys: attestations are signed with them, and their public halves are the JWKS.

An older key stays listed until nothing that it signed can still be valid. Must never take a file for a key
that counts: the database says which one signs.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govd.contract.attestations import ALGORITHM, TYPE, Claims
from govd.contract.errors import ConflictError, IntegrityError
from govd.contract.keys import jwk_of, thumbprint
from govd.contract.votekey import public_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_MODE: Final = 0o600


@dataclass(frozen=True)
class SigningKey:
    """One Ed25519 key with its key id: the RFC 7638 thumbprint of the public JWK."""

    private: Ed25519PrivateKey

    @cached_property
    def jwk(self) -> dict[str, str]:
        """The public JWK (RFC 8037)."""
        return jwk_of(self.private.public_key().public_bytes_raw())

    @property
    def public(self) -> str:
        """The public key as the contract writes it: 32 raw bytes in base64."""
        return public_text(self.private)

    @cached_property
    def kid(self) -> str:
        """The thumbprint."""
        return thumbprint(self.private.public_key().public_bytes_raw())


@dataclass(frozen=True)
class Term:
    """The time in which a key signed, as the database has it.

    Attributes:
        kid: Of the key.
        since: From when on; None: since the state was founded.
        until: When another one took its place; None: it is in use.
        listed_until: Until when the JWKS lists it: nothing that it signed is good for longer.
        stolen: Whether it was given up as known to others: then neither its attestations nor its heads count.
    """

    kid: str
    since: datetime | None = None
    until: datetime | None = None
    listed_until: datetime | None = None
    stolen: bool = False


class KeyRing:
    """The signing keys of one state: one that signs, those before it, perhaps one that was made to follow.

    A file alone makes no key count: which one signs is what operators have signed for (threats T5).

    Args:
        keys: All that there are, the oldest first.
    """

    def __init__(self, keys: list[SigningKey]) -> None:
        if not keys:
            raise IntegrityError("there is no signing key", hint="govd doctor")
        self._first = keys[0]
        self._taking = threading.Lock()
        self._now = _standing(keys, (Term(self._first.kid),))

    @classmethod
    def load(cls, folder: Path) -> KeyRing:
        """The keys in `folder`, oldest first by name; the first one signs until `take` says otherwise."""
        return cls(read_all(folder))

    def take(self, keys: Sequence[SigningKey], terms: Sequence[Term]) -> None:
        """Go by these from now on; by what stands, where these are from before it: a key never comes back.

        Args:
            keys: All that there are.
            terms: Of those that sign or have signed, the last one in use; none: the first key alone.

        Raises:
            IntegrityError: the key that is in use is not there.
        """
        found = _standing(keys, tuple(terms) or (Term(self._first.kid),))
        with self._taking:  # as one object, so that no reader sees half of it
            if found.age >= self._now.age:
                self._now = found

    @property
    def current(self) -> SigningKey:
        """The one that signs."""
        return self._now.current

    @property
    def terms(self) -> Sequence[Term]:
        """Of all keys that sign or have signed, oldest first."""
        return self._now.terms

    def find(self, kid: str) -> SigningKey | None:
        """The key of that id, if its file is there."""
        return self._now.known.get(kid)

    def head_key(self) -> Ed25519PrivateKey:
        """The key that signs heads: the same one, under a context of its own."""
        return self._now.current.private

    def head_keys(self) -> Sequence[Ed25519PublicKey]:
        """What heads that clients remember may be signed with: all that are ours and in no other hands.

        Also one that the database does not know: it may have gone back behind a rotation (threats T13).
        """
        return self._now.publics

    def jwks(self, now: datetime) -> dict[str, Any]:
        """The document at `/.well-known/jwks.json`."""
        standing = self._now
        return {
            "keys": [
                {**key.jwk, "kid": key.kid, "alg": ALGORITHM, "use": "sig"}
                for term in standing.terms
                if (key := standing.known.get(term.kid)) is not None
                and not term.stolen
                and (term.listed_until is None or now < term.listed_until)
            ]
        }

    def sign(self, claims: Claims) -> str:
        """The compact JWS over the claims.

        Raises:
            ConflictError: the key in use was given up as stolen, and none has followed it.
        """
        key, term = self.current, self.terms[-1]
        if term.stolen:
            raise ConflictError(
                f"the signing key {term.kid[:12]} was given up as stolen, and none has followed it",
                hint="govd keys rotate",
            )
        return jwt.encode(
            claims.model_dump(mode="json", exclude_none=True),
            key.private,
            algorithm=ALGORITHM,
            headers={"typ": TYPE, "kid": key.kid},
        )


@dataclass(frozen=True)
class _Now:
    current: SigningKey
    terms: Sequence[Term]
    known: Mapping[str, SigningKey]
    publics: Sequence[Ed25519PublicKey]

    @property
    def age(self) -> int:
        """Grows with each key that follows another, and with each that is given up as stolen."""
        return len(self.terms) + sum(term.stolen for term in self.terms)


def _standing(keys: Sequence[SigningKey], terms: Sequence[Term]) -> _Now:
    known = {key.kid: key for key in keys}
    if terms[-1].kid not in known:
        raise gone(terms[-1])
    stolen = {term.kid for term in terms if term.stolen}
    trusted = [key.private.public_key() for key in keys if key.kid not in stolen]
    return _Now(known[terms[-1].kid], terms, known, trusted)


def gone(term: Term) -> IntegrityError:
    """The error where the key in use has no file."""
    return IntegrityError(
        f"the signing key {term.kid[:12]} is in use, and its file is gone",
        hint="restore keys/ from a backup",
    )


def read_all(folder: Path) -> list[SigningKey]:
    """The keys whose files are in `folder`, oldest first by name.

    Raises:
        IntegrityError: one of them is none.
    """
    return [_read(path) for path in sorted(folder.glob("signing-*.key"))]


def _read(path: Path) -> SigningKey:
    try:
        return SigningKey(Ed25519PrivateKey.from_private_bytes(path.read_bytes()))
    except (OSError, ValueError):
        raise IntegrityError(f"the signing key {path.name} is not readable", hint="govd doctor") from None


def write_new(folder: Path) -> SigningKey:
    """Make a signing key file (32 raw bytes, 0600) behind those that are there, whole or not at all."""
    numbers = (path.stem.removeprefix("signing-") for path in folder.glob("signing-*.key"))
    last = max((int(number) for number in numbers if number.isdecimal()), default=0)
    key = Ed25519PrivateKey.generate()
    part = folder / "signing.part"
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_bytes_raw())
        file.flush()
        os.fsync(file.fileno())
    part.rename(folder / f"signing-{last + 1:04d}.key")
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return SigningKey(key)
