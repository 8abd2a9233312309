"""The one sanitiser: what an agent wrote becomes something that a terminal, a log or a chat can carry.

Must never let a control, C1, bidirectional, zero-width or otherwise invisible character through. Every
outlet calls it; tests/security finds those that do not (threats T17).
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final

_ASCII_CLEAN: Final = re.compile(r"[\x20-\x7e]*\Z")

# Cc control, Cf format (bidi, zero-width, tags), Cs surrogate, Co private, Cn unassigned, Zl/Zp separators.
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# Drawn as nothing although their category is a letter, a mark or a symbol.
_INVISIBLE: Final = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0, 0x16FE4}
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0100, 0xE01F0))
)

_MAX_MARKS: Final = 2
_ONE_BYTE: Final = 0xFF
_TWO_BYTES: Final = 0xFFFF
_NAMED: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_SCRIPTS: Final = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "HEBREW", "ARABIC")


def _escape(char: str) -> str:
    code = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    if code <= _ONE_BYTE:
        return f"\\x{code:02x}"
    if code <= _TWO_BYTES:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"


def _hidden(char: str) -> bool:
    if ord(char) in _INVISIBLE:
        return True
    category = unicodedata.category(char)
    return category in _HIDDEN_CATEGORIES or (category == "Zs" and char != " ")


def visible(text: str, limit: int | None = None) -> str:
    """One line, with everything that a terminal would obey or not show turned into a visible escape.

    Args:
        text: Anything.
        limit: Cut after so many characters of the result, with "…" as the last of them.

    Returns:
        Printable text without a line break. Idempotent: a second pass changes nothing.
    """
    if not _ASCII_CLEAN.match(text):
        parts: list[str] = []
        marks = 0
        for char in text:
            marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
            parts.append(_escape(char) if marks > _MAX_MARKS or _hidden(char) else char)
        text = "".join(parts)
    if limit is not None and len(text) > limit:
        return text[: max(limit - 1, 0)] + "…"
    return text


def visible_lines(text: str) -> list[str]:
    """The text line by line (split at LF alone), each line made visible."""
    return [visible(line) for line in text.split("\n")]


def ascii_json(value: object, indent: int | None = None) -> str:
    """JSON for programs, and for terminals: printable ASCII alone (`json.dumps` lets DEL through)."""
    return json.dumps(value, indent=indent, ensure_ascii=True).replace("\x7f", "\\u007f")


def mixed_scripts(text: str) -> bool:
    """Whether one word mixes scripts whose letters look alike, as in a Latin word with a Cyrillic letter."""
    if text.isascii():
        return False
    for word in re.findall(r"\w+", text):
        found = {
            script
            for char in word
            if char.isalpha()
            for script in _SCRIPTS
            if unicodedata.name(char, "").startswith(script)
        }
        if len(found) > 1:
            return True
    return False
