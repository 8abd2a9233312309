"""One head of the log outside the state directory: a state that went back is noticed (threats T13)."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from govd.contract.errors import InvalidRequestError
from govd.contract.heads import SignedHead
from govd.contract.limits import MAX_HEADER_HEAD

if TYPE_CHECKING:
    from pathlib import Path


class Anchor:
    """A small file that is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = ""

    def read(self) -> str | None:
        """The remembered head, signed; None where there is none yet, or where the file was torn.

        Whoever can tear it can remove it too: that is why consoles and gates remember as well.
        """
        try:
            text = self._path.read_text(encoding="ascii")[: MAX_HEADER_HEAD + 1].strip()
            SignedHead.parse(text)
        except (OSError, UnicodeDecodeError, InvalidRequestError):
            return None
        return text

    def write(self, head: str) -> None:
        """Remember a head. A disk that refuses is no reason to stop: the clients remember too."""
        if head == self._written:
            return
        fresh = self._path.with_name(self._path.name + ".new")
        with contextlib.suppress(OSError):
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(head)
            fresh.replace(self._path)
            self._written = head
