"""An agent that wants to push, the executor that could, and a remote that holds only what was approved."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from govconsole.app import ConsoleApp
from govconsole.clock import SystemClock
from govconsole.paths import Operator
from govconsole.session import Session
from tests.support.govd_process import OPERATOR, PASSPHRASE, GovdProcess, run
from tests.support.programs import Process, environment, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

POLICY = """\
version: 1
name: releases
tools: ["exec.*"]
tool_calls:
  effects: {{"exec.git.push": irreversible}}
  allow: ["exec.true"]
  hold: ["exec.git.push", "exec.sh", "exec.python3"]
holds: {{ttl: {ttl}}}
"""


class AheadClock(SystemClock):
    """The real clock, which a test can move past the moment in which dialogs are deaf."""

    ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def stamped(self, at: float) -> float:
        return at + self.ahead


def console(govd: GovdProcess) -> tuple[ConsoleApp, AheadClock]:
    """The real console of the operator, with his vote key unlocked."""
    clock = AheadClock()
    session = Session.open(Operator(OPERATOR, govd.operator_dir), govd.state, clock)
    session.keys.unlock(PASSPHRASE.decode())
    return ConsoleApp(session), clock


def git(folder: Path, *argv: str) -> str:
    """A git command in a folder, with nobody's own settings."""
    env = environment({"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0"})
    done = subprocess.run(["git", "-C", str(folder), *argv], env=env, capture_output=True, check=True)
    return done.stdout.decode().strip()


@dataclass
class Releases:
    """The whole scene, with real processes."""

    govd: GovdProcess
    repository: Path
    remote: Path
    token_file: Path
    socket: Path
    heads: Path

    def commit(self, text: str) -> str:
        """A new commit on main; its object."""
        (self.repository / "VERSION").write_text(text + "\n")
        git(self.repository, "add", "VERSION")
        git(self.repository, "-c", "user.name=bot", "-c", "user.email=bot@example.com", "commit", "-qm", text)
        return git(self.repository, "rev-parse", "HEAD")

    def remote_main(self) -> str | None:
        """The object that the remote's main is at; None where there is none."""
        listed = git(self.remote, "for-each-ref", "--format=%(objectname)", "refs/heads/main")
        return listed or None

    def _exec(self, options: list[str], command: tuple[str, ...]) -> Process:
        fixed: list[str | Path] = [
            "exec", "--url", self.govd.url, "--token-file", self.token_file, "--executor", self.socket,
        ]  # fmt: skip
        env = environment({"GOVGATE_HEADS": str(self.heads)})
        streams = (subprocess.DEVNULL, subprocess.PIPE, subprocess.PIPE)
        line = [*fixed, *options, "--", *command]
        return start("govgate", *line, env=env, cwd=self.repository, streams=streams)

    def start(self, *command: str, wait: float = 60) -> Process:
        """`govgate exec`, as the agent starts it."""
        return self._exec(["--wait", str(wait)], command)

    def again(self, intent: str, *command: str) -> subprocess.CompletedProcess[bytes]:
        """Take up an intent that was declared before."""
        process = self._exec(["--intent-id", intent, "--wait", "30"], command)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(list(command), process.returncode, out, err)


@pytest.fixture
def releases(tmp_path: Path, govd_at: Callable[..., GovdProcess]) -> Iterator[Callable[..., Releases]]:
    """Set the scene: `releases(ttl="24h")`."""
    executors: list[Process] = []

    def set_up(ttl: str = "24h") -> Releases:
        govd = govd_at(policy=POLICY.format(ttl=ttl))
        agent = govd.agent("release-bot")
        executor = govd.executor("runner", ["release-bot"])
        repository, remote, sockets = tmp_path / "app", tmp_path / "remote.git", tmp_path / "x"
        repository.mkdir()
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(remote)], check=True)
        git(repository, "init", "-q", "-b", "main")
        git(repository, "remote", "add", "origin", str(remote))
        process = start(
            *("govgate", "executor", "--url", govd.url, "--token-file", executor.token_file),
            *("--agent", "release-bot", "--socket-dir", sockets, "--journal", tmp_path / "journal"),
            env=environment({"GOVGATE_HEADS": str(tmp_path / "executor-heads")}),
            streams=(subprocess.DEVNULL, subprocess.PIPE, None),
        )
        executors.append(process)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["ready"] is True
        return Releases(
            govd, repository, remote, agent.token_file, sockets / "release-bot.sock", tmp_path / "heads"
        )

    yield set_up
    for process in executors:
        process.terminate()
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


def verify_log(govd: GovdProcess) -> None:
    """The chain holds, as an operator would check it."""
    run("govd", "audit", "verify", "--state", govd.state)


def audit_types(govd: GovdProcess) -> list[str]:
    """The types of every entry of the log, in order."""
    lines = [
        line
        for path in sorted((govd.state / "audit").glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    return [str(json.loads(line)["type"]) for line in lines]
