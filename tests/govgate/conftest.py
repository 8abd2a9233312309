"""A fake govd, and gates and executors in front of it: in this process, or as real ones of their own."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.headmemory import HeadMemory
from govgate import calls, declare
from govgate.client import Client
from govgate.journal import Journal
from govgate.process import popen
from govgate.redemption import Redeemer
from govgate.runner import Request, Runner
from tests.govgate.fake_govd import AGENT_TOKEN, EXECUTOR_TOKEN, FakeGovd
from tests.support import needs
from tests.support.programs import Process, environment, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from govd.contract.intents import IntentView
    from govgate.runner import Launch, Ran
    from govgate.voters import PinnedOperators

AGENT_UID = 64_001
EXECUTOR_UID = 64_002


@pytest.fixture
def govd() -> Iterator[FakeGovd]:
    with FakeGovd() as fake:
        yield fake


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other users may enter, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="govgate-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Bench:
    """An agent and an executor in this process."""

    govd: FakeGovd
    root: Path
    client: Client
    executor: Client
    journal: Journal

    def redeemer(self, voters: PinnedOperators | None = None) -> Redeemer:
        return Redeemer(self.executor, "runner", self.journal, voters)

    def declared(self, *argv: str, cwd: Path, names: Sequence[str] = (), **more: Any) -> Declared:
        command = declare.command(argv, str(cwd), names)
        view = self.client.send(calls.submit(declare.submission(command.action, declare.Words(base=more))))
        return Declared(self, command, view)


@dataclass
class Declared:
    """A command that was declared, to be run by the executor."""

    bench: Bench
    command: declare.Command
    view: IntentView

    def run(self, voters: PinnedOperators | None = None, *, agent: str = "bot", **changes: Any) -> str:
        """What it printed."""
        said, _ = self.ran(voters, agent=agent, **changes)
        return said

    def ran(
        self, voters: PinnedOperators | None = None, *, agent: str = "bot", **changes: Any
    ) -> tuple[str, Ran]:
        command = self.command
        fields = {
            "intent": self.view.id,
            "argv": command.argv,
            "cwd": command.cwd,
            "env": command.env,
            "git": command.git,
        }
        runner = Runner(self.bench.redeemer(voters), home="/")
        with tempfile.TemporaryFile() as output:

            def start(launch: Launch) -> int:
                return popen(launch, (subprocess.DEVNULL, output.fileno(), None), session=False).wait()

            ran = runner.run(Request(**(fields | changes)), agent, start)
            output.seek(0)
            return output.read().decode(), ran


@pytest.fixture
def bench(govd: FakeGovd, tmp_path: Path) -> Iterator[Bench]:
    heads = HeadMemory(tmp_path / "heads")
    with (
        Client(govd.url, lambda: AGENT_TOKEN, heads, sleep=lambda _: None) as client,
        Client(govd.url, lambda: EXECUTOR_TOKEN, heads, sleep=lambda _: None) as executor,
    ):
        yield Bench(govd, tmp_path, client, executor, Journal(tmp_path / "journal"))


class Processes:
    """Real `govgate` processes around the fake govd."""

    def __init__(self, govd: FakeGovd, root: Path) -> None:
        self.govd = govd
        self.root = root
        self.sockets = root / "sockets"
        self.journal = root / "journal"
        self._started: list[Process] = []

    def secret(self, name: str, token: str, uid: int | None = None) -> Path:
        path = self.root / name
        path.touch(mode=0o600)
        path.write_text(token)
        if uid is not None:
            os.chown(path, uid, uid)
        return path

    def folder(self, name: str, uid: int | None = None) -> Path:
        path = self.root / name
        path.mkdir(exist_ok=True)
        if uid is not None:
            os.chown(path, uid, uid)
        return path

    def environment(self, who: str = "agent", uid: int | None = None, **more: str) -> dict[str, str]:
        own = self.folder(f"{who}-state", uid)
        return environment(
            {
                "HOME": str(own),
                "GOVGATE_URL": self.govd.url,
                "GOVGATE_HEADS": str(own / "heads"),
                "GOVGATE_TOKEN_FILE": str(self.secret(f"{who}-agent.token", AGENT_TOKEN, uid)),
                "GOVGATE_EXECUTOR": str(self.sockets / "bot.sock"),
                **more,
            }
        )

    def executor(self, *arguments: str | Path, agent: str = "bot", uid: int | None = None) -> Process:
        """Start one, and wait until it listens."""
        folder = self.folder("sockets", uid)
        folder.chmod(0o755)
        line = [
            "executor", "--agent", agent, "--socket-dir", folder,
            "--token-file", self.secret("executor.token", EXECUTOR_TOKEN, uid),
            "--journal", self.folder("journal", uid), *arguments,
        ]  # fmt: skip
        streams = (subprocess.DEVNULL, subprocess.PIPE, None)
        process = self._process(line, self.environment("executor", uid), Path("/"), streams, uid)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline() or b"{}").get("ready"), "the executor did not start"
        return process

    def start(self, *arguments: str | Path, cwd: Path, uid: int | None = None, **more: str) -> Process:
        """Start `govgate …` as the agent."""
        pipe = subprocess.PIPE
        return self._process(arguments, self.environment(uid=uid, **more), cwd, (pipe, pipe, pipe), uid)

    def _process(
        self,
        arguments: Sequence[str | Path],
        env: dict[str, str],
        cwd: Path,
        streams: tuple[int, int, int | None],
        uid: int | None,
    ) -> Process:
        process: Process
        if uid is None:
            process = start("govgate", *arguments, env=env, cwd=cwd, streams=streams, session=True)
        else:
            line = [*_reachable(uid), "-m", "govgate", *(str(item) for item in arguments)]
            stdin, stdout, stderr = streams
            process = subprocess.Popen(
                line,
                env=env,
                cwd=cwd,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                **as_user(uid),
            )
        self._started.append(process)
        return process

    def gate(self, *arguments: str | Path, cwd: Path | None = None, **options: Any) -> Said:
        """Run `govgate …` as the agent, to its end."""
        process = self.start(*arguments, cwd=cwd or self.root, **options)
        return said(process)

    def stop(self) -> None:
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


@dataclass(frozen=True)
class Said:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str


def said(process: Process, seconds: float = 60) -> Said:
    out, err = process.communicate(timeout=seconds)
    return Said(process.returncode, out.decode(), err.decode())


@functools.cache
def _reachable(uid: int) -> list[str]:
    """A Python of our version that the user may run and that sees what this one sees.

    Our own may lie below a home folder, which he cannot enter.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        setup = [python, "-P"]
        path = {} if python == sys.executable else {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = ["env", *(f"{name}={value}" for name, value in path.items()), *setup]
        done = subprocess.run(
            [*command, "-c", "import govgate.cli"], capture_output=True, check=False, cwd="/", **as_user(uid)
        )
        if done.returncode == 0:
            return command
    needs.skip("no Python that another user may run sees this checkout")
    return []


def as_user(uid: int | None) -> dict[str, Any]:
    return {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}


@pytest.fixture
def processes(govd: FakeGovd, place: Path) -> Iterator[Processes]:
    started = Processes(govd, place)
    yield started
    started.stop()


@pytest.fixture
def work(place: Path) -> Path:
    folder = place / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def script(work: Path) -> Callable[..., Path]:
    """Write an executable file: `script("name", "#!/bin/sh", "echo hi")`."""

    def write(name: str, *lines: str) -> Path:
        path = work / name
        path.write_text("\n".join([*lines, ""]))
        path.chmod(0o755)
        return path

    return write
