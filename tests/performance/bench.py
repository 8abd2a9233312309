"""`make bench`: what a decision costs, what the console does with a long queue, how soon a voice is known.

Machines are noisy: baseline and measurement take turns in rounds, and each row is the median of its rounds.
Prints a table, each row as soon as it is measured, and writes build/bench.json. Must never report a figure of
answers that were not expected, nor leave a row out: what this machine lacks a program for says so.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.performance.console_bench import QUEUE_ROWS, START_ROWS, queue_rows, start_rows
from tests.performance.rows import HEADINGS, Row, scratch, table
from tests.performance.service_bench import EVALUATION_ROWS, SERVED_ROWS, evaluation_rows, served_rows
from tests.performance.voice_bench import VOICE_ROWS, voice_rows
from tests.performance.voice_figures import FIGURE_ROWS, figure_rows
from tests.performance.voice_served import SERVED_VOICE_ROWS, served_voice_rows

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Group:
    """Rows that are measured in one run, and the programs that it needs."""

    names: tuple[str, ...]
    measure: Callable[[], dict[str, Row]]
    programs: tuple[str, ...] = ()

    def rows(self) -> dict[str, Row]:
        """Each of them, in order: its figure, or what it was not measured for."""
        missing = [name for name in self.programs if shutil.which(name) is None]
        if missing:
            why = f"not measured: {' and '.join(missing)} not installed"
            return {name: Row(None, "", note=why) for name in self.names}
        found = self.measure()
        if set(found) != set(self.names):
            raise SystemExit(f"rows were promised and others measured: {set(found) ^ set(self.names)}")
        return {name: found[name] for name in self.names}


def groups_of(chosen: argparse.Namespace) -> tuple[Group, ...]:
    return (
        Group(EVALUATION_ROWS, evaluation_rows),
        Group(SERVED_ROWS, lambda: served_rows(chosen.rounds, chosen.singles, chosen.many)),
        Group(START_ROWS, lambda: start_rows(chosen.rounds)),
        Group(QUEUE_ROWS, lambda: queue_rows(chosen.queue)),
        Group(FIGURE_ROWS, figure_rows, ("espeak-ng", "flite")),
        Group(VOICE_ROWS, lambda: voice_rows(chosen.rounds), ("espeak-ng",)),
        Group(SERVED_VOICE_ROWS, lambda: served_voice_rows(chosen.rounds), ("espeak-ng", "flite")),
    )


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="ROW", help="one row (rows that share a run are measured together)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--singles", type=int, default=600, help="requests of one client, a round")
    parser.add_argument("--many", type=int, default=6000, help="requests of 64 clients, a round")
    parser.add_argument("--queue", type=int, default=100_000, help="held jobs of the rows of the console")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a target is missed")
    chosen = parser.parse_args()
    groups = groups_of(chosen)
    known = [name for group in groups for name in group.names]
    if chosen.only not in {None, *known}:
        sys.stderr.write(f"no such row: {chosen.only}; there are {', '.join(known)}\n")
        return 2
    rows: dict[str, dict[str, Any]] = {}
    sys.stdout.write(HEADINGS)
    for group in groups:
        if chosen.only is not None and chosen.only not in group.names:
            continue
        found = {name: row.as_json() for name, row in group.rows().items()}
        if chosen.only is not None:
            found = {chosen.only: found[chosen.only]}
        sys.stdout.write(table(found))
        sys.stdout.flush()
        rows |= found
    report = scratch() / "bench.json"
    report.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if chosen.strict and any(row["ok"] is False for row in rows.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
