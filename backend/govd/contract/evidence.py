"""Evidence: what we gathered ourselves about a held action, beside what its agent says of it.

It informs a reviewer and decides nothing: no hash and no vote covers it, so that it may come late or never.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from govd.contract.actions import GitPush, Object, Ref
from govd.contract.limits import (
    MAX_EVIDENCE_BYTES,
    MAX_EVIDENCE_COMMITS,
    MAX_EVIDENCE_PATHS,
    MAX_EVIDENCE_WHY,
    MAX_UPDATES,
)
from govd.contract.wire import Flag, Int, Name, Timestamp, Wire

EvidenceKind = Literal["git_diff"]

Word = Annotated[str, StringConstraints(max_length=200)]
Count = Annotated[Int, Field(ge=0, le=2**40)]
ChangedPath = Annotated[str, StringConstraints(min_length=1, max_length=400)]


class Commit(Wire):
    """One commit of a push. Author, date and subject are whatever its author wrote."""

    object: Object
    author: Word
    date: Annotated[str, StringConstraints(max_length=40)]
    subject: Word


class PathChange(Wire):
    """One path that a push changes; `added` and `removed` count lines and are null for what is no text."""

    path: ChangedPath
    status: Literal["added", "removed", "changed", "renamed", "type"]
    added: Count | None = None
    removed: Count | None = None
    what: Literal["file", "executable", "symlink", "submodule"] = "file"
    before: ChangedPath | None = None


class RefChange(Wire):
    """What one reference of a push would become, against what stood there.

    `base`: the commit that it was compared with; null where there was none, and all of it is new.
    `base_is`: whose word that is. `commits` and `files` count all; the lists may hold fewer.
    """

    ref: Ref
    object: Object
    base: Object | None
    base_is: Literal["remote", "last_push", "fork", "nothing"]
    commits: Count
    listed: list[Commit] = Field(default_factory=list)
    files: Count = 0
    added: Count = 0
    removed: Count = 0
    paths: list[PathChange] = Field(default_factory=list)
    note: Annotated[str, StringConstraints(max_length=MAX_EVIDENCE_WHY)] = ""


class _Gathered(Wire):
    """What evidence says in short."""

    kind: EvidenceKind
    changes: Annotated[list[RefChange], Field(max_length=MAX_UPDATES)] = Field(default_factory=list)
    truncated: Flag = False
    missing: Annotated[str, StringConstraints(max_length=MAX_EVIDENCE_WHY)] = ""

    @model_validator(mode="after")
    def _short(self) -> Self:
        if sum(len(change.listed) for change in self.changes) > MAX_EVIDENCE_COMMITS:
            raise ValueError(f"more than {MAX_EVIDENCE_COMMITS} commits")
        if sum(len(change.paths) for change in self.changes) > MAX_EVIDENCE_PATHS:
            raise ValueError(f"more than {MAX_EVIDENCE_PATHS} paths")
        return self


class EvidenceSubmission(_Gathered):
    """The body of `POST /v1/intents/{intent}/evidence`, from an executor.

    `push`: exactly what it is about. `text`: the diff. `missing`: why there is none; then there is no text.
    """

    push: GitPush
    text: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(self.text.encode()) > MAX_EVIDENCE_BYTES:
            raise ValueError(f"more than {MAX_EVIDENCE_BYTES} bytes of text")
        if bool(self.missing) == bool(self.changes):
            raise ValueError("either what changes, or why that is not known")
        return self


class EvidenceHead(_Gathered):
    """Evidence as a job shows it: without its text, which is `size` bytes."""

    size: Count
    gathered_by: Name
    gathered_at: Timestamp


class Evidence(EvidenceHead):
    """Evidence with its text."""

    text: str
