"""The demo's tour: it follows what the operator does, names his own keys, and never stands in his way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govconsole.actions.model import Situation
from govconsole.actions.registry import SCOPES
from govconsole.app import ConsoleApp
from govconsole.keymap import Keymap
from govconsole.state.tour import STEPS, Tour
from tests.govconsole.driver import queue_of, running, screen_text, shows, until
from tests.govconsole.world import job

if TYPE_CHECKING:
    from collections.abc import Callable

    from govconsole.session import Session
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend

DEEDS = sorted({deed for step in STEPS for deed in step.deeds})
NAMES = {f"{scope.id}.{action.id}" for scope in SCOPES.values() for action in scope.actions}
OUTSIDE = {"job", "picked", "vote.approve", "vote.deny", "vote.deny_with_guidance"}


def words(tour: Tour, situation: Situation | None = None) -> str:
    rows = tour.rows(situation or Situation(), Keymap().first)
    return "\n".join("".join(span.text for span in row) for row in rows)


def test_every_deed_and_every_key_of_the_tour_is_one_that_exists() -> None:
    assert set(DEEDS) - OUTSIDE - NAMES == set()
    named = {name for step in STEPS for name in re.findall(r"{([^}]*)}", step.words + step.instead)}
    assert named <= NAMES


def test_each_step_ends_by_its_own_deed_and_the_last_one_ends_the_tour() -> None:
    tour = Tour()
    for number, step in enumerate(STEPS):
        assert tour.at == number
        tour.did(min(step.deeds))
    assert not tour.on
    assert words(tour) == ""


def test_whoever_does_a_later_thing_first_needs_no_word_about_the_earlier_ones() -> None:
    tour = Tour()
    tour.did("vote.approve")
    assert "Stop another" in words(tour)


@given(deeds=st.lists(st.sampled_from([*DEEDS, "queue.sort", "nothing known"]), max_size=40))
def test_the_tour_never_goes_back_by_itself(deeds: list[str]) -> None:
    tour = Tour()
    for deed in deeds:
        before = tour.at
        tour.did(deed)
        assert before <= tour.at <= len(STEPS)


def test_the_words_carry_the_operators_own_keys() -> None:
    tour = Tour(at=next(at for at, step in enumerate(STEPS) if "vote.approve" in step.deeds))
    own = Keymap({"queue.approve": ("ctrl+a",)})
    assert "ctrl+a shows what you would sign" in "".join(
        span.text for span in tour.rows(Situation(), own.first)[0]
    )
    assert "cannot be undone" in words(tour, Situation(unread=True))


def test_what_the_stage_says_outlives_the_tour() -> None:
    tour = Tour()
    tour.tell("1,200 of 100,000 jobs declared")
    tour.end()
    assert words(tour) == "⋯ 1,200 of 100,000 jobs declared"
    tour.tell("")
    assert words(tour) == ""


def test_what_an_agent_did_is_told_while_the_tour_goes_on() -> None:
    tour = Tour()
    tour.heard("mail-bot: ✓ the mail is out")
    assert words(tour).endswith("\nmail-bot: ✓ the mail is out")
    tour.end()
    assert words(tour) == ""
    assert tour.errands == ["mail-bot: ✓ the mail is out"]


def test_only_so_much_is_told_when_the_demo_is_over() -> None:
    tour = Tour()
    for number in range(100):
        tour.heard(f"finance-bot: ✓ entry {number}")
    assert len(tour.errands) == 30
    assert tour.errands[-1] == "finance-bot: ✓ entry 99"


@pytest.fixture
def guided(session: Session) -> ConsoleApp:
    return ConsoleApp(session, tour=Tour())


async def test_the_tour_goes_on_by_real_keys_until_its_end(
    guided: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    backend.put(job("first", risk=90), job("second", risk=10))
    unlocked()
    async with running(guided) as pilot:
        await shows(pilot, "New jobs wait below the list", "first", "second")
        await pilot.press("j")
        await shows(pilot, "Beside it: the agent's words")
        await pilot.press("enter")
        await shows(pilot, "Let one run: a shows")
        await pilot.press("escape", "a")
        await shows(pilot, "You sign this")
        clock.advance(1)
        await pilot.press("y")
        await shows(pilot, "Stop another: d denies")
        await pilot.press("k", "d")
        await shows(pilot, "Deny: first")
        clock.advance(1)
        await pilot.press("y", *"no", "ctrl+y")
        await shows(pilot, "That is all it takes")
        await pilot.press("question_mark")
        await shows(pilot, "Keys ▸ Queue")
        await pilot.press("escape")
        await until(pilot, lambda: "ends the tour" not in screen_text(guided))


async def test_escape_ends_the_tour_once_there_is_nothing_else_to_leave(
    guided: ConsoleApp, backend: FakeBackend
) -> None:
    backend.put(job("first"))
    async with running(guided) as pilot:
        await shows(pilot, "New jobs wait below the list")
        await pilot.press("enter")
        await until(pilot, lambda: queue_of(guided).has_class("-zoom"))
        await pilot.press("escape")
        await until(pilot, lambda: not queue_of(guided).has_class("-zoom"))
        await shows(pilot, "ends the tour")
        await pilot.press("escape")
        await until(pilot, lambda: "ends the tour" not in screen_text(guided))


async def test_a_command_ends_the_tour_and_begins_it_again(guided: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(job("first"))
    async with running(guided, size=(80, 24)) as pilot:
        await shows(pilot, "ends the tour")
        await pilot.press("colon", *"tour off", "enter")
        await until(pilot, lambda: "ends the tour" not in screen_text(guided))
        await pilot.press("f2")
        await shows(pilot, "ends the tour")


async def test_without_a_demo_there_is_no_tour(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(job("first"))
    async with running(app) as pilot:
        await shows(pilot, "first")
        assert "ends the tour" not in screen_text(app)
        await pilot.press("f2")
        await shows(pilot, "the tour belongs to govconsole demo")
