"""What an executor has begun, on disk before it begins: one file an intent, gone once govd knows the end.

So that a crash never leaves an action untold, and no intent is begun twice here. Must never be the reason
that something runs: it is only read to report.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import ValidationError

from govd.contract.errors import AlreadyRedeemedError, ConflictError
from govd.contract.intents import OutcomeReport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Step = Literal["redeeming", "starting", "ended"]
_MAX_ENTRY: Final = 64 * 1024


@dataclass
class Entry:
    """The open, locked file of one intent."""

    intent: str
    _path: Path
    _fd: int

    def step(self, step: Step, **details: object) -> None:
        """Write a step down; returns when the disk has it."""
        os.write(self._fd, json.dumps({"step": step, **details}).encode() + b"\n")
        os.fsync(self._fd)

    def done(self) -> None:
        """Forget the intent: govd knows how it ended, or nothing was redeemed."""
        self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file and keep it: a later start reports it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def outcome(self) -> OutcomeReport:
        """What the file says about the end: exact where it was written, else as much as is certain."""
        os.lseek(self._fd, 0, os.SEEK_SET)
        last: dict[str, object] = {}
        for line in os.read(self._fd, _MAX_ENTRY).splitlines():
            try:
                found = json.loads(line)
            except ValueError:  # a torn last line
                continue
            last = found if isinstance(found, dict) else last
        if last.get("step") == "ended":
            try:
                return OutcomeReport.model_validate(last.get("outcome"))
            except ValidationError:
                return OutcomeReport(status="unknown")
        # "starting" is on disk before anything runs: without it, nothing has.
        return OutcomeReport(status="unknown" if last.get("step") == "starting" else "not_run")


class Journal:
    """A folder of such files.

    Args:
        folder: Made 0700 where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def begin(self, intent: str) -> Entry:
        """A file for an intent that is about to be redeemed.

        Raises:
            AlreadyRedeemedError: it was begun here before.
            ConflictError: the journal cannot be written.
        """
        path = self.folder / f"{intent}.jsonl"
        while True:
            try:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                raise AlreadyRedeemedError("this executor has begun the intent already") from None
            except OSError as error:
                raise ConflictError(
                    f"the journal cannot be written, so nothing runs: {error.strerror}", hint=str(self.folder)
                ) from None
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:
                self._sync_folder()
                return Entry(intent, path, fd)
            os.close(fd)  # taken for a leftover in between, and cleared away

    def left_over(self) -> Iterator[Entry]:
        """The intents whose process is gone, each locked; the caller reports and closes them."""
        for path in sorted(self.folder.glob("*.jsonl")):
            try:
                fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
            except OSError:
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                continue
            if os.fstat(fd).st_nlink == 0:
                os.close(fd)
                continue
            yield Entry(path.stem, path, fd)

    def _sync_folder(self) -> None:
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
