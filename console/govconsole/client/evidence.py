"""Evidence on the screen: in short beside its action, and a diff in full, coloured by us.

Every line of it was written by the agent or whoever it copied: it is text, and no line of it can pass for
one of ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govconsole.client.document import MIXED, Document, Role, Span, blank, heading, line
from govconsole.client.mail import mail_of
from govd.contract import actions
from govd.contract.limits import MAX_EVIDENCE_COMMITS, MAX_EVIDENCE_PATHS, MAX_UPDATES
from govd.contract.text import mixed_scripts, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from govconsole.client.document import Line
    from govd.contract.evidence import Commit, Evidence, EvidenceHead, PathChange, RefChange
    from govd.contract.intents import IntentDetail

_SHORT: Final = 10
_TAB: Final = 4
_KIB: Final = 1024
_MARKS: Final[dict[str, tuple[str, Role]]] = {
    "added": ("+", "good"),
    "removed": ("-", "bad"),
    "changed": ("~", "plain"),
    "renamed": (">", "plain"),
    "type": ("!", "warn"),
}
_WHATS: Final = {"symlink": "a link", "submodule": "a submodule", "executable": "executable"}
_MAIL: Final = "drawn above from the very arguments that are signed"
_BASES: Final = {
    "remote": "what stands there now",
    "last_push": "what was pushed there last: the remote did not answer",
    "fork": "where it left what stands there",
    "nothing": "nothing: all of it is new",
}
_HUNK: Final = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_SIDES: Final[dict[str, tuple[int, int, Role]]] = {
    "+": (0, 1, "good"),
    "-": (1, 0, "bad"),
    " ": (1, 1, "plain"),
    "": (1, 1, "plain"),
    "\\": (0, 0, "dim"),
}
_JOB_LINES: Final = 60
_LONG: Final = 120
_END: Final = 80
_NOT_YET: Final = "nobody has seen its objects"
_NO_KIND: Final = "there is none for an action of this kind"


@dataclass
class _Room:
    """How much of one piece is listed; None: words are not cut."""

    changes: int = MAX_UPDATES
    commits: int = MAX_EVIDENCE_COMMITS
    paths: int = MAX_EVIDENCE_PATHS
    long: int | None = None

    def cut(self, text: str) -> str:
        """The beginning and the end of what is too long: a file's name is told by its end."""
        shown = visible(text)
        if self.long is None or len(shown) <= self.long:
            return shown
        return f"{shown[: self.long - _END - 1]}…{shown[-_END:]}"


