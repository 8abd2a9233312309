"""An executor that is told to stop: it ends within its time, whatever keeps a request from ending."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from govgate.executor import Door, Service
from govgate.protocol import RunRequest, connect, send_request

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

REQUEST = RunRequest(intent_id="01900000-0000-7000-8000-000000000000", argv=["true"], cwd="/")


class Stuck:
    """A runner whose backend never answers."""

    def __init__(self) -> None:
        self.asked, self.answer = threading.Event(), threading.Event()

    def recover(self) -> int:
        return 0

    def run(self, *_: Any) -> Any:
        self.asked.set()
        self.answer.wait()
        raise OSError(0, "late")


@pytest.fixture
def signals() -> Iterator[None]:
    """What a service makes of signals is undone."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
def test_a_stop_waits_only_so_long_for_a_request_that_does_not_end(tmp_path: Path):
    runner, told = Stuck(), threading.Event()
    door = Door("bot")
    service = Service(runner, [door], tmp_path, stopping=told.set, patience=0.2)  # type: ignore[arg-type]
    gates: list[socket.socket] = []

    def stop_once_it_runs() -> None:
        gate = connect(service.path(door))
        gates.append(gate)
        send_request(gate, REQUEST, (0, 1, 2))
        assert runner.asked.wait(30)
        os.kill(os.getpid(), signal.SIGTERM)

    left = service.serve(stop_once_it_runs)

    assert left == 1
    assert told.is_set(), "nobody waits for a backend for long any more"
    assert not service.path(door).exists()
    runner.answer.set()
    for gate in gates:
        gate.close()
