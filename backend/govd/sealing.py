"""Sealed columns: what agents and people wrote, under a data key per job (AES-256-GCM).

A job's key is wrapped by the state key. Forgetting the wrapped key is deleting the content, except where
a copy of the database from before still has it: see `govd.storage.backups`. Must never write a plain text, a
key or a passphrase anywhere.
"""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from govd.contract.errors import IntegrityError

if TYPE_CHECKING:
    from pathlib import Path

_NONCE: Final = 12
_KEY: Final = 32


@dataclass(frozen=True)
class JobKey:
    """The data key of one job, and its wrapped form as the database holds it."""

    cipher: AESGCM
    wrapped: bytes

    def seal(self, value: dict[str, Any], name: str) -> bytes:
        """Encrypt a JSON value. `name` (table and id) is the associated data: a blob fits no other row."""
        return self.seal_json(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), name)

    def seal_json(self, data: bytes, name: str) -> bytes:
        """The same for a value that is written as JSON already."""
        nonce = os.urandom(_NONCE)
        return nonce + self.cipher.encrypt(nonce, data, name.encode())

    def open(self, blob: bytes, name: str) -> dict[str, Any]:
        """The value that was sealed under that name.

        Raises:
            IntegrityError: another key, another row, or an altered blob.
        """
        value: dict[str, Any] = json.loads(self.open_json(blob, name))
        return value

    def open_json(self, blob: bytes, name: str) -> bytes:
        """The same as the JSON that was sealed: for readers of a part, in which no number is too large."""
        try:
            return self.cipher.decrypt(blob[:_NONCE], blob[_NONCE:], name.encode())
        except InvalidTag:
            raise IntegrityError(
                f"the sealed content of {name} does not open: altered, or another key"
            ) from None


class StateKey:
    """The key that wraps the jobs' keys; it lives in a 0600 file beside the database."""

    def __init__(self, raw: bytes) -> None:
        self._cipher = AESGCM(raw)
        self._mac_key = hmac.digest(raw, b"govconsole/mac/v1", "sha256")

    def mac(self, data: bytes) -> str:
        """A keyed hash for columns that must be compared and not guessed from a stolen database."""
        return hmac.digest(self._mac_key, data, "sha256").hex()

    @staticmethod
    def generate() -> bytes:
        """32 bytes from the system's generator."""
        return os.urandom(_KEY)

    @classmethod
    def load(cls, path: Path) -> StateKey:
        """The key in that file.

        Raises:
            IntegrityError: the file is missing or of another length.
        """
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise IntegrityError(
                f"the state key is not readable: {error.strerror}", hint="govd doctor"
            ) from None
        if len(raw) != _KEY:
            raise IntegrityError(f"the state key has {len(raw)} bytes, not {_KEY}", hint="govd doctor")
        return cls(raw)

    def new_job_key(self) -> JobKey:
        """A fresh data key and its wrapped form."""
        raw = os.urandom(_KEY)
        nonce = os.urandom(_NONCE)
        return JobKey(AESGCM(raw), nonce + self._cipher.encrypt(nonce, raw, b"job-key"))

    def unwrap(self, wrapped: bytes) -> JobKey:
        """The data key of a job.

        Raises:
            IntegrityError: it was wrapped by another state key, altered, or forgotten.
        """
        try:
            raw = self._cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], b"job-key")
        except InvalidTag:
            raise IntegrityError("a job's key does not unwrap: another state key, or altered") from None
        return JobKey(AESGCM(raw), wrapped)
