"""`make bench`: what a decision costs, what the console does with a long queue, how soon a voice is known.

Machines are noisy: baseline and measurement take turns in rounds, and each row is the median of its rounds.
Prints a table and writes build/bench.json. Must never report a figure of answers that were not expected.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from tests.performance.console_bench import QUEUE_ROWS, START_ROWS, queue_rows, start_rows
from tests.performance.rows import Row, scratch, table
from tests.performance.service_bench import EVALUATION_ROWS, SERVED_ROWS, evaluation_rows, served_rows
from tests.performance.voice_bench import VOICE_ROWS, voice_rows
from tests.performance.voice_figures import FIGURE_ROWS, figure_rows

if TYPE_CHECKING:
    from collections.abc import Callable


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
    groups: dict[tuple[str, ...], Callable[[], dict[str, Row]]] = {
        EVALUATION_ROWS: evaluation_rows,
        SERVED_ROWS: lambda: served_rows(chosen.rounds, chosen.singles, chosen.many),
        START_ROWS: lambda: start_rows(chosen.rounds),
        QUEUE_ROWS: lambda: queue_rows(chosen.queue),
        FIGURE_ROWS: figure_rows,
        VOICE_ROWS: lambda: voice_rows(chosen.rounds),
    }
    known = [name for names in groups for name in names]
    if chosen.only not in {None, *known}:
        sys.stderr.write(f"no such row: {chosen.only}; there are {', '.join(known)}\n")
        return 2
    rows: dict[str, dict[str, Any]] = {}
    for names, measured in groups.items():
        if chosen.only is None or chosen.only in names:
            rows |= {name: row.as_json() for name, row in measured().items()}
    if chosen.only is not None:
        rows = {chosen.only: rows[chosen.only]}
    sys.stdout.write(table(rows))
    report = scratch() / "bench.json"
    report.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if chosen.strict and any(row["ok"] is False for row in rows.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
