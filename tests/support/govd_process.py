"""A real govd in a process of its own: initialised, served, stopped, killed, started again on the same state.

Waits for what govd says of itself (its ready line, its exit), never for a time. Must leave no process behind.
"""

from __future__ import annotations

import functools
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Self

import httpx

from govd.contract import votekey
from govd.contract.plain import no_authorities
from tests.support.operator import Operator
from tests.support.ports import Port
from tests.support.programs import Process, environment, start

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Whoever hangs fails here; a machine with much else to do is not meant.
RUN_SECONDS = 180
START_SECONDS = 180
STOP_SECONDS = 180
OPERATOR = "ana"
PASSPHRASE = b"correct horse battery staple"


class CommandError(AssertionError):
    """A command line ended otherwise than expected; carries what it said."""

    def __init__(self, argv: Sequence[str], done: subprocess.CompletedProcess[bytes]) -> None:
        super().__init__(
            f"{' '.join(argv[:4])} … ended with {done.returncode}\n"
            f"stdout: {done.stdout.decode(errors='replace')}\nstderr: {done.stderr.decode(errors='replace')}"
        )
        self.done = done


def run(
    *argv: str | Path,
    env: Mapping[str, str] | None = None,
    expect: int | None = 0,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
) -> subprocess.CompletedProcess[bytes]:
    """Run one of our programs (`govd`, `govgate`, `govconsole`) to its end.

    Args:
        argv: The program's name, then its arguments.
        env: Variables beside an otherwise small environment.
        expect: The exit code that is taken, or None for any.
        stdin: What it reads.

    Raises:
        CommandError: it ended with another code.
        subprocess.TimeoutExpired: it did not end within three minutes.
    """
    line = [str(item) for item in argv]
    pipe = subprocess.PIPE
    process = start(line[0], *line[1:], env=environment(env), streams=(stdin, pipe, pipe))
    try:
        out, err = process.communicate(timeout=RUN_SECONDS)
    finally:
        process.kill()
    done = subprocess.CompletedProcess(line, process.returncode, out, err)
    if expect is not None and done.returncode != expect:
        raise CommandError(line, done)
    return done


@dataclass
class Client:
    """Somebody with a bearer token at the agents' door."""

    name: str
    token_file: Path
    url: str
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=RUN_SECONDS,
            verify=no_authorities(),
        )

    @property
    def token(self) -> str:
        """The token as its file has it now."""
        return self.token_file.read_text(encoding="ascii").strip()


_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def forget_founded() -> None:
    """Remove the states that were there to be copied; at the end of the run, which may end without atexit."""
    while _FOLDERS:
        _FOLDERS.pop().cleanup()
    _founded.cache_clear()


@functools.cache
def _founded(policy: str | None) -> GovdProcess:
    """A state that nobody serves, to be copied. It lasts as long as the run."""
    folder = tempfile.TemporaryDirectory(prefix="gov-founded-")
    _FOLDERS.append(folder)
    model = GovdProcess(Path(folder.name), policy=policy)
    model.init()
    # A third of a second each time that somebody opens it, in each process that does, shows nothing here.
    path = model.operator_dir / f"{OPERATOR}.key"
    key = votekey.load(path, PASSPHRASE)
    path.unlink()
    votekey.write(path, key, PASSPHRASE, rounds=1)
    return model


