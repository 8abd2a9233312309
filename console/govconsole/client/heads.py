"""The highest head of each log that this operator has seen (threats T13).

Must never accept an answer from a backend whose log is older than what it showed before.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
from typing import TYPE_CHECKING

from govd.contract.errors import IntegrityError, InvalidRequestError
from govd.contract.heads import SignedHead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOG = re.compile(r"[A-Za-z0-9-]{1,64}\Z")


class HeadMemory:
    """What is remembered for one address: which log it keeps, and that log's highest head.

    Args:
        directory: OPDIR/heads; made where it is missing, 0700.
        address: The backend's address, so that a swapped log at the same address is seen as well.
    """

    def __init__(self, directory: Path, address: str) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._pin = directory / f"at-{hashlib.sha256(address.encode()).hexdigest()[:16]}"
        log = self._read(self._pin)
        self._text = self._read(directory / log) if log and _LOG.match(log) else None
        self._log = log

    @property
    def text(self) -> str | None:
        """The header to send along, or none at a first meeting."""
        return self._text

    def received(self, text: str | None, sent: str | None) -> None:
        """Take the head of an answer, compared with what was remembered when its request left.

        Answers overtake one another, so it is the head of the request's own time that must not be above.

        Raises:
            IntegrityError: the head went back, forked, is missing, or the address keeps another log now.
        """
        if text is None:
            if sent is not None:
                raise IntegrityError(
                    "the backend does not say where its log stands, and it used to", hint="govd audit verify"
                )
            return
        try:
            new = SignedHead.parse(text)
        except InvalidRequestError:
            raise IntegrityError("the backend says where its log stands in a form that is none") from None
        if not _LOG.match(new.log):
            raise IntegrityError("the backend's log has an id that is none")
        if self._log is not None and new.log != self._log:
            raise IntegrityError(
                f"the backend at this address keeps another log ({new.log[:8]}…) than the one remembered "
                f"({self._log[:8]}…)",
                hint=f"if you set it up anew yourself: rm {self._pin}",
            )
        if sent is not None:
            self._compare(SignedHead.parse(sent), new)
        self._remember(new, text)

    @staticmethod
    def _compare(old: SignedHead, new: SignedHead) -> None:
        before, after = old.head, new.head
        if (after.epoch, after.seq) < (before.epoch, before.seq):
            raise IntegrityError(
                f"the backend's log went back: it stands at entry {after.seq} of epoch {after.epoch}, and it "
                f"stood at {before.seq} of epoch {before.epoch} before",
                hint="govd restore, if a backup was put back",
            )
        if (after.epoch, after.seq) == (before.epoch, before.seq) and after.digest != before.digest:
            raise IntegrityError(
                f"the backend's log was rewritten: entry {after.seq} is not what it was",
                hint="govd audit verify",
            )

    def _remember(self, new: SignedHead, text: str) -> None:
        if self._text is not None and SignedHead.parse(self._text).head >= new.head:
            return
        with self._locked():
            stored = self._read(self._directory / new.log)
            if stored is None or _head_or_none(stored) is None or SignedHead.parse(stored).head < new.head:
                self._write(self._directory / new.log, text)
            if self._log != new.log:
                self._write(self._pin, new.log)
        self._log, self._text = new.log, text

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Two consoles of one operator share the directory."""
        descriptor = os.open(self._directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @staticmethod
    def _read(path: Path) -> str | None:
        try:
            return path.read_text(encoding="ascii").strip() or None
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    @staticmethod
    def _write(path: Path, text: str) -> None:
        partial = path.with_suffix(".part")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
        partial.replace(path)


def _head_or_none(text: str) -> SignedHead | None:
    try:
        return SignedHead.parse(text)
    except InvalidRequestError:
        return None
