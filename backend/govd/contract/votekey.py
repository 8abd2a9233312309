"""An operator's vote key: an Ed25519 key in an OpenSSH file, under a passphrase, that govd never holds.

The file is the form that `ssh-keygen -p` changes the passphrase of.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govd.contract.errors import ForbiddenError, InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 48
_OTHERS = 0o077


def generate() -> Ed25519PrivateKey:
    """A new key, from the system's generator."""
    return Ed25519PrivateKey.generate()


def public_text(key: Ed25519PrivateKey) -> str:
    """The public key as its 32 raw bytes in base64: the form on the wire."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def write(path: Path, key: Ed25519PrivateKey, passphrase: bytes, *, rounds: int = ROUNDS) -> None:
    """Write the key file, 0600, refusing to replace one. bcrypt-pbkdf guards the passphrase.

    Args:
        path: Where to.
        key: The vote key.
        passphrase: What opens it.
        rounds: Of bcrypt-pbkdf: a third of a second of work for whoever guesses. Fewer are for tests alone.

    Raises:
        InvalidRequestError: the passphrase is empty, or a file is there already.
    """
    if not passphrase:
        raise InvalidRequestError(
            "a vote key has a passphrase: any process of the same user could vote otherwise"
        )
    encryption = serialization.PrivateFormat.OpenSSH.encryption_builder().kdf_rounds(rounds).build(passphrase)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, encryption)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise InvalidRequestError(f"{path} is there already: a key is never overwritten") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())


def load(path: Path, passphrase: bytes | None) -> Ed25519PrivateKey:
    """The key. Without a passphrase, one that is not under any: a channel's adapter's, never an operator's.

    Raises:
        NotFoundError: there is no such file.
        ForbiddenError: others may read the file, or it does not open: a wrong passphrase, or no key file.
    """
    try:
        data = path.read_bytes()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise NotFoundError(f"no vote key at {path}", hint="name it with --key") from None
    except OSError as error:
        raise ForbiddenError(
            f"the vote key cannot be read: {error.strerror}", hint=f"look at {path}"
        ) from None
    if mode & _OTHERS:
        raise ForbiddenError(f"{path} may be read by others", hint=f"chmod 600 {path}")
    try:
        key = serialization.load_ssh_private_key(data, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ForbiddenError("the vote key does not open: wrong passphrase, or not a key file") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ForbiddenError("the vote key is of another kind: Ed25519 is expected")
    return key
