"""Builds the demo's stage and takes it down: backend, identities, executors, repository, mail room, agents.

The backend comes first, so that a console can open on it; everybody else comes on while it is open. All of it
happens in a thread: a signal reaches the main one, which starts nothing and so leaves nothing half started.
Must never leave anything running, nor end a process that it did not start.
"""

from __future__ import annotations

import json
import secrets
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from govconsole import embedded
from govconsole.demo import crowd
from govconsole.demo.doors import add_agents, write_secret
from govconsole.demo.troupe import ClosedError, Troupe, agent
from govconsole.paths import Operator
from govconsole.programs import program
from govd.contract.errors import GovError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from govconsole.client.votekeys import KeyRing

OPERATOR: Final = "you"
RELEASE, MAIL, FINANCE = "release-bot", "mail-bot", "finance-bot"
BOTS: Final = (RELEASE, MAIL, FINANCE)
_ORIGINS: Final = {RELEASE: ["schedule"], MAIL: ["user"], FINANCE: ["schedule"]}
_READ_SECONDS: Final = 15.0
_POLICY: Final = Path(__file__).with_name("policy.yaml")


@dataclass(frozen=True)
class Wishes:
    """What was asked for on the command line.

    Attributes:
        seed: What the agents ask for is made up from this.
        pause: Seconds between two errands of an agent.
        once: Each agent ends after its first errands.
        only: The agents that take part.
        jobs: So many more, declared by a crowd of agents.
        tour: Guide the operator through the first minute.
    """

    seed: int = 1
    pause: float = 20.0
    once: bool = False
    only: tuple[str, ...] = field(default=BOTS)
    jobs: int = 0
    tour: bool = True


