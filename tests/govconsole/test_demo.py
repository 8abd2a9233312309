"""The demo and the embedded backend: everything real, each agent and each executor a process of its own."""

from __future__ import annotations

import email
import email.policy
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from govconsole import embedded
from govconsole.demo.stage import OPERATOR
from govconsole.paths import socket_path
from govconsole.programs import program
from govd.contract.errors import RedeemRefusedError
from govdemo import content
from govdemo.counter import hand_over
from tests.support import needs
from tests.support.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage


@dataclass
class Demo:
    """A demo that runs without a screen, and the headless twin pointed at it."""

    process: subprocess.Popen[str]
    root: Path
    facts: dict[str, str]

    def console(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        places = ("--state", self.facts["state"], "--operator-dir", self.facts["operator_dir"])
        return subprocess.run(
            [program("govconsole"), *places, *arguments], capture_output=True, text=True, check=False
        )

    def operator(self) -> Operator:
        """The operator of the demo, at the door itself."""
        state, passphrase = Path(self.facts["state"]), Path(self.facts["passphrase_file"])
        directory = Path(self.facts["operator_dir"])
        return Operator(OPERATOR, socket_path(state), directory, passphrase.read_bytes().strip())

    def held(self, agents: int = 3) -> dict[str, str]:
        """The first job of each agent that waits, by its title: looked for until they are there."""
        with self.operator() as operator, operator.http.stream("GET", "/v1/events") as news:
            for _ in itertools.chain([""], news.iter_lines()):
                found = {job.agent: job for job in reversed(operator.queue().jobs)}
                if len(found) == agents:
                    return {job.title: job.id for job in found.values()}
        raise AssertionError(f"the demo ended: {self.process.communicate()}")

    def said(self, agent: str, words: str) -> None:
        """Come back when an agent has said that."""
        log = self.root / "logs" / f"{agent}.log"
        while words not in log.read_text():
            assert self.process.poll() is None, log.read_text()

    def show(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.console("jobs", "show", job, "--json").stdout)
        return found

    def vote(self, verb: str, job: str, *more: str) -> None:
        token = self.show(job)["review_token"]
        words = ("--token", token, "--reason", "tried", "--passphrase-file", self.facts["passphrase_file"])
        done = self.console(verb, job, *words, *more)
        assert done.returncode == 0, done.stderr

    def ended(self) -> tuple[int, str]:
        """Wait for the agents; the exit code and what they said."""
        _, err = self.process.communicate()
        return self.process.returncode, err

    def pushed(self) -> int:
        """How many commits the bare remote has on main."""
        git = needs.program("git")
        told = subprocess.run(
            [git, "-C", self.facts["remote"], "rev-list", "--count", "main"], capture_output=True, check=True
        )
        return int(told.stdout)

    def mails(self) -> list[EmailMessage]:
        """Every mail that the mail server has."""
        files = sorted(Path(self.facts["maildir"]).glob("new/*"))
        return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]

    def booked(self) -> list[tuple[str, str]]:
        """(recipient, amount) of every entry of the ledger."""
        book = Path(self.facts["ledger"])
        if not book.exists():
            return []
        with closing(sqlite3.connect(book)) as connection:
            return connection.execute("SELECT recipient, amount FROM transfers ORDER BY rowid").fetchall()


@contextmanager
def demo(directory: Path, *options: str) -> Iterator[Demo]:
    needs.program("git")
    command = [program("govconsole"), "demo", "--no-ui", "--dir", str(directory), *options]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Demo(process, directory, _facts(process))
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


RELEASE, MAIL, PAYMENTS = (
    "Push release 1.1.0",
    "Tell the customers about release 1.1",
    "Pay the open Q4 invoices",
)


