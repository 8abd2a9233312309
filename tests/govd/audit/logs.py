"""Logs as bytes, made without a ledger, and files of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from govd.audit.model import GENESIS, Entry
from govd.audit.rules import day_file, digest, render, time_text
from govd.contract.heads import Head

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def make_lines(count: int, *, seq: int = 0, prev_hash: str = GENESIS, salt: str = "0") -> list[bytes]:
    """Linked lines, one an hour, so that a few of them cross midnight."""
    lines: list[bytes] = []
    for number in range(seq + 1, seq + count + 1):
        entry = Entry(
            type="test.happened", agent="release-bot", details={"number": number, "salt": f"s{salt}"}
        )
        event_id = f"01a1fc4e-0000-7000-8000-{number:012d}"
        time = time_text(START + timedelta(hours=number))
        line = render(entry, seq=number, event_id=event_id, time=time, prev_hash=prev_hash)
        prev_hash = digest(line)
        lines.append(line)
    return lines


def head_of(lines: Sequence[bytes]) -> Head:
    """The head that somebody remembers of it."""
    return Head(1, len(lines), digest(lines[-1]))


def write(directory: Path, lines: Sequence[bytes]) -> Path:
    """Each line into the file of its day, as the original log has them: by position, not by what it says."""
    directory.mkdir(exist_ok=True)
    for path in directory.iterdir():
        path.unlink()
    files: dict[str, bytes] = {}
    name = day_file(time_text(START + timedelta(hours=1)))
    for line in lines:
        name = _day(line, name)
        files[name] = files.get(name, b"") + line + b"\n"
    for name, data in files.items():
        (directory / name).write_bytes(data)
    return directory


def _day(line: bytes, before: str) -> str:
    marker = b'"time":"'
    at = line.find(marker) + len(marker)
    text = line[at : at + 10].decode("ascii", "replace")
    return f"{text}.jsonl" if text[:2] == "20" and len(text) == 10 else before
