"""Alarms without a screen: listed with what mends them, and seen only by whoever had them printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from govconsole.cli import main
from govd.contract.system import Alarm
from tests.govconsole.conftest import NOW
from tests.govconsole.test_completion import offered, values

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from govconsole.paths import Operator
    from tests.govconsole.fake_backend import FakeBackend

CLOCK, DRAFT, TOLD = (f"0199d9c0-0000-7000-8000-{number:012d}" for number in range(3))


@pytest.fixture
def places(operator: Operator, state: Path) -> list[str]:
    return ["--state", str(state), "--operator-dir", str(operator.directory)]


@pytest.fixture
def run(places: list[str]) -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(main, [*places, "alarms", *arguments])


@pytest.fixture
def alarmed(backend: FakeBackend) -> FakeBackend:
    backend.alarms = [
        Alarm(id=CLOCK, kind="clock-step", subject="clock", message="it stepped", mend="look", raised_at=NOW),
        Alarm(id=DRAFT, kind="policy-draft", subject="policy", message="a \x1b[2J", mend="do", raised_at=NOW),
        Alarm(
            id=TOLD, kind="disk", subject="disk", message="full", mend="rm", raised_at=NOW, seen_by="second"
        ),
    ]
    return backend


def left(backend: FakeBackend) -> list[str]:
    return [one.id for one in backend.alarms]


def test_alarms_are_listed_with_who_saw_them_and_what_mends_them(
    run: Callable[..., Result], alarmed: FakeBackend
) -> None:
    listed = run("list")

    assert listed.exit_code == 0
    assert all(word in listed.stdout for word in (CLOCK, "clock-step", "it stepped", "mend  look"))
    assert "seen by second" in listed.stdout
    assert "\x1b" not in listed.stdout
    assert [one["id"] for one in json.loads(run("list", "--json").stdout)["alarms"]] == left(alarmed)


def test_no_alarm_is_said_on_stderr(run: Callable[..., Result], backend: FakeBackend) -> None:
    del backend
    listed = run("list")
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert "no alarm stands" in listed.stderr
    assert json.loads(run("list", "--json").stdout) == {"alarms": []}
    assert "no alarm stands that nobody has seen" in run("seen", "--all").stderr


@pytest.mark.parametrize("named", [CLOCK, "clock-step"])
def test_one_alarm_is_seen_by_its_id_or_its_kind_and_is_printed(
    run: Callable[..., Result], alarmed: FakeBackend, named: str
) -> None:
    seen = run("seen", named)

    assert (seen.exit_code, seen.stderr) == (0, "govconsole: seen: 1\n")
    assert "it stepped" in seen.stdout
    assert left(alarmed) == [DRAFT, TOLD]


def test_all_are_those_that_nobody_has_seen(run: Callable[..., Result], alarmed: FakeBackend) -> None:
    assert run("seen", "--all").stderr == "govconsole: seen: 2\n"
    assert left(alarmed) == [TOLD]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "name one alarm, or say --all"),
        ([CLOCK, "--all"], 2, "name one alarm, or say --all"),
        (["no-such"], 1, "no alarm of that id or kind stands"),
    ],
)
def test_what_names_no_alarm_marks_none(
    run: Callable[..., Result], alarmed: FakeBackend, arguments: list[str], code: int, says: str
) -> None:
    refused = run("seen", *arguments)
    assert (refused.exit_code, refused.stdout) == (code, "")
    assert says in refused.stderr
    assert len(left(alarmed)) == 3


def test_the_ids_of_unseen_alarms_are_offered_to_a_shell(alarmed: FakeBackend, places: list[str]) -> None:
    del alarmed
    assert values("govconsole", *places, "alarms", "seen") == [CLOCK, DRAFT]
    assert offered("govconsole", *places, "alarms", "seen")[0].help == "clock-step"
