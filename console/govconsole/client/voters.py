"""The votes of others, checked here: each signature against the key that this console knows of its operator.

Must never show a vote as checked that it did not check: what cannot be verified says so, and why.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from govd.contract.votes import covers, text_commitment, verify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from govd.contract.jobs import JobDetail, VoteView
    from govd.contract.system import IdentityView

_MAX_FILE = 1_000_000


@dataclass(frozen=True)
class Check:
    """What came of a check: whether the vote holds, and the words for it."""

    holds: bool
    words: str


@dataclass(frozen=True)
class Voters:
    """The operators' public keys as this console knows them. `changed`: whose was another at first."""

    keys: Mapping[str, str] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    why: str = "the operators' keys have not been fetched"

    def check(self, job: JobDetail, view: VoteView) -> Check:
        """Whether a vote is that operator's, on this job, and says what is shown of it."""
        wrong = self._wrong(job, view)
        return Check(holds=wrong is None, words=wrong or "signature checked")

    def _wrong(self, job: JobDetail, view: VoteView) -> str | None:
        """The first thing that is wrong with a vote."""
        key = self.keys.get(view.operator)
        if key is None:
            return f"not verified: {self._unknown(view.operator)}"
        if not verify(view.signed.vote, view.signed.signature, key):
            return f"the signature is not made by {view.operator}'s key"
        if view.operator in self.changed:
            return f"signed by a key that {view.operator} had not at first"
        return _differs(job, view)

    def _unknown(self, operator: str) -> str:
        return f"{operator}'s key is not known" if self.keys else self.why


def _differs(job: JobDetail, view: VoteView) -> str | None:
    """In what a vote that is well signed is not the one that is shown."""
    vote = view.signed.vote
    if (vote.operator, vote.verdict, vote.job) != (view.operator, view.verdict, job.id):
        return "what was signed is another vote than the one that is shown"
    if job.hold is not None and vote.hold == job.hold.id and not view.lapsed and not _covered(job, view):
        return "what was signed does not cover the actions that are shown"
    return None if _says(view) else "what was signed commits to other words than those shown"


def _covered(job: JobDetail, view: VoteView) -> bool:
    hold = job.hold
    return hold is not None and all(
        covers(view.signed.vote, hold.nonce, intent.id, intent.body().sha256()) for intent in hold.intents
    )


def _says(view: VoteView) -> bool:
    """Whether the words that are shown are those that the vote commits to."""
    vote = view.signed.vote
    if not view.salt:
        return True
    return (vote.reason_commitment, vote.guidance_commitment) == (
        text_commitment(view.salt, view.reason),
        text_commitment(view.salt, view.guidance),
    )


class KeyMemory:
    """The first key that was seen of each operator, in a file of the operator's own.

    A backend that shows another key for a name later does not get that name's votes shown as checked.

    Args:
        path: The file, JSON, 0600. A line taken out of it is a key that was looked at and is taken anew.
        log: The backend's log: each backend has operators of its own.
    """

    def __init__(self, path: Path, log: str) -> None:
        self._path = path
        self._log = log

    def meet(self, identities: Iterable[IdentityView]) -> Voters:
        """The operators as the backend lists them, held against what was seen at first; new ones are kept."""
        listed = {one.name: one.public_key for one in identities if one.public_key}
        known = self._read()
        if known is None:
            return Voters(why=f"{self._path} cannot be read: look at it, then take it away")
        first = known.setdefault(self._log, {})
        changed = frozenset(name for name, key in listed.items() if first.get(name, key) != key)
        new = {name: key for name, key in listed.items() if name not in first}
        if new:
            first.update(new)
            self._write(known)
        return Voters(listed, changed, "the backend names no operator")

    def _read(self) -> dict[str, dict[str, str]] | None:
        """What was kept; None where the file is there and is not what was written."""
        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(_MAX_FILE))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            return None
        if not isinstance(found, dict) or not all(isinstance(keys, dict) for keys in found.values()):
            return None
        return {str(log): {str(name): str(key) for name, key in keys.items()} for log, keys in found.items()}

    def _write(self, known: dict[str, dict[str, str]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=self._path.parent)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(known, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(self._path)
