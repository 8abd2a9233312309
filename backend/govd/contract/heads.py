"""The head of the log, signed: what consoles and gates remember and send back (threats T13).

A backend that is shown a head that it signed and does not hold knows that its state went back in time.
The signature keeps an agent from stopping govd with a head that it made up.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature

from govd.contract.errors import InvalidRequestError
from govd.contract.limits import MAX_HEADER_HEAD

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HEADER: Final = "Gov-Head"
"""The header that carries a head, in every answer and in every request of a client that has one."""

_CONTEXT: Final = b"govconsole/head/v1\n"
_FIELDS: Final = 5


@dataclass(frozen=True, order=True)
class Head:
    """The last entry of the log: `seq` counts entries from 1, `digest` is the SHA-256 of its raw line."""

    epoch: int
    seq: int
    digest: str

    def text(self) -> str:
        """What is signed, and what the anchor file holds in front of the signature."""
        return f"{self.epoch}.{self.seq}.{self.digest}"

    def signed(self, log: str, key: Ed25519PrivateKey) -> str:
        """`log.epoch.seq.digest.signature`; `log` is the log's own id, so that two backends do not mix."""
        return _text(log, self, key.sign(_CONTEXT + f"{log}.{self.text()}".encode()))


def _text(log: str, head: Head, signature: bytes) -> str:
    return f"{log}.{head.text()}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


@dataclass(frozen=True)
class SignedHead:
    """A head as it travels, taken apart, not yet verified."""

    log: str
    head: Head
    signature: bytes

    @classmethod
    def parse(cls, text: str) -> SignedHead:
        """The parts of a header.

        Raises:
            InvalidRequestError: it has another form.
        """
        parts = text.split(".")
        if len(text) > MAX_HEADER_HEAD or len(parts) != _FIELDS or not text.isascii():
            raise InvalidRequestError(f"the header {HEADER} has another form: remove the remembered head")
        log, epoch, seq, digest, signature = parts
        try:
            raw = base64.b64decode(signature + "=" * (-len(signature) % 4), altchars=b"-_", validate=True)
            found = cls(log, Head(int(epoch), int(seq), digest), raw)
        except (ValueError, binascii.Error):
            found = None
        # One head has one spelling: what is remembered of them by their text stays small.
        if found is None or _text(found.log, found.head, found.signature) != text:
            raise InvalidRequestError(f"the header {HEADER} has another form: remove the remembered head")
        return found

    def verified(self, key: Ed25519PublicKey) -> bool:
        """Whether the backend with that key signed it."""
        try:
            key.verify(self.signature, _CONTEXT + f"{self.log}.{self.head.text()}".encode())
        except InvalidSignature:
            return False
        return True
