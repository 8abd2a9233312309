"""Bytes to a tree of plain values that knows its lines: YAML, or Markdown with fenced `yaml` blocks.

Must never let a key stand twice, an alias blow up, a tag build an object, or a depth exhaust the stack:
it follows the C parser's events by itself and stops at its limits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

import yaml

from govd.contract.limits import MAX_DEPTH, MAX_POLICY_BYTES
from govd.policy.problems import Place, Problem, StopReadingError, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VALUES: Final = 20_000
"""Values in one policy, with every alias counted as often as it is used."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_FLOAT: Final = re.compile(
    r"[-+]?(?:[0-9]{1,30}\.[0-9]{0,30}|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?", re.ASCII
)
_CONSTANTS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_FENCE: Final = re.compile(r"(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*")
_YAML: Final = frozenset({"yaml", "yml"})
_MAX_BLOCKS: Final = 200


@dataclass
class Node:
    """A value and where it stands. `keys`: where each key of a mapping stands."""

    place: Place
    value: Any
    keys: dict[str, Place] = field(default_factory=dict)
    size: int = 1
    height: int = 1

    def plain(self) -> Any:  # noqa: ANN401 - any YAML value
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: inner.plain() for key, inner in self.value.items()}
        if isinstance(self.value, list):
            return [inner.plain() for inner in self.value]
        return self.value

    def find(self, path: tuple[str | int, ...], *, key: bool = False) -> Place:
        """The place of the value at a path, or as near to it as there is. `key`: of the last key instead."""
        node = self
        for at, part in enumerate(path):
            inside = node.value
            if isinstance(inside, dict) and part in inside:
                if key and at == len(path) - 1:
                    return node.keys[str(part)]
                node = inside[part]
            elif isinstance(inside, list) and isinstance(part, int) and part < len(inside):
                node = inside[part]
            else:
                break
        return node.place


def read(source: bytes) -> Node:
    """The tree of a policy file; its root is a mapping.

    Raises:
        StopReadingError: it is too large, not UTF-8, not YAML, or no mapping; the problem names the place.
    """
    if len(source) > MAX_POLICY_BYTES:
        _stop(1, 1, f"{len(source):,} bytes: a policy has at most {MAX_POLICY_BYTES:,}")
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _stop(source[: error.start].count(b"\n") + 1, 1, f"not UTF-8 (byte {error.start})")
    lines = text.split("\n")
    if any((fence := _FENCE.fullmatch(line.rstrip())) and fence[2].lower() in _YAML for line in lines):
        return _merged(list(_blocks(lines)))
    root = _tree(text, 0)
    if root is None:
        _stop(1, 1, "the file is empty", "a policy begins with `version: 1` and `name:`")
    return _mapping(root)


def _stop(line: int, column: int, message: str, hint: str = "") -> NoReturn:
    raise StopReadingError(Problem(Place(line, column), message, hint))


def _mapping(root: Node) -> Node:
    if not isinstance(root.value, dict):
        _stop(
            root.place.line,
            root.place.column,
            "a policy is a mapping of keys to values",
            "in Markdown, put the policy into blocks that open with ```yaml at the start of a line",
        )
    return root


