"""What a push would change, read from an executor's own repository of its objects.

The objects are an agent's and may be made to mislead or to exhaust: nothing of them is run, followed or
believed beyond what its hash proves, and every step is bounded. Imports nothing that talks to a backend.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from govd.contract.errors import RedeemRefusedError
from govd.contract.evidence import Commit, PathChange, RefChange
from govd.contract.limits import MAX_EVIDENCE_BYTES, MAX_EVIDENCE_COMMITS, MAX_EVIDENCE_PATHS
from govgate.bounded import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from govd.contract.actions import GitPush, RefUpdate
    from govgate.bounded import Done
    from govgate.push import Staging

# A file above this is named and counted as no text: neither unpacked into memory nor compared line by line.
_SETTINGS: Final = (
    *("-c", "core.bigFileThreshold=1m"),
    *("-c", "core.quotePath=false"),
    *("-c", "core.attributesFile=/dev/null"),
    *("-c", "pack.threads=1"),
    *("-c", "log.showSignature=false"),
    *("-c", "log.mailmap=false"),
    *("-c", "diff.renameLimit=200"),
)
_DIFF: Final = (
    *("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames", "--full-index"),
    *("--submodule=short", "--ignore-submodules=none", "--src-prefix=a/", "--dst-prefix=b/"),
)
# Apart from the rest: it asks for the text, in a list too.
_TEXT: Final = ("--patch", "--unified=3")
_LISTING: Final = 4 * 1024 * 1024
_MODES: Final[dict[str, Any]] = {"120000": "symlink", "160000": "submodule", "100755": "executable"}
_STATUS: Final[dict[str, Any]] = {"A": "added", "D": "removed", "R": "renamed", "T": "type"}
_COMMIT: Final = "--format=%H%x00%an%x00%as%x00%s"
_PATH: Final = 400
_WORD: Final = 200
_DATE: Final = 40
_SHORT: Final = 12

_UNASKED: Final = (
    "nobody has approved a push to this address here before, so it was not asked: all of it is shown as new"
)


@dataclass(frozen=True)
class Known:
    """What is known of the other side: its references, or None; and who says so."""

    refs: Mapping[str, str] | None
    by: Any = "nothing"


@dataclass
class Found:
    """What was found out. `text` is within its limit; `truncated`: there was more."""

    changes: list[RefChange] = field(default_factory=list)
    text: str = ""
    truncated: bool = False


class Comparison:
    """Compares what is pushed with what was there.

    Args:
        staging: Filled with the objects.
        known: The other side.
        bounds: For all of it.
    """

    def __init__(self, staging: Staging, known: Known, bounds: Bounds) -> None:
        self._staging = staging
        self._known = known
        self._bounds = bounds
        attributes = staging.path / "info" / "attributes"
        attributes.parent.mkdir(exist_ok=True)
        # Whatever the pushed files say of themselves: they are compared as what they are.
        attributes.write_text("* !diff !filter !text !eol !ident !working-tree-encoding\n")

    def of(self, push: GitPush) -> Found:
        """Each reference in turn, as far as the limits go.

        Raises:
            RedeemRefusedError: git failed or took too long.
        """
        found, room = Found(), MAX_EVIDENCE_BYTES
        shares = _shares(len(push.updates))
        seen: set[tuple[str | None, str]] = set()
        for update, share in zip(push.updates, shares, strict=True):
            change = self._change(update, share)
            found.changes.append(change)
            pair = (change.base, change.object)
            if pair in seen or not change.files:
                continue
            seen.add(pair)
            text, cut = self._text(change, len(push.updates) > 1, room)
            found.text += text
            found.truncated |= cut
            # After a cut nothing follows: a heading inside an unfinished hunk would read as part of it.
            room = 0 if cut else room - len(text.encode())
        return found

    def _git(self, *arguments: str, output: int = 65_536, stdin: bytes = b"") -> Done:
        bounds = Bounds(self._bounds.ends, output, self._bounds.memory)
        return self._staging.git(bounds, *_SETTINGS, *arguments, stdin=stdin)

    def _said(self, *arguments: str, output: int = 65_536) -> str:
        """What git says, whole.

        Raises:
            RedeemRefusedError: it refused.
        """
        done = self._git(*arguments, output=output)
        if done.code and not done.cut:
            raise RedeemRefusedError(f"git {arguments[0]} failed on the objects of the push")
        return _text_of(done.out)

    # -- one reference -------------------------------------------------------------------------------

    def _change(self, update: RefUpdate, share: _Share) -> RefChange:
        commit = self._commit(update.object)
        if commit is None:
            note = "it points at no commit: what it holds is not shown"
            return RefChange(
                ref=update.ref, object=update.object, base=None, base_is="nothing", commits=0, note=note
            )
        base, by, note = self._base(update.ref, commit)
        span = f"{base}..{commit}" if base else commit
        count = int(self._said("rev-list", "--count", span, "--").strip() or 0)
        paths, files, cut = self._paths(base, commit)
        if cut:
            note = (f"{note}; " if note else "") + "there are more files than were counted"
        return RefChange(
            ref=update.ref,
            object=update.object,
            base=base,
            base_is=by,
            commits=count,
            listed=list(self._commits(span, share.commits)),
            files=files,
            added=sum(item.added or 0 for item in paths),
            removed=sum(item.removed or 0 for item in paths),
            paths=sorted(paths, key=_notable)[: share.paths],
            note=note,
        )

    def _commit(self, name: str) -> str | None:
        done = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return _text_of(done.out).strip() if done.code == 0 else None

    def _base(self, ref: str, commit: str) -> tuple[str | None, Any, str]:
        """What to compare with, whose word that is, and what a reviewer has to know of it."""
        if self._known.refs is None:
            return None, "nothing", _UNASKED
        there = self._known.refs.get(ref)
        note = ""
        if there is not None:
            base = self._commit(there)
            if base is not None and self._git("merge-base", "--is-ancestor", base, commit).code == 0:
                return base, self._known.by, note
            note = (
                f"{ref} stands at {there[:_SHORT]} there, which this does not build on: it is refused there"
            )
        others = [found for name in set(self._known.refs.values()) if (found := self._commit(name))]
        if others:
            done = self._git("merge-base", commit, *sorted(others))
            fork = _text_of(done.out).split("\n")[0].strip()
            if done.code == 0 and fork:
                return fork, "fork", note
        return None, "nothing", note

    def _commits(self, span: str, most: int) -> Iterator[Commit]:
        if not most:
            return
        # NUL is the one character that no part of a commit brings along.
        words = ("-z", "--no-decorate", "--no-color", "--no-mailmap", f"--max-count={most}", _COMMIT)
        done = self._git("log", *words, span, "--")
        if done.code and not done.cut:
            raise RedeemRefusedError("git log failed on the objects of the push")
        parts = iter(done.out.decode(errors="replace").split("\0"))
        for digest, author, date, subject in zip(parts, parts, parts, parts, strict=False):
            yield Commit(object=digest, author=author[:_WORD], date=date[:_DATE], subject=subject[:_WORD])

    # -- what it changes -----------------------------------------------------------------------------

    def _range(self, base: str | None, commit: str) -> tuple[str, str]:
        if base is not None:
            return base, commit
        return self._said("hash-object", "-t", "tree", "/dev/null").strip(), commit

    def _paths(self, base: str | None, commit: str) -> tuple[list[PathChange], int, bool]:
        """Every path with its lines; how many; and whether there are more than were listened to."""
        span = self._range(base, commit)
        done = self._git(*_DIFF, "--raw", "--no-abbrev", "-z", *span, "--", output=_LISTING)
        counted = self._git(*_DIFF, "--numstat", "-z", *span, "--", output=_LISTING)
        if (done.code and not done.cut) or (counted.code and not counted.cut):
            raise RedeemRefusedError("git diff failed on the objects of the push")
        cut = done.cut or counted.cut
        raw, lines = list(_raw(done.out)), dict(_numstat(counted.out))
        if not cut and (len(raw) != len(lines) or any(path not in lines for *_, path in raw)):
            raise RedeemRefusedError("git's two lists of the changed files are not of the same files")
        found = [
            PathChange(
                path=_path(path),
                status=_STATUS.get(status[:1], "changed"),
                added=lines.get(path, (None, None))[0],
                removed=lines.get(path, (None, None))[1],
                what=_MODES.get(mode, "file"),
                before=None if before is None else _path(before),
            )
            for mode, status, before, path in raw
        ]
        return found, len(found), cut

    def _text(self, change: RefChange, several: bool, room: int) -> tuple[str, bool]:  # noqa: FBT001
        head = f"# {change.ref}\n" if several else ""
        if room <= len(head):
            return "", True
        done = self._git(*_DIFF, *_TEXT, *self._range(change.base, change.object), "--", output=room)
        if done.code and not done.cut:
            raise RedeemRefusedError("git diff failed on the objects of the push")
        return _fitting(head + _text_of(done.out), room, cut=done.cut)


@dataclass(frozen=True)
class _Share:
    """How much of the lists one reference gets."""

    commits: int
    paths: int


def _shares(updates: int) -> Sequence[_Share]:
    return [
        _Share(_share(MAX_EVIDENCE_COMMITS, updates, at), _share(MAX_EVIDENCE_PATHS, updates, at))
        for at in range(updates)
    ]


def _share(most: int, among: int, at: int) -> int:
    return most // among + (at < most % among)


def _text_of(data: bytes) -> str:
    return data.decode(errors="replace").replace("\0", "\\x00")


def _path(data: bytes) -> str:
    text = data.decode(errors="replace")
    return text if len(text) <= _PATH else text[: _PATH - 1] + "…"


def _fitting(text: str, room: int, *, cut: bool) -> tuple[str, bool]:
    """Whole lines of it, within so many bytes."""
    data = text.encode()
    if len(data) <= room and not cut:
        return text, False
    return data[:room].rpartition(b"\n")[0].decode(errors="ignore") + "\n", True


def _notable(change: PathChange) -> tuple[bool, bool]:
    """What a reader should not overlook comes first: links, programs, what is no text."""
    return change.what == "file", change.added is not None


def _fields(data: bytes) -> Iterator[bytes]:
    """What ended with a NUL: a listing that was cut has a last field of which nobody knows the rest."""
    return iter(data.split(b"\0")[:-1])


def _raw(data: bytes) -> Iterator[tuple[str, str, bytes | None, bytes]]:
    """`git diff --raw -z`: the mode that counts, the status, where it was before, where it is."""
    fields = _fields(data)
    for head in fields:
        words = head.lstrip(b":").split(b" ")
        if len(words) != 5:  # noqa: PLR2004 - two modes, two objects, the status
            raise RedeemRefusedError("git's list of the changed files does not read as one")
        old, new, status = words[0].decode(), words[1].decode(), words[4].decode()
        before = next(fields, b"") if status[:1] in "RC" else None
        path = next(fields, b"")
        if not path:
            return
        yield (old if status == "D" else new), status, before, path


def _numstat(data: bytes) -> Iterator[tuple[bytes, tuple[int | None, int | None]]]:
    """`git diff --numstat -z`: lines added and removed by path; None for what is no text."""
    fields = _fields(data)
    for head in fields:
        # A path may hold tabs of its own.
        words = head.split(b"\t", 2)
        if len(words) != 3:  # noqa: PLR2004 - added, removed, path
            raise RedeemRefusedError("git's count of the changed lines does not read as one")
        path = words[2]
        if not path:
            next(fields, b"")
            path = next(fields, b"")
            if not path:
                return
        counts = [None if word == b"-" else int(word) for word in words[:2]]
        yield path, (counts[0], counts[1])
