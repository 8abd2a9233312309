"""SIGKILL at random moments under load from 16 clients: what was acknowledged stays, and nothing runs twice.

GOV_FAULT_SEED repeats the choices of a run. `make soak` runs the same code for longer.
"""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from govd.contract.money import MICRO
from govd.storage.engine import make_engine, parse_url
from tests.fault.books import Books, Keys, check_amounts, check_caps, check_history, check_journal, check_log
from tests.fault.clients import Declarer, Power, Worker, World
from tests.fault.journal import same_decision
from tests.fault.people import Reviewer, Runner
from tests.fault.policies import COUNT_CAP, USD_CAP, mixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from tests.support.govd_process import GovdProcess

AGENTS = ("ada", "ben", "cyd")
EXECUTORS = ("runner", "walker")
KILLS_PER_STATE = 25
FULL_SOAK = 30
"""Minutes."""
"""Then a soak begins with a fresh state: an ever longer log to check would leave no time to kill."""


@dataclass
class Campaign:
    """One state, its clients, and the one who kills it."""

    govd: GovdProcess
    seed: int

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)  # noqa: S311 - repeatable choices, no secrets
        self.world = World(self.govd, self.seed)
        self.engine: Engine = make_engine(parse_url(f"sqlite:///{self.govd.state / 'govd.db'}"), writer=False)
        self.keys = Keys(self.govd.state)
        self.read_back: set[str] = set()
        self.checker = {name: self.govd.agent(name) for name in AGENTS}
        for name in EXECUTORS:
            self.govd.executor(name, AGENTS)

    def clients(self) -> list[Worker]:
        """Sixteen of them."""
        world = self.world
        return [
            *(Declarer(world, AGENTS[number % len(AGENTS)], number) for number in range(10)),
            *(Reviewer(world, number) for number in range(2)),
            *(Runner(world, EXECUTORS[number % len(EXECUTORS)], number) for number in range(4)),
        ]

    def run(self, kills: int) -> None:
        """Kill so often."""
        power = self.world.power
        workers = self.clients()
        power.switch(up=True)
        for worker in workers:
            worker.start()
        try:
            for _ in range(kills):
                self.kill(power)
        finally:
            power.end()
            for worker in workers:
                worker.join(60)
        assert not (stuck := [worker for worker in workers if worker.is_alive()]), where(stuck)
        self.check()
        self.check_spent()
        self.check_decisions()
        self.govd.stop()
        self.check()
        self.engine.dispose()

    def kill(self, power: Power) -> None:
        """Kill after a random number of answers, start again, and look at what is left."""
        assert power.until_answers(self.rng.randint(1, 400)), f"no answers: {self.world.journal.wrong}"
        # Not always at the moment of an answer: somewhere within the work on the next ones.
        time.sleep(self.rng.random() * 0.004)
        power.switch(up=False)
        self.govd.kill()
        if self.rng.random() < 0.2:
            self.kill_while_starting()
        self.govd.serve()
        assert self.govd.ready["halted"] is None
        self.check()
        power.switch(up=True)

    def kill_while_starting(self) -> None:
        """A start that is killed as well must leave nothing that the next start cannot mend."""
        process = self.govd.spawn()
        try:
            process.wait(self.rng.uniform(0.0, 0.4))
        except subprocess.TimeoutExpired:
            self.govd.kill()
            return
        raise AssertionError(f"govd ended by itself: {self.govd.log()[-2000:]}")

    def check(self) -> None:
        """Log, tables, caps and journal."""
        check_log(self.govd.state / "audit", self.engine)
        books = Books.read(self.engine)
        check_history(books)
        check_journal(books, self.world.journal, self.keys)
        check_caps(books, {"searches-daily": COUNT_CAP, "payments-daily": USD_CAP * MICRO})
        capped = {"search.web": ("searches-daily", "count"), "pay.vendor": ("payments-daily", "usd")}
        check_amounts(books, self.world.journal, self.keys, capped)
        if self.govd.process is not None:
            self.check_decisions()

    def check_decisions(self) -> None:
        """What was decided since the last look reads back as it was answered, or the log says otherwise."""
        log = Books.read(self.engine).log
        again = {entry["job_id"] for entry in log if entry["type"] == "hold.reevaluated"}
        for key, view in list(self.world.journal.decided.items()):
            if key not in self.read_back:
                found = self.checker[view["agent"]].http.get(f"/v1/intents/{view['id']}")
                assert found.status_code == 200
                assert same_decision(view, found.json(), again=view["job"] in again)
                self.read_back.add(key)

    def check_spent(self) -> None:
        """Nothing that was redeemed can be redeemed again."""
        clients = {
            name: self.govd.client(name, self.govd.root / "tokens" / f"{name}.token") for name in EXECUTORS
        }
        for intent, (attestation, digest, executor) in list(self.world.journal.attestations.items())[-200:]:
            http = clients[executor].http
            body = {"attestation": attestation, "intent_sha256": digest}
            assert http.post("/v1/attestations/redeem", json=body).status_code in {403, 409}
            assert http.post(f"/v1/intents/{intent}/attestation").status_code in {403, 409}


def where(workers: list[Worker]) -> str:
    """What clients that do not end are at: which request has had no answer for a minute."""
    frames = sys._current_frames()  # noqa: SLF001 - the documented way to another thread's stack
    return "\n".join(
        f"{worker.name}: {worker.asking}\n{''.join(traceback.format_stack(frames[worker.ident], 12))}"
        for worker in workers
        if worker.ident in frames
    )


def kill_often(govd_at: Callable[..., GovdProcess], seed: int, kills: int) -> str:
    """Kills on fresh states, one after the other, until there were so many of them; and what was seen."""
    decisions = redeemed = votes = lost = 0
    for done in range(0, kills, KILLS_PER_STATE):
        govd = govd_at(policy=mixed())
        campaign = Campaign(govd, seed + done)
        campaign.run(min(KILLS_PER_STATE, kills - done))
        journal = campaign.world.journal
        decisions += len(journal.decided)
        redeemed += len(journal.redeemed)
        votes += len(journal.votes)
        lost += campaign.world.power.lost
    figures = f"{decisions} decisions, {redeemed} redeemed, {votes} votes, {lost} lost answers"
    assert decisions
    assert redeemed
    assert votes
    return figures


def in_a_soak(kills: int) -> int:
    """So many in a soak of half an hour or more, in a shorter one its share of them."""
    share = float(os.environ.get("GOV_SOAK_MINUTES", FULL_SOAK)) / FULL_SOAK
    return math.ceil(kills * min(share, 1))


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(20, marks=pytest.mark.timeout(1800)),
        pytest.param(in_a_soak(500), marks=[pytest.mark.soak, pytest.mark.timeout(0)], id="soak"),
    ],
)
# httpcore leaves a Unix socket to the garbage collector when nobody answers at it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_killed_at_any_moment_govd_forgets_nothing_that_it_said_and_redeems_nothing_twice(
    govd_at: Callable[..., GovdProcess], capsys: pytest.CaptureFixture[str], kills: int
):
    seed = int(os.environ.get("GOV_FAULT_SEED", random.SystemRandom().randrange(2**32)))
    with capsys.disabled():
        print(f"\nkill test: GOV_FAULT_SEED={seed}")  # noqa: T201 - repeats a run
    figures = kill_often(govd_at, seed, kills)
    with capsys.disabled():
        print(f"kill test: {kills} kills, {figures}")  # noqa: T201 - what make soak reports
