"""Builds the demo's stage and takes it down: backend, identities, executor, repository, agent.

Must never end a process that it did not start: each is known by its handle.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Final, Self

from govconsole import embedded
from govconsole.programs import program
from govd.contract.errors import GovError
from govd.contract.text import visible

if TYPE_CHECKING:
    from pathlib import Path

    from govconsole.client.votekeys import KeyRing

OPERATOR: Final = "you"
AGENT: Final = "release-bot"
EXECUTOR: Final = "demo-executor"
_END_SECONDS: Final = 10


class Stage:
    """The demo's directory and its processes; a context manager that ends them all.

    Args:
        root: An empty directory, 0700.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "state"
        self.operator_dir = root / "operator"
        self.agent_dir = root / "agent"
        self.executor_dir = root / "executor"
        self.remote = root / "remote.git"
        self.work = self.agent_dir / "app"
        self.passphrase_file = root / "passphrase"
        self.log = root / "release-bot.log"
        self.passphrase = secrets.token_urlsafe(18)
        self.agent_url = ""
        self._started: list[subprocess.Popen[bytes]] = []
        self._files: list[IO[bytes]] = []
        self._serving = False

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _build(self) -> None:
        for directory in (self.agent_dir, self.executor_dir, self.executor_dir / "sockets"):
            directory.mkdir(mode=0o700)
        _secret(self.passphrase_file, self.passphrase)
        embedded.initialise(
            self.state, self.operator_dir, OPERATOR, self.passphrase, ("--agent-port", str(_free_port()))
        )
        self._serving = True
        self.agent_url = embedded.serve(self.state).agent_url
        self._repository()
        self._identities()
        self._executor()

    def _repository(self) -> None:
        """A bare remote and a clone of it with a first commit, pushed before the agent may act."""
        _git(self.root, "init", "-q", "--bare", "-b", "main", str(self.remote))
        _git(self.agent_dir, "init", "-q", "-b", "main", str(self.work))
        _git(self.work, "config", "user.name", "release-bot")
        _git(self.work, "config", "user.email", "release-bot@example.org")
        _git(self.work, "remote", "add", "origin", str(self.remote))
        (self.work / "VERSION").write_text("1.0.0\n", encoding="utf-8")
        _git(self.work, "add", "VERSION")
        _git(self.work, "commit", "-q", "-m", "Release 1.0.0")
        _git(self.work, "push", "-q", "origin", "main")

    def _identities(self) -> None:
        place = ("--state", str(self.state), "--operator-dir", str(self.operator_dir), "--as", OPERATOR)
        token = ("--token-file", str(self.agent_dir / "token"))
        embedded.run("govd", "agents", "add", AGENT, *token, "--origin", "schedule", *place)
        token = ("--token-file", str(self.executor_dir / "token"))
        signed = ("--passphrase-file", str(self.passphrase_file))
        embedded.run("govd", "executors", "add", EXECUTOR, "--agent", AGENT, *token, *signed, *place)

    def _executor(self) -> None:
        """The executor as a process of its own; the agent is let in when its socket is there."""
        executor = self._start(
            "executor.log",
            program("govgate"),
            *("executor", "--url", self.agent_url, "--token-file", str(self.executor_dir / "token")),
            *("--agent", AGENT, "--socket-dir", str(self.executor_dir / "sockets")),
            *("--journal", str(self.executor_dir / "journal")),
            stdout=subprocess.PIPE,
        )
        if embedded.first_line(executor) is None:
            said = visible((self.root / "executor.log").read_text(encoding="utf-8", errors="replace")[-600:])
            raise GovError(f"the demo's executor did not start: {said}")

    def start_agent(self, *, once: bool, pause: float) -> subprocess.Popen[bytes]:
        """Let release-bot work: a process of its own with a token and the executor's socket, nothing else."""
        return self._start(
            self.log.name,
            *(sys.executable, "-P", "-m", "govconsole.demo.release_bot", "--pause", str(pause)),
            *(["--once"] if once else []),
            cwd=self.work,
            GOVGATE_URL=self.agent_url,
            GOVGATE_TOKEN_FILE=str(self.agent_dir / "token"),
            GOVGATE_EXECUTOR=str(self.executor_dir / "sockets" / f"{AGENT}.sock"),
            GOVGATE_HEADS=str(self.agent_dir / "heads"),
        )

    def _start(
        self, log: str, *command: str, cwd: Path | None = None, stdout: int | None = None, **variables: str
    ) -> subprocess.Popen[bytes]:
        file = (self.root / log).open("ab")
        self._files.append(file)
        process = subprocess.Popen(  # noqa: S603 - our own programs by their paths, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout or file,
            stderr=file,
            cwd=cwd or self.root,
            env=_environment() | variables,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def unlock(self, keys: KeyRing) -> None:
        """Open the vote key: in the demo alone, nobody is asked."""
        keys.unlock(self.passphrase)

    def facts(self) -> str:
        """Where everything is, for whoever drives the demo without a screen."""
        return json.dumps(
            {
                "state": str(self.state),
                "operator_dir": str(self.operator_dir),
                "passphrase_file": str(self.passphrase_file),
                "remote": str(self.remote),
                "log": str(self.log),
                "agent_url": self.agent_url,
            }
        )

    def close(self) -> None:
        """End what was started, the agent first and the backend last."""
        for process in reversed(self._started):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_END_SECONDS)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        for file in self._files:
            file.close()
        self._started, self._files = [], []
        if self._serving:
            with contextlib.suppress(GovError):
                embedded.run("govd", "stop", "--state", str(self.state), seconds=_END_SECONDS)
            embedded.reap()
            self._serving = False

    def remove(self) -> None:
        """Take the directory away."""
        shutil.rmtree(self.root, ignore_errors=True)


def _secret(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    """What the demo's processes inherit: nothing of the user's own git settings or tokens."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


def _git(where: Path, *arguments: str) -> None:
    found = shutil.which("git")
    if found is None:
        raise GovError("the demo needs git", hint="install git")
    done = subprocess.run(  # noqa: S603 - git by its path, no shell
        [found, *arguments], cwd=where, env=_environment(), capture_output=True, check=False
    )
    if done.returncode != 0:
        raise GovError(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()[:300]}")