class Stage:
    """The demo's directory and its processes.

    Args:
        root: An empty directory, 0700.
        wishes: What was asked for.
        tell: Is told in a sentence how far it is, from any thread.
        happened: Is told what an agent says of something that was done, or was not, from any thread.
    """

    def __init__(
        self,
        root: Path,
        wishes: Wishes,
        tell: Callable[[str], object] = lambda _: None,
        happened: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.root = root
        self.wishes = wishes
        self.tell = tell
        self._happened = happened
        self.state = root / "state"
        self.operator_dir = root / "operator"
        self.remote = root / "remote.git"
        self.book = root / "ledger" / "book.db"
        self.maildir = root / "mail"
        self.passphrase_file = root / "passphrase"
        self.passphrase = secrets.token_urlsafe(18)
        self.agent_url = ""
        self.agents: dict[str, subprocess.Popen[bytes]] = {}
        self.failure: GovError | None = None
        self._listeners: list[threading.Thread] = []
        self._troupe = Troupe(root / "logs")
        # Waited for instead of the thread: a join that a signal breaks off takes the thread for ended.
        self._founded, self._served, self._whole = (threading.Event() for _ in range(3))
        self._builder = threading.Thread(target=self._build, name="demo-stage", daemon=True)

    # Up

    def start(self) -> None:
        """Set out; everything is on its way when this returns."""
        for name in ("logs", "run", "ledger", "mail-room", "executor", "executor/sockets", *BOTS):
            (self.root / name).mkdir(mode=0o700)
        self._builder.start()

    def wait_for_operator(self) -> None:
        """Return when the operator has his key: the backend still starts.

        Raises:
            GovError: it came to nothing.
        """
        self._founded.wait()
        self._refuse()

    def wait_for_backend(self) -> None:
        """Return when a console can be opened.

        Raises:
            GovError: the backend did not start.
        """
        self._served.wait()
        self._refuse()

    def wait_for_everybody(self) -> None:
        """Return when every agent is at work.

        Raises:
            GovError: somebody did not start.
        """
        self._whole.wait()
        self._refuse()

    def _refuse(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _build(self) -> None:
        try:
            place = [self._workplace()] if RELEASE in self.wishes.only else []
            self._backend()
            self._served.set()
            self._everybody(place)
            self._whole.set()
            if self.wishes.jobs:
                self._crowd(self.wishes.jobs)
        except (GovError, OSError) as error:
            if not self._troupe.closed:
                self.failure = error if isinstance(error, GovError) else GovError(f"the demo: {error}")
                self.tell(f"the demo is not whole: {self.failure.detail}")
        finally:
            for event in (self._founded, self._served, self._whole):
                event.set()

    def _backend(self) -> None:
        write_secret(self.passphrase_file, self.passphrase)
        policy = self.root / "policy.yaml"
        shutil.copyfile(_POLICY, policy)
        more = ("--agent-port", "0", "--policy", str(policy), "--demo-voice")
        embedded.initialise(self.state, self.operator_dir, OPERATOR, self.passphrase, more)
        self._founded.set()
        if self._troupe.closed:
            raise ClosedError("the demo is being taken down")
        self.agent_url = embedded.serve(self.state).agent_url

    def _everybody(self, place: list[subprocess.Popen[bytes]]) -> None:
        """Bring everybody on: those first who need nobody, so that something is there to decide."""
        self.tell("the agents are starting")
        wanted = {name: _ORIGINS[name] for name in self.wishes.only}
        tokens = {name: self.root / name / "token" for name in wanted}
        add_agents(self.state, Operator(OPERATOR, self.operator_dir), wanted, tokens)
        for name, counter in ((FINANCE, "ledger"), (MAIL, "mail-room")):
            if name in wanted:
                self._bot(name, "--counter", str(self._socket(counter)))
        with ThreadPoolExecutor(len(BOTS), "demo-executors") as pool:
            for done in [pool.submit(self._serve, name, place) for name in wanted]:
                done.result()
        self.tell("")

    def _crowd(self, jobs: int) -> None:
        """Let a crowd declare very many jobs, and tell how far it is until it is done."""
        self.tell(f"{jobs:,} jobs are on their way")
        wanted = crowd.names(jobs)
        tokens = self.root / "crowd"
        tokens.mkdir(mode=0o700)
        files = {name: tokens / f"{name}.token" for name in wanted}
        add_agents(self.state, Operator(OPERATOR, self.operator_dir), wanted, files)
        arguments = ("--url", self.agent_url, "--tokens", str(tokens), "--jobs", str(jobs))
        command = agent("crowd", *arguments, "--seed", str(self.wishes.seed))
        process = self.agents["crowd"] = self._troupe.start("crowd", command, cwd=self.root, talks=True)
        last = None
        if process.stdout is not None:
            with process.stdout as lines:
                for last in crowd.progress(lines):
                    self.tell(last.sentence())
        if (last is None or not last.over) and not self._troupe.closed:
            raise GovError(f"the crowd did not end well: see {self._troupe.log('crowd')}")
        self._troupe.rest(_READ_SECONDS)
        self.tell("")

    def _serve(self, name: str, place: list[subprocess.Popen[bytes]]) -> None:
        """The executor of one agent."""
        if name == RELEASE:
            self._executor()
            for process in place:
                if process.wait() != 0:
                    raise GovError(f"no repository could be made: see {self._troupe.log('workplace')}")
            self._bot(RELEASE)
        elif name == FINANCE:
            self._counter("ledger", FINANCE, "--book", str(self.book))
        else:
            sink = self._troupe.start(
                "smtp-sink", agent("smtp_sink", "--maildir", str(self.maildir)), cwd=self.root, talks=True
            )
            port = self._troupe.ready("smtp-sink", sink)["port"]
            self._counter("mail-room", MAIL, "--smtp-port", str(port))

    def _workplace(self) -> subprocess.Popen[bytes]:
        if shutil.which("git") is None:
            raise GovError(
                "the demo needs git", hint="install git, or leave release-bot out: --only mail-bot"
            )
        places = (
            *("--remote", str(self.remote), "--checkout", str(self.root / RELEASE / "app")),
            *("--pushed", str(self.root / "executor" / "pushed.json")),
        )
        return self._troupe.start("workplace", agent("workplace", *places), cwd=self.root)

    def _enrol(self, name: str, folder: str, served: str) -> Path:
        """An executor's identity, signed by the operator; the file of its token."""
        token = self.root / folder / "token"
        embedded.run(
            "govd",
            *("executors", "add", name, "--agent", served, "--token-file", str(token)),
            *("--passphrase-file", str(self.passphrase_file), "--as", OPERATOR),
            *("--state", str(self.state), "--operator-dir", str(self.operator_dir)),
        )
        return token

    def _executor(self) -> None:
        token, folder = self._enrol("demo-executor", "executor", RELEASE), self.root / "executor"
        command = (
            *(program("govgate"), "executor", "--url", self.agent_url, "--token-file", str(token)),
            *("--agent", RELEASE, "--socket-dir", str(folder / "sockets")),
            *("--journal", str(folder / "journal")),
        )
        process = self._troupe.start("executor", command, cwd=self.root, talks=True)
        self._troupe.ready("executor", process)

    def _counter(self, name: str, served: str, *more: str) -> None:
        token, folder = self._enrol(name, name, served), self.root / name
        arguments = (
            *("--url", self.agent_url, "--token-file", str(token), "--agent", served),
            *("--socket", str(self._socket(name)), "--journal", str(folder / "journal")),
        )
        command = agent(name.replace("-", "_"), *arguments, *more)
        process = self._troupe.start(name, command, cwd=self.root, talks=True)
        self._troupe.ready(name, process)

    def _socket(self, counter: str) -> Path:
        return self.root / "run" / f"{counter}.sock"

    def _bot(self, name: str, *more: str) -> None:
        """Let an agent work: a process of its own with a token and a socket, nothing else."""
        wishes, folder = self.wishes, self.root / name
        habits = (
            "--seed",
            str(wishes.seed),
            "--pause",
            str(wishes.pause),
            *(["--once"] if wishes.once else []),
        )
        self.agents[name] = process = self._troupe.start(
            name,
            agent(name.replace("-", "_"), *habits, *more),
            talks=True,
            cwd=folder / "app" if name == RELEASE else folder,
            variables={
                "GOVGATE_URL": self.agent_url,
                "GOVGATE_TOKEN_FILE": str(folder / "token"),
                "GOVGATE_EXECUTOR": str(self.root / "executor" / "sockets" / f"{RELEASE}.sock"),
                "GOVGATE_HEADS": str(folder / "heads"),
            },
        )

        listener = threading.Thread(target=self._listen, args=(name, process), daemon=True)
        self._listeners.append(listener)
        listener.start()

    def _listen(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Write down what an agent says; what it says of something done is told."""
        if process.stdout is None:
            return
        with process.stdout as lines, self.log(name).open("ab", buffering=0) as log:
            for line in lines:
                log.write(line)
                words = line.decode(errors="replace").rstrip()
                if words.removeprefix(f"{name}: ").startswith(("✓", "✗")):
                    self._happened(words)

    # For whoever watches

    def wait_for_agents(self) -> int:
        """Return when every agent has ended and all that it said is in its log; the worst exit code."""
        codes = [self.agents[name].wait() for name in self.wishes.only]
        for listener in self._listeners:
            listener.join()
        return max(codes)

    def unlock(self, keys: KeyRing) -> None:
        """Open the vote key: in the demo alone, nobody is asked."""
        keys.unlock(self.passphrase)

    def log(self, name: str) -> Path:
        """What an agent says."""
        return self._troupe.log(name)

    def facts(self) -> str:
        """Where everything is, for whoever drives the demo without a screen."""
        return json.dumps(
            {
                "state": str(self.state),
                "operator_dir": str(self.operator_dir),
                "passphrase_file": str(self.passphrase_file),
                "agent_url": self.agent_url,
                "remote": str(self.remote),
                "maildir": str(self.maildir),
                "ledger": str(self.book),
                "logs": str(self.root / "logs"),
            }
        )

    # Down

    def give_up(self) -> None:
        """Whoever waits for something to come up waits no longer."""
        self.failure = self.failure or ClosedError("the demo is being taken down")
        for event in (self._founded, self._served, self._whole):
            event.set()

    def close(self) -> None:
        """End what was started: the agents first, the backend last."""
        self._troupe.close()
        # Twice: the builder may be in the middle of starting one.
        embedded.end()
        if self._builder.ident is not None:
            self._builder.join()
        embedded.end()

    @staticmethod
    def remove(root: Path) -> None:
        """Take the directory away."""
        shutil.rmtree(root, ignore_errors=True)
