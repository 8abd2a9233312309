"""The head of the log in every answer, and a stop when a client remembers one that we lack (threats T13)."""

from __future__ import annotations

import contextlib
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.api.errors import problem_response
from govd.contract.errors import GovError
from govd.contract.heads import HEADER, Head, SignedHead

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from govd.storage.ledger import Ledger

log = logging.getLogger(__name__)

_REMEMBERED: Final = 4096
_NAME: Final = HEADER.lower().encode()


@dataclass(frozen=True, slots=True)
class _Signed:
    """A head, the key that signed it, and what came of it."""

    head: Head
    key: Ed25519PrivateKey
    text: str

    def is_of(self, head: Head, key: Ed25519PrivateKey) -> bool:
        """Whether it can be shown while that is the head, and that the key in use."""
        return self.head == head and self.key is key


class Heads:
    """Signs the head, once a group of commits, and judges the heads that clients send back.

    Args:
        ledger: Whose head it is.
        key: What signs now.
        trusted: Whose signatures count: that key's, and those of the keys before it.
        on_lost: Called with the sentence that says which head is lost.
    """

    def __init__(
        self,
        ledger: Ledger,
        key: Callable[[], Ed25519PrivateKey],
        trusted: Callable[[], Sequence[Ed25519PublicKey]],
        on_lost: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._key = key
        self._trusted = trusted
        self._on_lost = on_lost
        self._issued: OrderedDict[str, None] = OrderedDict()
        self._next: _Signed | None = None
        self._last: _Signed | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on this loop signs the next head while the disk still syncs it."""

        def foretold(head: Head) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is answered any more
                loop.call_soon_threadsafe(self._prepare, head)

        self._ledger.on_foretold(foretold)

    def _prepare(self, head: Head) -> None:
        self._next = self._signed(head, self._key())

    def _signed(self, head: Head, key: Ed25519PrivateKey) -> _Signed:
        return _Signed(head, key, head.signed(self._ledger.log_id, key))

    def current(self) -> str:
        """The signed head, as the header carries it."""
        head, key, last, prepared = self._ledger.head, self._key(), self._last, self._next
        if last is None or not last.is_of(head, key):
            if prepared is None or not prepared.is_of(head, key):
                prepared = self._signed(head, key)
            self._last = last = prepared
            self._remember(last.text)
        return last.text

    def judge(self, text: str) -> None:
        """Stop deciding if a client shows a head that we signed and do not hold.

        A head that we did not sign says nothing: else an agent could stop govd with one that it made up.

        Raises:
            InvalidRequestError: the header has another form.
        """
        if text in self._issued:
            return
        signed = SignedHead.parse(text)
        if signed.log != self._ledger.log_id or not any(map(signed.verified, self._trusted())):
            return
        lost = self._lost(signed.head)
        if lost is not None:
            self._on_lost(lost)
            return
        self._remember(text)

    def _remember(self, text: str) -> None:
        # One head has many spellings, and whoever may connect may send them all: they do not pile up.
        self._issued[text] = None
        while len(self._issued) > _REMEMBERED:
            self._issued.popitem(last=False)

    def _lost(self, head: Head) -> str | None:
        ours = self._ledger.head
        if head.epoch < ours.epoch:
            return None
        if head.epoch > ours.epoch or head.seq > ours.seq:
            return (
                f"a client remembers entry {head.seq} of epoch {head.epoch}, "
                f"and the log ends at {ours.seq} of {ours.epoch}"
            )
        digest = self._ledger.digest_at(head.seq)
        if digest != head.digest:
            return f"a client remembers another entry {head.seq} than the log holds"
        return None


class HeadMiddleware:
    """Judges the head of each request and puts ours into each answer."""

    def __init__(self, app: ASGIApp, heads: Heads) -> None:
        self._app = app
        self._heads = heads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (_NAME, self._heads.current().encode())]
            await send(message)

        raw = next((value for name, value in scope["headers"] if name == _NAME), None)
        if raw is not None:
            try:
                self._heads.judge(raw.decode("latin-1"))
            except GovError as error:
                await problem_response(error)(scope, receive, with_head)
                return
        await self._app(scope, receive, with_head)
