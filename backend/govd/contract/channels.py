"""What a channel's adapter signs about a voice note: for which agent, by which chat, from whom (threats T23).

Must never be signed with a key that the agent can read, nor about a note that the adapter did not receive.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from pydantic import StringConstraints, ValidationError

from govd.contract.canonical import canonical_bytes
from govd.contract.errors import ForbiddenError, InvalidRequestError
from govd.contract.voice import Chat
from govd.contract.wire import Name, Sha256, Timestamp, Wire

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Sender = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._@+:-]{1,128}$")]
"""Somebody's id on a channel, as the channel has it: a number, an address, an account."""

MAX_SIGNED: Final = 1024
_CONTEXT: Final = b"govconsole/channel/v1\n"


class ChannelWord(Wire):
    """What is signed. `clip_sha256`: of the file as it is sent. `sent_at`: when the note came in."""

    type: Literal["channel"] = "channel"
    agent: Name
    chat: Chat
    sender: Sender
    clip_sha256: Sha256
    sent_at: Timestamp


def clip_sha256(data: bytes) -> str:
    """The digest of a clip's file."""
    return hashlib.sha256(data).hexdigest()


def signed(word: ChannelWord, key: Ed25519PrivateKey) -> str:
    """One line: the word and its Ed25519 signature, each in base64url, with a dot between."""
    body = canonical_bytes(word.model_dump(mode="json"))
    return f"{_text(body)}.{_text(key.sign(_CONTEXT + body))}"


def opened(line: str, key: Ed25519PublicKey) -> ChannelWord:
    """What the line says, if the key has signed it.

    Raises:
        ForbiddenError: it has not, or it is no such line.
    """
    try:
        body, _, signature = line.partition(".")
        raw = _bytes(body)
        key.verify(_bytes(signature), _CONTEXT + raw)
        return ChannelWord.model_validate_json(raw)
    except (InvalidSignature, ValidationError, binascii.Error, ValueError):
        raise ForbiddenError("the channel has not signed that") from None


def public_key(line: str) -> Ed25519PublicKey:
    """A key as `ssh-keygen -t ed25519` writes it: `ssh-ed25519 AAAA…`, with a comment or none.

    Raises:
        InvalidRequestError: it is no such key.
    """
    try:
        key = load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm, binascii.Error):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidRequestError("a channel's key is an Ed25519 key: ssh-keygen -t ed25519 writes one")
    return key


def voucher(key: Ed25519PublicKey, sender: str) -> str:
    """By what a session remembers who vouched for it: SHA-256 of the key and the sender, in hex."""
    return hashlib.sha256(key.public_bytes_raw() + sender.encode()).hexdigest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
