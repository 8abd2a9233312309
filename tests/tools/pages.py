"""What the generated pages are made of: the line that says so, tables, and the error that a gap is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WRITTEN: Final = (
    "<!-- Written by `make docs` from the code. Edit the code, or tests/tools/meanings.py. -->\n\n"
)


class GapError(Exception):
    """A name without a meaning, or a meaning without its name."""


def covers(what: str, names: Iterable[object], meanings: Mapping[str, str]) -> None:
    """Every name has its meaning, and no meaning is left over.

    Raises:
        GapError: which are missing, and which are gone.
    """
    found = {str(name) for name in names}
    missing, gone = sorted(found - set(meanings)), sorted(set(meanings) - found)
    if missing or gone:
        raise GapError(f"tests/tools/meanings.py, {what}: no meaning for {missing}; no such name as {gone}")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
