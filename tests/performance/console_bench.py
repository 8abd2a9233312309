"""Rows of what the console does with a long queue: the real program in a terminal, before a real govd.

The figures are what a person would see: from a key to the end of the frame that it caused; beside them the
same key in an app that does nothing else. Must never count a frame that the key did not cause.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import statistics
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.performance import seeding
from tests.performance.proxy import Proxy
from tests.performance.rows import ROOT, Row, p, scratch
from tests.performance.storm import Storm
from tests.performance.terminal import Terminal
from tests.support.govd_process import GovdProcess
from tests.support.programs import BIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_ROWS: Final = ("console_start", "console_start_to_jobs")
QUEUE_ROWS: Final = (
    "queue_100k_first_paint",
    "queue_100k_key_p95",
    "queue_100k_rss",
    "event_storm_cpu",
    "event_storm_key_p95",
)

_FRESH_S: Final = 20 * 86_400
_CURSOR: Final = re.compile(
    "\x1b\\[[0-9]+;1H((?:\x1b\\[[0-9;]*m)*▌.*?)(?:\x1b\\[[0-9]+;[0-9]+H|$)".encode(), re.DOTALL
)
_STYLE: Final = re.compile(rb"\x1b\[[0-9;]*m")
_TITLE: Final = rb"[0-9]{6} (?:Publish|Pay|Rotate|Send|Release|Archive|Renew|Export) [a-z]+"
_KEYS: Final = (b"j" * 12 + b"k" * 3) * 6
_PAGES: Final = 30
_STORM_S: Final = 12.0
_PAUSE_S: Final = 0.06
"""Between two keys, as a held key repeats; a frame that comes later than that is waited for."""


def start_rows(rounds: int) -> dict[str, Row]:
    """From the start of the process to the first frame, beside an app that does nothing."""
    with ExitStack() as stack:
        govd = stack.enter_context(_seeded(50))
        bare: list[float] = []
        console: list[float] = []
        jobs: list[float] = []
        for _ in range(rounds + 1):  # the first of each warms the disk
            with _bare() as terminal:
                bare.append((terminal.shows(b"bare-app-is-up") - terminal.started) * 1000)
            with _console(govd, govd.state) as terminal:
                console.append((terminal.shows("govconsole ▸".encode()) - terminal.started) * 1000)
                jobs.append((terminal.shows(_TITLE) - terminal.started) * 1000)
    baseline = statistics.median(bare[1:])
    return {
        "console_start": Row(statistics.median(console[1:]), "ms", baseline, 1.5 * baseline),
        "console_start_to_jobs": Row(statistics.median(jobs[1:]), "ms", baseline),
    }


def queue_rows(count: int) -> dict[str, Row]:
    """A queue of so many held jobs: first paint, keys, memory; and the same while events come in."""
    with ExitStack() as stack:
        govd = stack.enter_context(_seeded(count))
        proxy = stack.enter_context(Proxy(govd.operators_socket, scratch() / "console-bench" / "proxied"))
        paints = [_first_paint(govd, proxy) for _ in range(5)]
        terminal = stack.enter_context(_console(govd, govd.state))
        terminal.shows(_TITLE)
        bare = stack.enter_context(_bare())
        bare.shows(b"bare-app-is-up")
        time.sleep(1.0)
        keys, floor = _latencies_ms(terminal), _latencies_ms(bare)
        _roam(terminal)
        memory = terminal.memory_mb()
        storm = stack.enter_context(Storm(govd))
        time.sleep(1.0)
        came, before, started = storm.events, terminal.cpu_seconds(), time.perf_counter()
        time.sleep(_STORM_S)
        seconds = time.perf_counter() - started
        cpu = (terminal.cpu_seconds() - before) / seconds
        rate = (storm.events - came) / seconds
        stormy, stormy_floor = _latencies_ms(terminal), _latencies_ms(bare)
    if rate < storm.rate * 0.9:
        raise SystemExit(
            f"the storm was {rate:.0f} events a second, not {storm.rate}: no figure of it is told"
        )
    return {
        "queue_100k_first_paint": Row(statistics.median(paints), "ms", None, 200),
        "queue_100k_key_p95": Row(p(keys, 95), "ms", p(floor, 95), 50),
        "queue_100k_rss": Row(memory, "MB", None, 200),
        "event_storm_cpu": Row(cpu * 100, "%", None, 50),
        "event_storm_key_p95": Row(p(stormy, 95), "ms", p(stormy_floor, 95), 80),
    }


def _latencies_ms(terminal: Terminal) -> list[float]:
    """From each key to the end of the first frame that draws the cursor on another job."""
    found: list[float] = []
    under: bytes | None = None
    for key in _KEYS:
        terminal.forget()
        pressed = terminal.press(bytes([key]))
        frame = terminal.frame(_moved_from(under), pressed)
        under = _under_cursor(frame.data)
        found.append((frame.at - pressed) * 1000)
        time.sleep(_PAUSE_S)
    return found[1:]  # before the first nobody knows what the cursor is on


def _moved_from(before: bytes | None) -> Callable[[bytes], bool]:
    return lambda frame: _under_cursor(frame) not in {None, before}


def _under_cursor(frame: bytes) -> bytes | None:
    """The row that a frame draws the cursor on, as text; None where it draws none."""
    found = _CURSOR.search(frame)
    return None if found is None else _STYLE.sub(b"", found[1])


def _roam(terminal: Terminal) -> None:
    """Through pages from the start, to the end, and back through pages: what is kept is bounded."""
    for keys in (b"\x1b[6~" * _PAGES, b"G", b"\x1b[5~" * _PAGES, b"\x1b[H"):
        for one in keys.split(b"\x1b"):
            terminal.press(b"\x1b" + one if one.startswith(b"[") else one)
            time.sleep(0.1)
    time.sleep(1.0)


def _first_paint(govd: GovdProcess, proxy: Proxy) -> float:
    """From the last byte of the first page to the end of the frame that shows a job of it, in ms."""
    proxy.forget()
    with _console(govd, proxy.state) as terminal:
        painted = terminal.shows(_TITLE)
        return (painted - proxy.page_came()) * 1000


def _bare() -> Terminal:
    return Terminal([sys.executable, ROOT / "tests" / "performance" / "bare_app.py"])


def _console(govd: GovdProcess, state: Path) -> Terminal:
    return Terminal([BIN / "govconsole", "--state", state, "--operator-dir", govd.operator_dir])


@contextmanager
def _seeded(count: int) -> Iterator[GovdProcess]:
    """A govd on a state with so many held jobs. The state is kept in build/, as making it takes minutes."""
    place = scratch() / "console-bench"
    root = place / f"{count}-{_shape()}"
    for old in place.glob(f"{count}-*"):
        if old != root:
            shutil.rmtree(old)
    if not (root / "whole").exists() or time.time() - (root / "whole").stat().st_mtime > _FRESH_S:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(mode=0o700, parents=True)
        seeding.seed(root, count)
        (root / "whole").touch()
    govd = GovdProcess(root)
    try:
        govd.serve()
        yield govd
    finally:
        govd.kill()


def _shape() -> str:
    """What a seeded state depends on, as a short digest: the schema and how it is filled."""
    storage = ROOT / "backend" / "govd" / "storage"
    files = [Path(seeding.__file__), storage / "schema.py", *sorted((storage / "migrations").rglob("r*.py"))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
