"""What this executor has pushed where: the addresses that an approval once named, and what stood there since.

An address that is not in here is asked nothing before somebody has approved a push to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from typing import TYPE_CHECKING, Final

from govgate.pushline import OBJECT

if TYPE_CHECKING:
    from pathlib import Path

    from govd.contract.actions import GitPush

MAX_ADDRESSES: Final = 256
MAX_REFS: Final = 64
_MAX_FILE: Final = 16 * 1024 * 1024


class Pushed:
    """A small file of our own.

    Args:
        path: The file; made with its folder at the first push.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()

    def at(self, url: str) -> dict[str, str] | None:
        """The objects by reference that were pushed there last, or None where nothing ever was."""
        return self._read().get(url)

    def remember(self, push: GitPush) -> None:
        """A push has arrived. Forgetting costs a reviewer's ease and nothing else: no error leaves here."""
        with self._guard, contextlib.suppress(OSError):
            known = self._read()
            refs = known.pop(push.url, {})
            for update in push.updates:
                refs.pop(update.ref, None)
                refs[update.ref] = update.object
            known[push.url] = dict(list(refs.items())[-MAX_REFS:])
            self._write(dict(list(known.items())[-MAX_ADDRESSES:]))

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            with self._path.open(encoding="utf-8") as file:
                found = json.loads(file.read(_MAX_FILE))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {
            url: {
                ref: digest
                for ref, digest in refs.items()
                if isinstance(digest, str) and OBJECT.fullmatch(digest)
            }
            for url, refs in found.items()
            if isinstance(refs, dict)
        }

    def _write(self, known: dict[str, dict[str, str]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._path.with_name(self._path.name + ".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(known, file)
        fresh.replace(self._path)
