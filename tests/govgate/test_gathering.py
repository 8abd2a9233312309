"""What evidence costs an executor: how often it tries, with how much, and what a stop or a failure leaves."""

from __future__ import annotations

import dataclasses
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.errors import ConflictError, GovError, QuotaError
from govgate.bounded import Bounds
from govgate.evidence import Gatherer, Git
from govgate.executor import Turn
from govgate.git import Repository
from govgate.handing import evidence
from govgate.push import Staging, git_environment
from govgate.settings import Settings
from tests.govgate.test_push_evidence import Desk, git

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from govd.contract.actions import GitPush
    from govgate.bounded import Done


@pytest.fixture
def desk(bench: Any, place: Path) -> Desk:
    return Desk(bench, place)


def nonsense() -> int:
    """A pack that is none."""
    fd = os.memfd_create("nonsense")
    os.write(fd, b"PACK nonsense")
    return fd


class Counting(Gatherer):
    """Counts how often the objects are looked at."""

    looked = 0

    def _compared(self, push: GitPush, pack: int) -> Any:
        self.looked += 1
        os.lseek(pack, 0, os.SEEK_SET)
        return super()._compared(push, pack)


@pytest.mark.threat("T18")
def test_an_executor_looks_at_the_objects_of_one_intent_three_times_and_no_more(desk: Desk):
    """An agent hands over objects that fail after half a minute, again and again."""
    desk.commit("one", a="1\n")
    made = desk.bench.declared("git", "push", "origin", "main", cwd=desk.work)
    gatherer = Counting(desk.bench.executor, Git(), desk.pushed)
    fd = nonsense()
    refused = 0
    for _ in range(6):
        try:
            gatherer.gather(made.view.id, "bot", made.command.git, fd)
        except GovError:
            refused += 1

    assert gatherer.looked == 3
    assert refused >= 3
    with pytest.raises(ConflictError, match="often enough"):
        gatherer.gather(made.view.id, "bot", made.command.git, fd)
    other = desk.bench.declared("git", "push", "origin", "main", cwd=desk.work)
    gatherer.gather(other.view.id, "bot", other.command.git, fd)
    assert gatherer.looked == 4


class Watched(Staging):
    """Notes what git is asked."""

    def __init__(self) -> None:
        super().__init__(git_environment("/", None))
        self.asked: list[Sequence[str]] = []

    def git(self, bounds: Bounds, *arguments: str, stdin: int | bytes = b"") -> Done:
        self.asked.append(arguments)
        return super().git(bounds, *arguments, stdin=stdin)


@pytest.mark.threat("T18")
@pytest.mark.parametrize("single", [True, False])
def test_objects_that_nobody_has_approved_are_unpacked_by_one_thread(desk: Desk, *, single: bool):
    """An agent's held pushes take every core of the executor's machine."""
    # Made here: a time that is counted from when the tests were collected would be over.
    bounds = Bounds.within(60) if single else None
    desk.commit("one", a="1\n")
    push = desk.resolved("main")
    pack = Repository(str(desk.work)).pack(push)

    with Watched() as staging:
        staging.fill(push, pack, bounds)

    os.close(pack)
    assert staging.asked[0][0] == "index-pack"
    assert ("--threads=1" in staging.asked[0]) is single


_ASKED = """\
#!/bin/sh
pid=$PPID
[ "$(cat /proc/$pid/comm)" = git ] || pid=$(ps -o ppid= -p "$pid" | tr -d ' ')
while grep -q '^Max address space *unlimited' "/proc/$pid/limits"; do :; done
exec git-upload-pack "$@"
"""


@pytest.mark.threat("T18")
def test_the_git_that_asks_a_remote_has_no_more_memory_than_the_others(desk: Desk, place: Path):
    """A remote answers with so many references that the executor has no memory left."""
    address = f"file://{desk.remote}"
    git(desk.work, "remote", "set-url", "origin", address)
    desk.commit("one", a="1\n")
    desk.arrive("main")
    desk.commit("two", a="2\n")
    answers = place / "answers"
    answers.write_text(_ASKED)
    answers.chmod(0o755)
    config = place / "executor.config"
    for name, value in (("url", address), ("uploadpack", str(answers))):
        git(place, "config", "--file", str(config), f"remote.{address}.{name}", value)
    made = desk.bench.declared("git", "push", "origin", "main", cwd=desk.work)
    pack = Repository(str(desk.work)).pack(made.command.git)

    Gatherer(desk.bench.executor, Git(config=config), desk.pushed).gather(
        made.view.id, "bot", made.command.git, pack
    )

    os.close(pack)
    # It answers only once the git that asks it is bounded.
    assert desk.bench.govd.evidence[made.view.id].changes[0].base_is == "remote"


def test_who_waits_to_gather_is_sent_away_by_a_stop():
    turn, said = Turn(), []

    def second() -> None:
        try:
            with turn.taken(3600):
                said.append("gathered")
        except ConflictError as error:
            said.append(error.detail)

    with turn.taken(0):
        with pytest.raises(QuotaError, match="other pushes"), turn.taken(0):
            pass
        waiting = threading.Thread(target=second, daemon=True)
        waiting.start()
        turn.end()
        waiting.join()
    with pytest.raises(ConflictError, match="stopping"), turn.taken(3600):
        pass

    assert said == ["this executor is stopping"]


def test_a_turn_goes_to_the_next_who_wants_it():
    turn = Turn()
    for _ in range(2):
        with turn.taken(0):
            pass


def test_a_push_whose_objects_cannot_be_packed_waits_all_the_same_and_says_so(desk: Desk):
    """Its folder is gone, the disk is full, or packing took too long."""
    desk.commit("one", a="1\n")
    made = desk.bench.declared("git", "push", "origin", "main", cwd=desk.work)
    gone = dataclasses.replace(made.command, cwd=str(desk.place / "gone"))

    why = evidence(Settings(desk.bench.govd.url, None), gone, made.view, None, None)

    assert why == "its objects could not be handed over (FileNotFoundError)"
