"""The demo and the embedded backend: everything real, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from govconsole import embedded
from govconsole.programs import program
from tests.support import needs

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Demo:
    """A demo that runs without a screen, and the headless twin pointed at it."""

    process: subprocess.Popen[str]
    facts: dict[str, str]

    def console(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        places = ("--state", self.facts["state"], "--operator-dir", self.facts["operator_dir"])
        return subprocess.run(
            [program("govconsole"), *places, *arguments], capture_output=True, text=True, check=False
        )

    def held(self) -> dict[str, Any]:
        """The job that release-bot opens: waits for it by the agent's door, not by the clock."""
        while self.process.poll() is None:
            jobs = json.loads(self.console("jobs", "list", "--json").stdout)["jobs"]
            if jobs:
                found: dict[str, Any] = jobs[0]
                return found
        raise AssertionError(f"the demo ended: {self.process.communicate()}")

    def vote(self, verb: str, job: str, *more: str) -> None:
        token = json.loads(self.console("jobs", "show", job, "--json").stdout)["review_token"]
        words = ("--token", token, "--reason", "tried", "--passphrase-file", self.facts["passphrase_file"])
        done = self.console(verb, job, *words, *more)
        assert done.returncode == 0, done.stderr

    def pushed(self) -> int:
        """How many commits the bare remote has on main."""
        git = needs.program("git")
        told = subprocess.run(
            [git, "-C", self.facts["remote"], "rev-list", "--count", "main"], capture_output=True, check=True
        )
        return int(told.stdout)


@contextmanager
def demo(directory: Path, *options: str) -> Iterator[Demo]:
    needs.program("git")
    command = [program("govconsole"), "demo", "--no-ui", "--dir", str(directory), *options]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Demo(process, _facts(process))
        finally:
            process.terminate()


def _facts(process: subprocess.Popen[str]) -> dict[str, str]:
    out: IO[str] | None = process.stdout
    assert out is not None
    first = out.readline()
    assert first, process.communicate()
    found: dict[str, str] = json.loads(first)
    return found


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder near the root: the name of a Unix socket has 107 bytes, and a test's own folder is deep."""
    with tempfile.TemporaryDirectory(prefix="gov") as folder:
        yield Path(folder)


def test_the_demo_pushes_nothing_without_an_approval_and_exactly_once_with_it(short: Path) -> None:
    with demo(short / "d", "--once") as running:
        job = running.held()
        assert job["title"] == "Push release 1.1.0"
        assert running.pushed() == 1
        running.vote("approve", job["id"])
        out, err = running.process.communicate()
        assert running.process.returncode == 0, (out, err)
        assert "release 1.1.0: pushed" in err
        assert running.pushed() == 2


def test_the_demo_pushes_nothing_after_a_denial(short: Path) -> None:
    with demo(short / "d", "--once") as running:
        running.vote("deny", running.held()["id"], "--guidance", "not on a Friday")
        out, err = running.process.communicate()
        assert running.process.returncode == 77, (out, err)
        assert running.pushed() == 1


def test_the_demo_ends_everything_that_it_started_when_it_is_told_to(short: Path) -> None:
    with demo(short / "d") as running:
        running.held()
        started = _processes_about(short / "d")
        assert len(started) >= 3, "backend, executor and agent"
        running.process.send_signal(signal.SIGTERM)
        running.process.communicate()
        assert running.process.returncode == 128 + signal.SIGTERM
        assert _processes_about(short / "d") == []


def _processes_about(directory: Path) -> list[str]:
    """The command lines, and working directories, of processes that belong to that directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                told = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
                told += f" in {(entry / 'cwd').readlink()}"
            except OSError:
                continue
            if str(directory) in told and "demo --no-ui" not in told:
                found.append(told)
    return found


def test_an_embedded_backend_is_set_up_started_found_and_stopped(tmp_path: Path) -> None:
    state, operator_dir = tmp_path / "state", tmp_path / "operator"
    assert not embedded.initialised(state)
    embedded.initialise(state, operator_dir, "anna", "a passphrase", ("--agent-port", "0"))
    assert embedded.initialised(state)
    assert not embedded.answers(state)
    started = embedded.serve(state)
    try:
        assert embedded.answers(state)
        assert started.agent_url.startswith("http://127.0.0.1:")
    finally:
        embedded.run("govd", "stop", "--state", str(state))
        embedded.reap()
    assert not embedded.answers(state)


def test_a_backend_that_does_not_start_says_why(tmp_path: Path) -> None:
    from govd.contract.errors import HaltedError

    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    with pytest.raises(HaltedError, match="govd did not start"):
        embedded.serve(state)
    embedded.reap()
