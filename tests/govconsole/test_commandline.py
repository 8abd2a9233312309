"""The command line: what is typed means one command or none, and every command can be completed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input

from govconsole.actions.everywhere import THEMES
from govconsole.state.commandline import Command, History, beginning, commands, offers, parse
from govd.contract.errors import UsageError
from tests.govconsole.driver import running, screen_text, shows, until
from tests.govconsole.world import job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govconsole.app import ConsoleApp
    from tests.govconsole.fake_backend import FakeBackend

QUEUE = commands("queue")


def arguments(command: Command, typed: str) -> Sequence[str]:
    return beginning(command.action.choices, typed)


def refusal(line: str) -> str:
    try:
        parse(line, QUEUE)
    except UsageError as error:
        return error.detail
    return ""


# What a line means


@pytest.mark.parametrize("command", QUEUE, ids=lambda one: one.name)
def test_every_command_is_found_by_its_name_its_aliases_and_what_stands_behind_it(command: Command) -> None:
    for name in (command.name, *command.action.aliases):
        assert parse(f"  {name} ", QUEUE) == (command, "")
    if command.action.argument:
        assert parse(f"{command.name}   two words ", QUEUE) == (command, "two words")
    else:
        with pytest.raises(UsageError, match="takes nothing behind it"):
            parse(f"{command.name} x", QUEUE)


def test_a_beginning_that_fits_one_command_means_it_and_one_that_fits_two_means_none() -> None:
    assert parse("them light", QUEUE)[0].name == "theme"
    with pytest.raises(UsageError, match=r"begins alarms and approve"):
        parse("a", QUEUE)
    with pytest.raises(UsageError, match="there is no command nope"):
        parse("nope", QUEUE)


def test_q_is_quit_although_queue_begins_so() -> None:
    assert parse("q", QUEUE)[0].full_name == "app.quit"


@given(st.text(max_size=40))
def test_no_line_brings_it_down_and_what_is_refused_is_told_in_printable_words(line: str) -> None:
    assert all(one.line.startswith(line.lstrip().split(" ")[0]) for one in offers(line, QUEUE, arguments))
    with contextlib.suppress(UsageError):
        assert parse(line, QUEUE)[0] in QUEUE
    assert refusal(line).isprintable()


def test_every_command_is_offered_and_each_offer_means_the_command_that_it_names() -> None:
    found = offers("", QUEUE, arguments)
    assert [one.line.strip() for one in found] == [command.name for command in QUEUE]
    for offer in found:
        assert parse(offer.line, QUEUE)[0].name == offer.line.strip()


def test_arguments_are_completed_behind_their_command() -> None:
    assert [one.line for one in offers("theme ", QUEUE, arguments)] == [f"theme {name}" for name in THEMES]
    assert [one.line for one in offers("theme h", QUEUE, arguments)] == ["theme high-contrast"]
    assert offers("quit ", QUEUE, arguments) == []
    assert [one.shown for one in offers("filter ", QUEUE, lambda *_: [])] == ["filter EXPR"]
    assert offers("filter x", QUEUE, lambda *_: []) == []
    assert offers("nope x", QUEUE, arguments) == []


# What was entered before


def test_the_lines_before_come_back_and_what_was_typed_stays_at_the_end() -> None:
    history = History(["view all"])
    history.add("theme light")
    history.add("  ")
    assert history.older("vi") == "theme light"
    assert history.older("theme light") == "view all"
    assert history.older("view all") == "view all"
    assert history.newer("view all") == "theme light"
    assert history.newer("theme light") == "vi"
    assert history.newer("vi") == "vi"


@given(st.lists(st.text(max_size=5), max_size=30))
def test_a_line_that_is_entered_again_is_kept_once_as_the_last(lines: list[str]) -> None:
    history = History()
    for line in lines:
        history.add(line)
    assert len(set(history.lines)) == len(history.lines)
    entered = [line for line in lines if line.strip()]
    assert not entered or history.lines[-1] == entered[-1]


# On the screen


async def test_a_command_is_completed_by_tab_and_run_by_enter(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(job("still held"))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("colon")
        await shows(pilot, "approve", "List the alarms")
        await pilot.press("t", "h", "tab")
        await shows(pilot, ":theme", "colour-blind")
        await pilot.press("tab", "tab")
        await shows(pilot, ":theme light")
        await pilot.press("shift+tab")
        await shows(pilot, ":theme dark")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: app.theme == "govconsole-light", "the light theme")
        assert app.screen is app.view


async def test_the_ghost_behind_the_cursor_is_taken_by_the_right_arrow(app: ConsoleApp) -> None:
    async with running(app) as pilot:
        await pilot.press("colon", *"theme hi")
        await shows(pilot, ":theme high-contrast")
        await pilot.press("right", "enter")
        await until(pilot, lambda: app.theme == "govconsole-high-contrast", "the theme")


async def test_the_lines_before_come_back_by_the_arrows(app: ConsoleApp) -> None:
    async with running(app) as pilot:
        await pilot.press("colon", *"theme light", "enter")
        await until(pilot, lambda: app.theme == "govconsole-light", "the light theme")
        await pilot.press("colon", "x", "up")
        await shows(pilot, ":theme light")
        await pilot.press("down")
        await shows(pilot, ":x")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.view, "the queue in front")


async def test_a_command_that_is_not_there_or_does_not_work_now_says_why(app: ConsoleApp) -> None:
    async with running(app) as pilot:
        await pilot.press("colon", *"nope", "enter")
        await shows(pilot, "there is no command nope")
        await pilot.press("colon", *"lock", "enter")
        await shows(pilot, "lock: the vote key is locked")
        await pilot.press("colon", *"theme mauve", "enter")
        await shows(pilot, "there is no theme mauve")
        await pilot.press("colon", "enter")
        await until(pilot, lambda: app.screen is app.view, "the queue in front")


@pytest.mark.parametrize(("typed", "known"), [("view bogus", "held"), ("sort bogus", "risk")])
async def test_a_word_behind_a_command_that_is_none_is_said_with_those_that_are(
    app: ConsoleApp, backend: FakeBackend, typed: str, known: str
) -> None:
    backend.put(job("still there"))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("colon")
        app.screen.query_one(Input).value = typed
        await pilot.press("enter")
        await shows(pilot, "there is no bogus", f"{known}, ", "still there")


async def test_a_verb_by_its_name_opens_the_same_dialog_as_its_key(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.put(job("by name"))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("colon", *"deny", "enter")
        await shows(pilot, "Deny: by name", "You sign this with your vote key")


async def test_keys_of_the_queue_do_nothing_below_the_line_and_a_click_beside_it_leaves(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.put(job("below"))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("colon", "a")
        await shows(pilot, ":a")
        assert "You sign this" not in screen_text(app)
        await pilot.click(offset=(5, 5))
        await until(pilot, lambda: app.screen is app.view, "the queue in front")


async def test_a_completion_is_taken_by_a_click(app: ConsoleApp, backend: FakeBackend) -> None:
    del backend
    async with running(app) as pilot:
        await pilot.press("colon", *"theme ")
        await shows(pilot, "high-contrast")
        rows = screen_text(app).split("\n")
        place = next((row.index("high-contrast"), y) for y, row in enumerate(rows) if "high-contrast" in row)
        await pilot.click(offset=place)
        await shows(pilot, ":theme high-contrast")
