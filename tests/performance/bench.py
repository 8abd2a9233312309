"""`make bench`: what a decision costs, beside the baselines of the machine that it is measured on.

Machines are noisy: baseline and measurement take turns in rounds, and each row is the median of its rounds.
Prints a table and writes build/bench.json. Must never report a figure of answers that were not expected.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.performance import evaluation
from tests.support.govd_process import GovdProcess, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
CLIENTS: Final = 64
PER_JOB: Final = 150
HERE: Final = Path(__file__).resolve().parent

POLICY: Final = """\
version: 1
name: bench
tools: ["search.*", "post.*"]
tool_calls:
  effects: {"search.*": read}
  allow: ["search.*"]
  hold: ["post.*"]
soft_limits:
  - name: searches-daily
    metric: count
    match: {tools: ["search.*"]}
    per: agent
    window: day
    cap: "100000000"
"""


@dataclass(frozen=True)
class Row:
    """One figure. `ratio` is value over baseline; `better` says on which side of the target is good."""

    value: float
    unit: str
    baseline: float | None = None
    target: float | None = None
    better: Literal["lower", "higher"] = "lower"

    def as_json(self) -> dict[str, object]:
        """The row as build/bench.json has it."""
        ok = None
        if self.target is not None:
            ok = self.value <= self.target if self.better == "lower" else self.value >= self.target
        return {
            "value": round(self.value, 4),
            "unit": self.unit,
            "baseline": None if self.baseline is None else round(self.baseline, 4),
            "ratio": round(self.value / self.baseline, 4) if self.baseline else None,
            "target": self.target,
            "ok": ok,
        }


class Piped:
    """A process that prints a JSON line for each one that it is given (or just one, when it is ready)."""

    def __init__(self, stack: ExitStack, script: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script)],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(self._process.wait)
        stack.callback(self._process.terminate)

    def read(self) -> dict[str, Any]:
        """The next line."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise SystemExit("a process of the bench ended before it answered")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, order: dict[str, object]) -> dict[str, Any]:
        """Send an order, and read its result."""
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        return self.read()


