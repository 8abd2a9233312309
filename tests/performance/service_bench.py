"""Rows of what a decision costs: over the wire, beside an empty app and the disk; and evaluated alone.

Must never report a figure of answers that were not expected.
"""

from __future__ import annotations

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
from pathlib import Path
from typing import Any, Final

from tests.performance import evaluation
from tests.performance.rows import Row, p, scratch
from tests.support.govd_process import GovdProcess
from tests.support.programs import environment

CLIENTS: Final = 64
PER_JOB: Final = 150
HERE: Final = Path(__file__).resolve().parent

EVALUATION_ROWS: Final = ("evaluate_100rules_p50",)
SERVED_ROWS: Final = (
    "empty_post_p50",
    "fdatasync_p50",
    "decision_1client_p50",
    "decision_1client_p99",
    "decision_1client_over_floor",
    "decision_1client_implicit_job_p50",
    "decision_64clients_rate",
    "decision_64clients_share",
)

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


def served_rows(rounds: int, singles: int, many: int) -> dict[str, Row]:
    """Every row that needs govd."""
    found: dict[str, list[float]] = defaultdict(list)
    pooled: list[float] = []
    with tempfile.TemporaryDirectory(prefix="gov-bench-", dir=scratch()) as folder, ExitStack() as stack:
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