def _blocks(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Each fenced yaml block: how many lines stand before it, and its text."""
    at = count = 0
    while at < len(lines):
        fence = _FENCE.fullmatch(lines[at].rstrip())
        at += 1
        if fence is None:
            continue
        closing = re.compile(re.escape(fence[1][0]) + "{" + str(len(fence[1])) + r",}[ \t\r]*")
        start = at
        while at < len(lines) and closing.fullmatch(lines[at]) is None:
            at += 1
        if at == len(lines):
            _stop(start, 1, "this fence is never closed")
        if fence[2].lower() in _YAML:
            count += 1
            if count > _MAX_BLOCKS:
                _stop(start, 1, f"more than {_MAX_BLOCKS} yaml blocks")
            yield start, "\n".join(lines[start:at])
        at += 1


def _merged(blocks: list[tuple[int, str]]) -> Node:
    """One mapping of all blocks; a key in two of them stands twice."""
    whole = Node(Place(blocks[0][0] + 1 if blocks else 1, 1), {})
    for before, text in blocks:
        root = _tree(text, before)
        if root is None:
            continue
        for key, inner in _mapping(root).value.items():
            _new_key(whole, key, root.keys[key])
            whole.value[key] = inner
            whole.keys[key] = root.keys[key]
    return whole


def _new_key(node: Node, key: str, place: Place) -> None:
    if key in node.value:
        first = node.keys[key]
        _stop(place.line, place.column, f"the key {shown(key)} stands twice", f"first at line {first.line}")


def _tree(text: str, before: int) -> Node | None:
    """The one document of a YAML text, or None where it is empty."""
    builder = _Builder(before)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        why = error.problem or error.context or "it does not parse"
        _stop(
            before + line,
            column,
            f"not YAML: {why}",
            "tabs do not indent; quote text that begins with a sign",
        )
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "position", None)
        line = text[:where].count("\n") + 1 if isinstance(where, int) else 1
        _stop(before + line, 1, "not YAML: a character that has no place in it, or nesting without end")
    return builder.root


class _Builder:
    """Builds nodes from events, within the limits."""

    def __init__(self, before: int) -> None:
        self.root: Node | None = None
        self._before = before
        self._open: list[tuple[Node, str | None]] = []
        self._pending: list[tuple[str, Place] | None] = []
        self._anchors: dict[str, Node] = {}
        self._count = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Follow one event."""
        place = self._place(event)
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._refuse(place, "a second document begins here", "a policy is one document: drop the ---")
        elif isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event, place), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(event.anchor or "")
            if known is None:
                self._refuse(place, f"no anchor {shown(event.anchor)} stands before this alias")
            self._add(known, None)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._untagged(event.tag, place)
            self._begin(Node(place, {} if isinstance(event, yaml.MappingStartEvent) else []), event.anchor)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            node, anchor = self._open.pop()
            self._pending.pop()
            self._add(node, anchor)

    def _begin(self, node: Node, anchor: str | None) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._refuse(node.place, f"nested deeper than {MAX_DEPTH}")
        if self._open and isinstance(self._open[-1][0].value, dict) and self._pending[-1] is None:
            self._refuse(node.place, "a key is plain text")
        self._open.append((node, anchor))
        self._pending.append(None)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent = self._open[-1][0]
        if isinstance(parent.value, dict):
            waiting = self._pending[-1]
            if waiting is None:
                self._pending[-1] = self._key(parent, node)
                return
            parent.value[waiting[0]] = node
            parent.keys[waiting[0]] = waiting[1]
            self._pending[-1] = None
        else:
            parent.value.append(node)
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)
        if parent.size > MAX_VALUES:
            self._refuse(node.place, f"more than {MAX_VALUES:,} values, each use of an alias counted")
        if len(self._open) + node.height > MAX_DEPTH + 1:
            self._refuse(node.place, f"nested deeper than {MAX_DEPTH}")

    def _key(self, parent: Node, node: Node) -> tuple[str, Place]:
        if not isinstance(node.value, str):
            self._refuse(node.place, "a key is plain text", "put it in quotes")
        key = str(node.value)
        if key == "<<":
            self._refuse(
                node.place, "merge keys are not read", "write the keys out, or use an alias as a value"
            )
        _new_key(parent, key, node.place)
        return key, node.place

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Node:
        self._count += 1
        if self._count > MAX_VALUES:
            self._refuse(place, f"more than {MAX_VALUES:,} values")
        self._untagged(event.tag, place)
        text = str(event.value)
        # `implicit` is (plain, quoted): only a plain scalar is anything but text. No sexagesimal numbers,
        # no octal, no yes/no/on/off, no dates: `12:30`, `010` and `no` are the text that they look like.
        if not event.implicit[0]:
            return Node(place, text)
        if text in _CONSTANTS:
            return Node(place, _CONSTANTS[text])
        if _INTEGER.fullmatch(text):
            return Node(place, int(text))
        return Node(place, float(text) if _FLOAT.fullmatch(text) else text)

    def _untagged(self, tag: str | None, place: Place) -> None:
        if tag is not None:
            self._refuse(place, f"the tag {shown(tag)} is not read", "write the value without a tag")

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._before + (mark.line if mark else 0) + 1, (mark.column if mark else 0) + 1)

    def _refuse(self, place: Place, message: str, hint: str = "") -> NoReturn:
        _stop(place.line, place.column, message, hint)