class Bench:
    """govd, an empty app and a load generator, each in a process of its own."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._load = Piped(stack, "load.py")
        self._empty_port = int(Piped(stack, "empty.py").read()["port"])
        self._folder = folder
        self._govd = stack.enter_context(GovdProcess(folder / "bench", policy=POLICY))
        self._agent = self._govd.agent("bench")
        self._headers = {"Authorization": f"Bearer {self._agent.token}"}

    def fdatasync(self, times: int = 200) -> list[float]:
        """Latencies in µs of appending 512 bytes and syncing, on the file system of the state directory."""
        path = self._govd.state / "bench-sync"
        found = []
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            for _ in range(times):
                started = time.perf_counter()
                os.write(descriptor, b"x" * 512)
                os.fdatasync(descriptor)
                found.append((time.perf_counter() - started) * 1e6)
        finally:
            os.close(descriptor)
            path.unlink()
        return found

    def empty(self, clients: int, requests: int) -> dict[str, Any]:
        """POSTs that do nothing."""
        return self._measured(
            {"port": self._empty_port, "path": "/v1/empty", "body": "{}", "expect": '"ok"'}, clients, requests
        )

    def decisions(self, clients: int, requests: int, *, implicit: bool = False) -> dict[str, Any]:
        """Intents that the policy approves, each against a daily total; jobs are opened beforehand."""
        jobs: list[str | None] = [None] if implicit else [self._job() for _ in range(requests // PER_JOB + 1)]
        bodies = [self._intent(jobs[number % len(jobs)]) for number in range(requests)]
        order = {
            "port": int(self._govd.url.rsplit(":", 1)[1]),
            "path": "/v1/intents",
            "headers": self._headers,
            "bodies": bodies,
            "expect": '"APPROVED"',
        }
        return self._measured(order, clients, requests)

    def _job(self) -> str:
        response = self._agent.http.post("/v1/jobs", json={"title": "bench", "purpose": "measuring"})
        response.raise_for_status()
        return str(response.json()["id"])

    @staticmethod
    def _intent(job: str | None) -> str:
        body: dict[str, object] = {
            "kind": "tool_call",
            "action": {"tool": "search.web", "arguments": {"query": "weather in Lisbon", "page": 3}},
            "purpose": "what the operator asked for this morning",
            "idempotency_key": uuid.uuid4().hex,
        }
        return json.dumps(body if job is None else {**body, "job": job})

    def _measured(self, order: dict[str, object], clients: int, requests: int) -> dict[str, Any]:
        result = self._load.ask({**order, "clients": clients, "requests": requests})
        if result["wrong"] or result["requests"] != requests:
            raise SystemExit(f"answers that were not expected ({result['requests']}): {result['wrong'][:1]}")
        return result


def p(values: Sequence[float], percent: int) -> float:
    """A percentile, by rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def served_rows(rounds: int, singles: int, many: int) -> dict[str, Row]:
    """Every row that needs govd."""
    found: dict[str, list[float]] = defaultdict(list)
    pooled: list[float] = []
    with tempfile.TemporaryDirectory(prefix="gov-bench-", dir=_scratch()) as folder, ExitStack() as stack:
        (Path(folder) / "bench").mkdir(mode=0o700)
        bench = Bench(stack, Path(folder))
        bench.empty(CLIENTS, many // 2)
        bench.decisions(CLIENTS, many // 2)
        for number in range(rounds):
            sync = p(bench.fdatasync(), 50)
            empty = p(bench.empty(1, singles)["latencies_us"], 50)
            latencies = bench.decisions(1, singles)["latencies_us"]
            implicit = p(bench.decisions(1, singles // 2, implicit=True)["latencies_us"], 50)
            rates = [
                many / side["seconds"]
                for side in (bench.empty(CLIENTS, many), bench.decisions(CLIENTS, many))
            ]
            pooled += latencies
            for name, value in {
                "sync": sync,
                "empty": empty,
                "decision": p(latencies, 50),
                "over": p(latencies, 50) - empty - 2 * sync,
                "implicit": implicit,
                "share": rates[1] / rates[0],
                "empty_rate": rates[0],
                "decision_rate": rates[1],
            }.items():
                found[name].append(value)
            sys.stderr.write(f"\rround {number + 1} of {rounds}")
            sys.stderr.flush()
        sys.stderr.write("\n")
    at = {name: statistics.median(values) for name, values in found.items()}
    floor = at["empty"] + 2 * at["sync"]
    return {
        "empty_post_p50": Row(at["empty"], "µs"),
        "fdatasync_p50": Row(at["sync"], "µs"),
        "decision_1client_p50": Row(at["decision"], "µs", floor),
        "decision_1client_p99": Row(p(pooled, 99), "µs", floor),
        "decision_1client_over_floor": Row(at["over"] / 1000, "ms", floor / 1000, 0.7),
        "decision_1client_implicit_job_p50": Row(at["implicit"], "µs", floor),
        "decision_64clients_rate": Row(at["decision_rate"], "1/s", at["empty_rate"]),
        "decision_64clients_share": Row(at["share"] * 100, "%", None, 30, "higher"),
    }


def evaluation_rows() -> dict[str, Row]:
    """The pure evaluation of one intent against 100 rules."""
    return {"evaluate_100rules_p50": Row(p(evaluation.latencies_us(), 50), "µs", None, 100)}


def _scratch() -> Path:
    """A folder on a real disk, beside other build results: /tmp may be memory, where a sync costs nothing."""
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    return folder


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The rows for people."""
    lines = [f"{'row':36} {'value':>10} {'':5} {'baseline':>10} {'ratio':>7} {'target':>7}"]
    for name, row in rows.items():
        cells = [
            f"{row[key]:.2f}" if row[key] is not None else ""
            for key in ("value", "baseline", "ratio", "target")
        ]
        word = {None: "", True: "ok", False: "MISSED"}[row["ok"]]
        lines.append(
            f"{name:36} {cells[0]:>10} {row['unit']:5} {cells[1]:>10} {cells[2]:>7} {cells[3]:>7} {word}"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="ROW", help="one row (rows that share a run are measured together)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--singles", type=int, default=600, help="requests of one client, a round")
    parser.add_argument("--many", type=int, default=6000, help="requests of 64 clients, a round")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a target is missed")
    chosen = parser.parse_args()
    groups: list[Callable[[], dict[str, Row]]] = [
        evaluation_rows,
        lambda: served_rows(chosen.rounds, chosen.singles, chosen.many),
    ]
    if chosen.only is not None:
        groups = [groups[0 if chosen.only.startswith("evaluate") else 1]]
    rows = {name: row.as_json() for group in groups for name, row in group().items()}
    if chosen.only is not None:
        if chosen.only not in rows:
            sys.stderr.write(f"no such row: {chosen.only}; there are {', '.join(rows)}\n")
            return 2
        rows = {chosen.only: rows[chosen.only]}
    sys.stdout.write(table(rows))
    report = _scratch() / "bench.json"
    report.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if chosen.strict and any(row["ok"] is False for row in rows.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