def test_what_a_person_approves_is_done_exactly_once_and_as_it_was_approved(short: Path) -> None:
    with demo(short / "d", "--once") as running, running.operator() as operator:
        jobs = running.held()
        assert set(jobs) == {RELEASE, MAIL, PAYMENTS}
        assert running.pushed() == 1
        assert running.mails() == []

        [letter] = shown(operator, jobs[MAIL])
        operator.approve(jobs[MAIL])
        running.said("mail-bot", "is out")
        with pytest.raises(RedeemRefusedError):
            hand_over(short / "d" / "run" / "mail-room.sock", letter["id"])
        [mail] = running.mails()
        wanted = letter["action"]["arguments"]
        assert (mail["To"], mail["Subject"]) == (wanted["to"], wanted["subject"])
        assert mail.get_content() == wanted["body"]

        large = [item["action"]["arguments"] for item in shown(operator, jobs[PAYMENTS])]
        running.vote("approve", jobs[PAYMENTS])

        told = ""
        while "shop/invoice.py" not in told:  # the evidence comes a moment after the job
            told = running.console("jobs", "show", jobs[RELEASE]).stdout
            assert running.process.poll() is None, told
        assert "1 commit" in told, "compared with what stood there, not with nothing"
        assert "shop/health.py" not in told
        running.vote("approve", jobs[RELEASE])

        code, said = running.ended()
        assert code == 0, said
        assert "release 1.1.0: pushed" in said
        assert "bank.transfer: denied; not done" in said
        assert running.pushed() == 2
        assert len(running.mails()) == 1
        booked = running.booked()
        paid = [(item["to"], item["amount"]) for item in large]
        assert [entry for entry in booked if entry in paid] == paid, "each once, in order"
        assert len(booked) == 5 + 3, "four invoices and a refund by policy, three invoices by a vote"
        assert "480000.00" not in {amount for _, amount in booked}


def test_what_a_person_denies_is_never_done_and_the_seed_says_what_was_asked(short: Path) -> None:
    with demo(short / "d", "--once", "--seed", "7") as running, running.operator() as operator:
        jobs = running.held()
        made = next(errand for errand in content.payments(7) if errand.title == PAYMENTS)
        asked = [item["action"] for item in shown(operator, jobs[PAYMENTS])]
        assert [(one["tool"], one["arguments"]) for one in asked] == [
            (call.tool, call.arguments) for call in made.calls
        ]
        operator.deny(jobs[MAIL], guidance="ask them first")
        operator.deny(jobs[PAYMENTS])
        running.vote("deny", jobs[RELEASE], "--guidance", "not on a Friday")
        code, said = running.ended()
        assert code == 77, said
        assert "ask them first" in said
        assert running.pushed() == 1
        assert running.mails() == []
        assert len(running.booked()) == 5, "what policy alone had approved"


def shown(operator: Operator, job: str) -> list[dict[str, Any]]:
    """What is held of a job, as a person sees it."""
    hold = operator.open(job).hold
    assert hold is not None
    return [item.model_dump(mode="json") for item in hold.intents]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])  # SIGTERM comes at worse moments, below
def test_the_demo_ends_everything_that_it_started_when_it_is_told_to(short: Path, number: int) -> None:
    with demo(short / "d") as running:
        running.held()
        started = _processes_about(short / "d")
        assert len(started) >= 8, "backend, three agents, a gate, two counters, an executor, a mail server"
        running.process.send_signal(number)
        running.process.communicate()
        assert running.process.returncode == (130 if number == signal.SIGINT else 128 + number)
        assert _processes_about(short / "d") == []


@pytest.mark.parametrize("there", ["logs/workplace.log", "state/govd.toml", "state/run/operators.sock"])
def test_a_demo_that_is_stopped_while_it_starts_leaves_neither_process_nor_directory(
    short: Path, there: str
) -> None:
    command = [program("govconsole"), "demo", "--no-ui"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env=os.environ | {"TMPDIR": str(short)}
    ) as process:
        while not list(short.glob(f"govconsole-demo-*/{there}")):
            assert process.poll() is None
        process.terminate()
        assert process.wait() == 128 + signal.SIGTERM
        assert _processes_about(short) == []
        assert list(short.iterdir()) == []


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