def gathered(held: Sequence[IntentDetail]) -> Document:
    """What was gathered about the actions of a job, by their numbers; where nothing was, why.

    Bounded, whatever was pushed: the actions share the room, and what is left out is counted.
    """
    found: Document = []
    nothing: dict[str, list[str]] = {}
    share = _JOB_LINES // max(sum(not head.missing for intent in held for head in intent.evidence), 1)
    for number, intent in enumerate(held, 1):
        which = f"{number}  " if len(held) > 1 else ""
        if mail_of(intent) is not None:
            nothing.setdefault(_MAIL, []).append(str(number))
            continue
        if not intent.evidence:
            nothing.setdefault(_NOT_YET if _is_push(intent) else _NO_KIND, []).append(str(number))
        for head in intent.evidence:
            if head.missing:
                nothing.setdefault(f"{head.missing} ({_by(head)})", []).append(str(number))
            else:
                room = _Room(max(share // 3, 1), share // 3, share - share // 3, _LONG)
                found += _head(head, room, which)
    for why, numbers in nothing.items():
        which = f"{', '.join(numbers)}  " if len(held) > 1 else ""
        words = (_MAIL,) if why == _MAIL else ("no evidence was gathered: ", why)
        found.append(line(Span(which, "accent"), *(Span(word, "dim") for word in words), indent=3, hang=2))
    return found


def _is_push(intent: IntentDetail) -> bool:
    return isinstance(intent.action, actions.ProcessExec) and intent.action.git is not None


def _by(head: EvidenceHead) -> str:
    return f"{head.gathered_by}, {head.gathered_at.strftime('%H:%M')} UTC"


def _head(head: EvidenceHead, room: _Room, which: str = "") -> Document:
    found: Document = []
    shown = head.changes[: room.changes]
    for change in shown:
        found += _change(change, room, which)
    if len(head.changes) > len(shown):
        found.append(_more(len(head.changes) - len(shown), "reference"))
    size = f"{head.size / _KIB:,.0f} KiB" if head.size >= _KIB else f"{head.size} bytes"
    cut = " (cut: there is more)" if head.truncated else ""
    shows = Span(f"c shows the diff, {size}{cut}", "accent")
    return [*found, line(shows, Span(f"  {_by(head)}", "dim"), indent=5)]


def _change(change: RefChange, room: _Room, which: str = "") -> Iterator[Line]:
    base = change.base[:_SHORT] if change.base else "nothing"
    yield line(
        Span(which, "accent"),
        f"{room.cut(change.ref)}  ",
        Span(f"{base} → {change.object[:_SHORT]}", "accent"),
        f"  {_counted(change.commits, 'commit')}, {_counted(change.files, 'file')} ",
        Span(f" +{change.added:,}", "good"),
        Span(f" -{change.removed:,}", "bad"),
        indent=3,
        hang=2,
    )
    yield line(Span(f"compared with {_BASES[change.base_is]}", "dim"), indent=5, hang=2)
    if change.note:
        yield line(Span(change.note, "warn"), indent=5, hang=2)
    commits, paths = change.listed[: room.commits], change.paths[: room.paths]
    room.commits, room.paths = room.commits - len(commits), room.paths - len(paths)
    for commit in commits:
        yield _commit(commit, room)
    if change.commits > len(commits):
        yield _more(change.commits - len(commits), "commit")
    for path in paths:
        yield _path(path, room)
    if change.files > len(paths):
        yield _more(change.files - len(paths), "file")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _more(number: int, what: str) -> Line:
    return line(Span(f"… and {_counted(number, what)} more", "dim"), indent=5)


def _commit(commit: Commit, room: _Room) -> Line:
    flag = (Span(MIXED, "warn"),) if mixed_scripts(commit.subject) else ()
    return line(
        Span(commit.object[:_SHORT], "accent"),
        f" {room.cut(commit.date)} ",
        Span(room.cut(commit.author), "dim"),
        " ",
        Span(room.cut(commit.subject), "agent"),
        *flag,
        indent=5,
        hang=2,
    )


def _path(path: PathChange, room: _Room) -> Line:
    mark, role = _MARKS[path.status]
    before = (Span(f"{room.cut(path.before)} → ", "dim"),) if path.before else ()
    flag = (Span(MIXED, "warn"),) if mixed_scripts(path.path) else ()
    what = (Span(f"  {_WHATS[path.what]}", "warn"),) if path.what in _WHATS else ()
    if path.added is None or path.removed is None:
        counts = (Span("  no text", "warn"),)
    else:
        counts = (Span(f"  +{path.added:,} -{path.removed:,}", "dim"),)
    return line(
        Span(f"{mark} ", role),
        *before,
        Span(room.cut(path.path), role),
        *counts,
        *what,
        *flag,
        indent=5,
        hang=2,
    )


def diff_document(evidence: Evidence) -> Document:
    """The whole of it: the summary, then the diff."""
    found: Document = [line(Span(f"gathered by {_by(evidence)}", "dim"))]
    found += [*_head(evidence, _Room())[:-1], *_diff(evidence.text)]
    if evidence.truncated:
        found += [blank(), line(Span("⚠ cut here: the push changes more than this shows", "warn"))]
    return found


def _diff(text: str) -> Iterator[Line]:
    """Each line by its place: only the counts of a hunk say where its content ends."""
    old = new = 0
    for raw in text.removesuffix("\n").split("\n"):
        shown = raw.expandtabs(_TAB)
        # What begins with nothing of that kind is no content, whatever the counts say.
        if (old > 0 or new > 0) and raw[:1] in _SIDES:
            less, more, role = _SIDES[raw[:1]]
            old, new = old - less, new - more
            flag = (Span(MIXED, "warn"),) if mixed_scripts(raw) else ()
            yield line(Span(shown, role), *flag, hang=1)
            continue
        old = new = 0
        counts = _HUNK.match(raw)
        if counts is not None:
            old, new = (int(count) if count is not None else 1 for count in counts.groups())
            yield line(Span(shown, "accent"))
        elif raw.startswith("# "):
            yield from (blank(), heading(raw[2:]))
        elif raw.startswith("diff --git "):
            yield from (blank(), line(Span(shown, "title"), hang=2))
        else:
            yield line(Span(shown, "warn" if _odd(raw) else "dim"), hang=2)


def _odd(raw: str) -> bool:
    """What a reader should not overlook: modes, links, what is no text."""
    return raw.startswith(("new file mode 12", "new file mode 16", "new mode", "Binary files")) or (
        raw.startswith("new file mode") and raw.endswith("755")
    )
