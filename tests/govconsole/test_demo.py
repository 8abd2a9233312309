"""The demo and the embedded backend: everything real, each agent and each executor a process of its own."""

from __future__ import annotations

import email
import email.policy
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
from govconsole.programs import program
from govd.contract.errors import RedeemRefusedError
from govdemo.counter import hand_over
from tests.support import needs

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

    def held(self) -> dict[str, Any]:
        """The first job that waits: looked for until it is there."""
        while self.process.poll() is None:
            jobs = json.loads(self.console("jobs", "list", "--json").stdout)["jobs"]
            if jobs:
                found: dict[str, Any] = jobs[0]
                return found
        raise AssertionError(f"the demo ended: {self.process.communicate()}")

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


def test_the_demo_pushes_nothing_without_an_approval_and_exactly_once_with_it(short: Path) -> None:
    with demo(short / "d", "--once", "--only", "release-bot") as running:
        job = running.held()
        assert job["title"] == "Push release 1.1.0"
        told = ""
        while "shop/invoice.py" not in told:  # the evidence comes a moment after the job
            told = running.console("jobs", "show", job["id"]).stdout
            assert running.process.poll() is None, told
        assert "1 commit" in told, "compared with what stood there, not with nothing"
        assert "shop/health.py" not in told
        assert running.pushed() == 1
        running.vote("approve", job["id"])
        code, said = running.ended()
        assert code == 0, said
        assert "release 1.1.0: pushed" in said
        assert running.pushed() == 2


def test_the_demo_pushes_nothing_after_a_denial(short: Path) -> None:
    with demo(short / "d", "--once", "--only", "release-bot") as running:
        running.vote("deny", running.held()["id"], "--guidance", "not on a Friday")
        code, said = running.ended()
        assert code == 77, said
        assert running.pushed() == 1


def test_an_approved_mail_arrives_exactly_once_and_as_it_was_approved(short: Path) -> None:
    with demo(short / "d", "--only", "mail-bot") as running:
        job = running.held()
        [intent] = running.show(job["id"])["hold"]["intents"]
        assert running.mails() == []
        running.vote("approve", job["id"])
        log = short / "d" / "logs" / "mail-bot.log"
        while "is out" not in log.read_text():
            assert running.process.poll() is None
        with pytest.raises(RedeemRefusedError):
            hand_over(short / "d" / "run" / "mail-room.sock", intent["id"])
        [mail] = running.mails()
        wanted = intent["action"]["arguments"]
        assert (mail["To"], mail["Subject"]) == (wanted["to"], wanted["subject"])
        assert mail.get_content() == wanted["body"]


def test_a_denied_mail_never_leaves(short: Path) -> None:
    with demo(short / "d", "--once", "--only", "mail-bot") as running:
        running.vote("deny", running.held()["id"], "--guidance", "ask them first")
        code, said = running.ended()
        assert code == 77, said
        assert "ask them first" in said
        assert running.mails() == []


def test_policy_pays_what_is_small_a_person_what_is_large_and_nobody_what_is_beyond_all_bounds(
    short: Path,
) -> None:
    with demo(short / "d", "--once", "--only", "finance-bot") as running:
        job = running.held()
        assert job["title"] == "Pay the open Q4 invoices"
        held = running.show(job["id"])["hold"]["intents"]
        wanted = [item["action"]["arguments"] for item in held]
        running.vote("approve", job["id"])
        code, said = running.ended()
        assert code == 0, said
        booked = running.booked()
        large = [(item["to"], item["amount"]) for item in wanted]
        assert [entry for entry in booked if entry in large] == large, "each once, in order"
        assert len(booked) == 5 + 3, "four invoices and a refund by policy, three invoices by a vote"
        assert "480000.00" not in {amount for _, amount in booked}
        assert "bank.transfer: denied; not done" in said


def test_a_denied_transfer_is_never_booked(short: Path) -> None:
    with demo(short / "d", "--once", "--only", "finance-bot") as running:
        running.vote("deny", running.held()["id"])
        code, said = running.ended()
        assert code == 77, said
        assert len(running.booked()) == 5, "what policy alone had approved"


def test_the_same_seed_declares_the_same_things(short: Path) -> None:
    def declared(folder: str) -> list[Any]:
        with demo(short / folder, "--once", "--seed", "7", "--only", "finance-bot") as running:
            running.held()
            jobs = json.loads(running.console("jobs", "list", "--state", "all", "--json").stdout)["jobs"]
            found = [running.show(job["id"]) for job in sorted(jobs, key=lambda one: str(one["id"]))]
            return [(job["title"], job["purpose"], _actions(job)) for job in found[:3]]

    assert declared("a") == declared("b")


def _actions(job: dict[str, Any]) -> list[Any]:
    held = job["hold"]["intents"] if job["hold"] else []
    return [intent["action"] for intent in (*held, *job["settled"])]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
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