class GovdProcess:
    """One state directory, and the govd that serves it.

    Args:
        root: An empty folder for state, operator's files and tokens.
        policy: Source of the policy, or None for the one that govd brings.
        database: A database URL, or None for the embedded store.
        env: Variables for every govd that is started.
    """

    SHORT: ClassVar[bool] = True
    """Whether founding is copying and adding somebody a request; not where commands run in another way.

    The commands themselves are tests/govd/cli's: a process each would be a third of what all tests cost.
    """

    def __init__(
        self,
        root: Path,
        *,
        policy: str | None = None,
        database: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.state = root / "state"
        self.operator_dir = root / "operator"
        self.policy_file: Path | None = None
        self.passphrase_file = root / "passphrase"
        self._held = Port()
        self.port = self._held.number
        self.url = f"http://127.0.0.1:{self.port}"
        self.operators_socket = self.state / "run" / "operators.sock"
        self.process: Process | None = None
        self.ready: dict[str, Any] = {}
        self._database = database
        self._env = dict(env or {})
        self._clients: list[httpx.Client] = []
        if policy is not None:
            self.policy_file = root / "policy.yaml"
            self.policy_file.write_text(policy, encoding="utf-8")

    def __enter__(self) -> Self:
        self.found()
        self.serve()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        self.kill()

    # -- the state's life ------------------------------------------------------------------------

    def found(self) -> None:
        """A state as `govd init` makes it: a copy of one that was made in this run for the same policy."""
        if self._database is not None or not self.SHORT:
            self.init()
            return
        model = _founded(None if self.policy_file is None else self.policy_file.read_text(encoding="utf-8"))
        for part in ("state", "operator"):
            shutil.copytree(model.root / part, self.root / part)
        shutil.copy2(model.passphrase_file, self.passphrase_file)
        settings = self.state / "govd.toml"
        text = settings.read_text(encoding="utf-8").replace(str(model.root), str(self.root))
        settings.write_text(text.replace(f" = {model.port}\n", f" = {self.port}\n"), encoding="utf-8")

    def init(self) -> None:
        """`govd init`, with nobody at the keyboard."""
        self.passphrase_file.touch(mode=0o600)
        self.passphrase_file.write_bytes(PASSPHRASE)
        argv: list[str | Path] = [
            "init", "--operator", OPERATOR, "--operator-dir", self.operator_dir,
            "--passphrase-file", self.passphrase_file, "--agent-port", str(self.port),
        ]  # fmt: skip
        if self.policy_file is not None:
            argv += ["--policy", self.policy_file]
        if self._database is not None:
            argv += ["--database", self._database]
        self.govd(*argv)

    def govd(self, *argv: str | Path, expect: int | None = 0) -> subprocess.CompletedProcess[bytes]:
        """A verb of `govd` on this state."""
        env = {**self._env, "GOVD_STATE": str(self.state), "GOVCONSOLE_OPERATOR_DIR": str(self.operator_dir)}
        return run("govd", *argv, env=env, expect=expect)

    def govd_json(self, *argv: str | Path, expect: int = 0) -> Any:
        """A verb with --json, parsed."""
        return json.loads(self.govd(*argv, "--json", expect=expect).stdout)

    def spawn(self, *argv: str, env: Mapping[str, str] | None = None) -> Process:
        """Start `govd serve` and return at once. stderr goes to ROOT/govd.log."""
        variables = {**self._env, "GOVD_STATE": str(self.state), **(env or {})}
        with (self.root / "govd.log").open("ab") as log:
            streams = (subprocess.DEVNULL, subprocess.PIPE, log)
            self.process = start(
                "govd", "serve", *argv, env=environment(variables), streams=streams, session=True
            )
        return self.process

    def serve(self, *argv: str, env: Mapping[str, str] | None = None) -> None:
        """Start govd and wait until it says that both doors listen.

        Raises:
            AssertionError: it ended first, or said nothing for three minutes; with the end of its log.
        """
        process = self.spawn(*argv, env=env)
        said = _first_line(process)
        if not said:
            self.kill()
            raise AssertionError(
                f"govd did not become ready (exit {process.returncode}): {self.log()[-2000:]}"
            )
        self.ready = json.loads(said)
        self.url = self.ready.get("agent_url", self.url)

    def log(self) -> str:
        """What govd wrote to stderr so far."""
        path = self.root / "govd.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def stop(self) -> int:
        """SIGTERM, and the exit code of a graceful stop."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        return self._ended(process)

    def kill(self) -> None:
        """SIGKILL the whole process group, as a power cut would. Nothing running is fine too."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()

    def restart(self, *argv: str) -> None:
        """Stop gracefully, and serve the same state again."""
        self.stop()
        self.serve(*argv)

    def _running(self) -> Process:
        if self.process is None:
            raise AssertionError("govd is not running")
        return self.process

    def _ended(self, process: Process) -> int:
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"govd did not stop: {self.log()[-2000:]}") from None
        self.kill()
        return code

    # -- who is there ----------------------------------------------------------------------------

    def operator(self, name: str = OPERATOR) -> Operator:
        """A client of the operators' door that can sign."""
        operator = Operator(name, self.operators_socket, self.operator_dir, PASSPHRASE)
        self._clients.append(operator.http)
        return operator

    def agent(self, name: str = "bot", *, uid: int | None = None, origins: Sequence[str] = ()) -> Client:
        """Add an agent as `govd agents add` does, and be it."""
        token_file = self._token_file(name)
        if self.SHORT:
            body = {"name": name, "origins": list(origins or ("user",)), "uid": uid}
            with self.operator() as operator:
                _keep(token_file, operator.post("/v1/agents", body)["token"])
            return self.client(name, token_file)
        argv: list[str | Path] = ["agents", "add", name, "--token-file", token_file]
        argv += [] if uid is None else ["--uid", str(uid)]
        for origin in origins:
            argv += ["--origin", origin]
        self.govd(*argv)
        return self.client(name, token_file)

    def executor(
        self,
        name: str = "runner",
        agents: Sequence[str] = ("bot",),
        *,
        advisory: bool = False,
        uid: int | None = None,
    ) -> Client:
        """Add an executor, signed by the operator, and be it."""
        token_file = self._token_file(name)
        if self.SHORT:
            with self.operator() as operator:
                _keep(token_file, operator.add_executor(name, agents, advisory=advisory, uid=uid))
            return self.client(name, token_file)
        argv: list[str | Path] = ["executors", "add", name, "--token-file", token_file, "--as", OPERATOR]
        argv += ["--passphrase-file", self.passphrase_file]
        for agent in agents:
            argv += ["--agent", agent]
        argv += ["--advisory"] if advisory else []
        argv += [] if uid is None else ["--uid", str(uid)]
        self.govd(*argv)
        return self.client(name, token_file)

    def _token_file(self, name: str) -> Path:
        folder = self.root / "tokens"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{name}.token"

    def client(self, name: str, token_file: Path) -> Client:
        """A client of the agents' door with that token."""
        client = Client(name, token_file, self.url)
        self._clients.append(client.http)
        return client


def _keep(path: Path, secret: str) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(secret, encoding="ascii")


def _first_line(process: Process) -> bytes:
    """The first line that the process prints, or nothing where it ends first or says nothing for long."""
    stdout = process.stdout
    if stdout is None:
        return b""
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        return lines.get(timeout=START_SECONDS)
    except queue.Empty:
        return b""
