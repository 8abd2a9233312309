"""The highest head of each log that a console or a gate has seen, in files of 0600 (threats T13).

Must never take an answer from a backend whose log is older than what it showed before.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import threading
from typing import TYPE_CHECKING, Final

from govd.contract.errors import HaltedError, InvalidRequestError
from govd.contract.heads import SignedHead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOG_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_MAX_FILE: Final = 1024


class HeadMemory:
    """What is remembered, shared by all consoles, or all gates, of one user.

    Args:
        directory: Where the files lie; made 0700 where it is missing.
        address: Of a backend that must go on keeping the log it kept at the first meeting. A console and
            an executor name it; an agent, which moves between backends, does not.
    """

    def __init__(self, directory: Path, address: str | None = None) -> None:
        self._directory = directory
        self._guard = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._pin = None
        if address is not None:
            self._pin = directory / f"at-{hashlib.sha256(address.encode()).hexdigest()[:16]}"
        self._log = self._read(self._pin) if self._pin is not None else None
        self._current = self._load(self._log) if self._log is not None else None

    @property
    def current(self) -> str | None:
        """The header to send along, or None before the first answer."""
        return self._current

    def received(self, text: str | None, sent: str | None) -> None:
        """Take the head of an answer. `sent` is what was remembered when its request left.

        Answers overtake one another, so an answer is held against the head of its own request's time.

        Raises:
            HaltedError: the log went back, was rewritten, vanished, or is another one at a pinned address.
        """
        if text is None:
            if sent is not None:
                raise _gone_back("the backend does not say where its log stands, and it used to")
            return
        try:
            new = SignedHead.parse(text)
        except InvalidRequestError:
            raise _gone_back("the backend says where its log stands in a form that is none") from None
        if not _LOG_ID.match(new.log):
            raise _gone_back("the backend's log has an id that is none")
        with self._guard:
            self._check_log(new)
            remembered = self._remembered(new.log, sent)
            if remembered is not None:
                _compare(remembered, new)
            self._remember(new, text)

    def _check_log(self, new: SignedHead) -> None:
        if self._pin is None or self._log is None or new.log == self._log:
            return
        raise HaltedError(
            f"the backend at this address keeps another log ({new.log[:13]}) than before ({self._log[:13]})",
            hint=f"if you set it up anew yourself: rm {self._pin}",
        )

    def _remembered(self, log: str, sent: str | None) -> SignedHead | None:
        """What the answer must not be below: what was sent, or at a first meeting what the file has."""
        text = sent
        if text is None and self._log is None:
            text = self._load(log)
        if text is None:
            return None
        old = SignedHead.parse(text)
        return old if old.log == log else None

    def _remember(self, new: SignedHead, text: str) -> None:
        if self._current is not None:
            held = SignedHead.parse(self._current)
            if held.log == new.log and held.head >= new.head:
                return
        with self._locked():
            stored = self._load(new.log)
            if stored is None or SignedHead.parse(stored).head < new.head:
                self._write(self._directory / new.log, text)
            if self._pin is not None and self._log != new.log:
                self._write(self._pin, new.log)
        self._log, self._current = new.log, text

    def _load(self, log: str) -> str | None:
        """The remembered head of a log, or None where there is none that can be read."""
        if not _LOG_ID.match(log):
            return None
        text = self._read(self._directory / log)
        try:
            return text if text is not None and SignedHead.parse(text).log == log else None
        except InvalidRequestError:
            return None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @staticmethod
    def _read(path: Path) -> str | None:
        try:
            with path.open(encoding="ascii") as file:
                return file.read(_MAX_FILE).strip() or None
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    @staticmethod
    def _write(path: Path, text: str) -> None:
        partial = path.with_name(f"{path.name}.part")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)


def _compare(old: SignedHead, new: SignedHead) -> None:
    before, after = old.head, new.head
    if (after.epoch, after.seq) < (before.epoch, before.seq):
        raise _gone_back(
            f"the backend's log went back: it stands at entry {after.seq} of epoch {after.epoch}, "
            f"and it stood at {before.seq} of epoch {before.epoch} before"
        )
    if (after.epoch, after.seq) == (before.epoch, before.seq) and after.digest != before.digest:
        raise _gone_back(f"the backend's log was rewritten: entry {after.seq} is not what it was")


def _gone_back(why: str) -> HaltedError:
    return HaltedError(why, hint="nothing runs until an operator has looked: govd audit verify, govd restore")
