"""What every screen has: header, footer, palette, help, alarms, copy, pictures, and the mouse for it."""

from __future__ import annotations

import base64
import re
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from textual import events
from textual.app import App
from textual.command import CommandList
from textual.widgets import Static

from govconsole.actions.model import Situation
from govconsole.actions.registry import SCOPES, Scope
from govconsole.app import ConsoleApp
from govconsole.screens.alarms import AlarmsScreen
from govconsole.screens.clipboard import MAX_BYTES, copy
from govconsole.screens.reader import Reader
from govconsole.screens.view import View
from govconsole.settings import Settings
from govd.contract.system import Alarm
from tests.govconsole.driver import queue_of, running, screen_text, shows, until
from tests.govconsole.world import NOW, held_decision, intent, job, new_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from govconsole.session import Session
    from govconsole.shell import Shell
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend

HOSTILE = "\x1b]0;owned\x07 run\u202eme \x9b31m [@click=app.quit]x[/]"


def alarm(number: str, kind: str = "disk", message: str = "the disk is full") -> Alarm:
    return Alarm(
        id=number,
        kind=kind,
        subject="/srv/govd",
        message=message,
        mend=f"govd mend {number}",
        raised_at=NOW - timedelta(hours=2),
    )


def place_of(app: App[None], text: str) -> tuple[int, int]:
    """Where a text stands on the screen."""
    rows = screen_text(app).split("\n")
    return next((row.index(text), y) for y, row in enumerate(rows) if text in row)


def offered(app: App[None]) -> str:
    """What enter would run of the palette's list."""
    option = app.screen.query_one(CommandList).highlighted_option
    return "" if option is None else str(option.prompt)


# Header


async def test_the_header_says_where_who_how_locked_which_policy_how_many_and_until_when(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    backend.put(job())
    async with running(app, size=(140, 36)) as pilot:
        await shows(pilot, "govconsole ▸ Queue", "● embedded", "held 1 · next 2", "anna key locked")
        await shows(pilot, "policy default 3f9c2a")
        unlocked()
        clock.advance(60)
        queue_of(app).draw_chrome()
        await shows(pilot, "✓ key unlocked 29 min")


@pytest.mark.parametrize(("width", "rows"), [(80, 1), (120, 1), (50, 3)])
async def test_the_header_takes_one_row_where_it_fits_and_loses_nothing_where_it_does_not(
    app: ConsoleApp, backend: FakeBackend, width: int, rows: int
) -> None:
    backend.put(job())
    backend.alarms = [alarm("1")]
    async with running(app, size=(width, 24)) as pilot:
        await shows(pilot, "⚠ 1")
        top = "\n".join(screen_text(app).split("\n")[:rows])
        for word in ("Queue", "embedded", "⚠ 1", "held 1", "anna", "locked", "3f9c2a"):
            assert word in top


# Footer and mouse


async def test_a_key_in_the_footer_can_be_clicked(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(job("clicked"))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held", "d deny")
        await pilot.click(offset=place_of(app, "deny"))
        await shows(pilot, "Deny: clicked")


async def test_a_click_on_a_verb_that_does_not_work_is_not_possible_and_the_footer_says_why(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    del backend
    async with running(app) as pilot:
        await shows(pilot, "no verbs: no job is under the cursor")
        assert "a approve" not in screen_text(app)


async def test_a_verb_that_waits_for_something_says_for_what_on_a_narrow_terminal_too(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    name = new_id()
    decision = held_decision().model_copy(update={"effect": "irreversible"})
    purpose = "\n".join(f"line {number}" for number in range(60))
    backend.put(job(purpose=purpose, job_id=name, intents=[intent(name, decision=decision)]))
    async with running(app, size=(80, 24)) as pilot:
        await shows(pilot, "d deny  g guide  ? help", "no approve: ◆")
        assert "a approve" not in screen_text(app)


async def test_the_alarm_in_the_header_and_the_one_under_it_can_be_clicked(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.alarms = [alarm("1")]
    async with running(app) as pilot:
        for text in ("⚠ 1 alarm", "mend: govd mend 1"):
            await shows(pilot, text)
            await pilot.click(offset=place_of(app, text))
            await until(pilot, lambda: isinstance(app.screen, AlarmsScreen), "the alarms")
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.view, "the queue in front")


async def test_the_wheel_scrolls_the_text_beside_the_list(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(job())
    async with running(app, size=(80, 24)) as pilot:
        await shows(pilot, "Purpose, in the agent's words")
        pane = queue_of(app).query_one("#detail")
        wheel: list[type[events.MouseEvent]] = [events.MouseScrollDown]
        await pilot._post_mouse_events(wheel, pane, offset=(5, 3))  # noqa: SLF001 - the pilot has no wheel
        await until(pilot, lambda: pane.scroll_offset.y > 0, "the text further down")


# Alarms


async def test_alarms_stay_in_the_header_until_they_are_seen_and_in_the_list_until_they_are_mended(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.alarms = [alarm("1"), alarm("2", "anchor", "not written for 26 h")]
    async with running(app) as pilot:
        await shows(pilot, "⚠ 2 alarms", "the disk is full", "mend: govd mend 1")
        await pilot.press("exclamation_mark")
        await shows(pilot, "Alarms ▸ 2, 2 not seen", "not written for 26 h", "govd mend 2", "2 h ago")
        await pilot.press("j", "y")
        await shows(pilot, "copied the mending command: govd mend 2")
        await pilot.press("x")
        await until(pilot, lambda: [one.id for one in backend.alarms] == ["1"], "the second one seen")
        await pilot.press("escape")
        await shows(pilot, "⚠ 1 alarm")
        await pilot.press("exclamation_mark", "X")
        await until(pilot, lambda: not backend.alarms, "all seen")
        await shows(pilot, "No alarm stands.")
        await pilot.press("escape")
        await until(pilot, lambda: "⚠" not in screen_text(app), "a header without alarms")


async def test_an_alarm_that_was_seen_is_listed_with_who_saw_it(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.alarms = [alarm("1").model_copy(update={"seen_by": "ben"})]
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        assert "⚠" not in screen_text(app)
        await pilot.press("exclamation_mark")
        await shows(pilot, "Alarms ▸ 1, 0 not seen", "✓ seen by ben")


async def test_without_an_alarm_the_key_says_so(app: ConsoleApp, backend: FakeBackend) -> None:
    del backend
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await pilot.press("exclamation_mark")
        await shows(pilot, "alarms: no alarm stands")


# Palette and help


async def test_the_palette_finds_an_action_by_a_few_letters_and_runs_it_as_its_key_would(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.put(job("found"))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("ctrl+p")
        await shows(pilot, "What do you want to do?", "Approve what is held")
        await pilot.press(*"den")
        # Until it has looked through them all, enter is for what was listed before.
        await until(pilot, lambda: offered(app).startswith("deny"), "what fits best")
        await pilot.press("enter", "enter")
        await shows(pilot, "Deny: found")


async def test_the_palette_has_every_action_with_a_name_and_says_why_one_does_not_work(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    del backend
    from govconsole.screens.palette import Actions

    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        found = [hit async for hit in Actions(queue_of(app)).discover()]
        text = " ".join(f"{hit.text} " for hit in found)
        for scope in ("queue", "app"):
            for action in SCOPES[scope].actions:
                assert action.command in {"", "palette"} or f":{action.command} " in text
        assert any("Not now: no job is under the cursor." in (hit.help or "") for hit in found)


async def test_the_help_is_of_what_is_focused_and_says_what_does_not_work_now(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app, size=(120, 90)) as pilot:
        await shows(pilot, "● embedded")
        await pilot.press("question_mark")
        await shows(pilot, "Keys ▸ Queue", "Everywhere", "not now: no job is under the cursor")
        assert "Text pane" not in screen_text(app)
        await pilot.press("escape")
        backend.put(job())
        await shows(pilot, "Why it is held")
        await pilot.press("tab", "f1")
        await shows(pilot, "Keys ▸ Queue", "Text pane")
        await pilot.press("escape", "a")
        await shows(pilot, "You sign this with your vote key")
        clock.advance(1)
        await pilot.press("f1")
        await shows(pilot, "Keys ▸ Vote", "Sign what is shown")
        await pilot.press("escape")
        await shows(pilot, "You sign this with your vote key")


# Copy


async def test_copy_takes_the_id_of_the_job_or_the_text_that_is_focused(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    held = job("copied")
    backend.put(held)
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("y")
        await shows(pilot, f"copied the id: {held.id}"[:40])
        assert app.clipboard == held.id
        await pilot.press("tab", "y")
        await until(pilot, lambda: "Why it is held" in app.clipboard, "the text in the clipboard")
        await pilot.press("question_mark", "y")
        await until(pilot, lambda: "Everywhere" in app.clipboard, "the help in the clipboard")


async def test_where_nothing_is_there_is_nothing_to_copy(app: ConsoleApp, backend: FakeBackend) -> None:
    del backend
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await pilot.press("y")
        await shows(pilot, "there is nothing here to copy")


@pytest.mark.threat("T17")
async def test_what_is_copied_carries_nothing_that_a_terminal_obeys_when_it_is_pasted() -> None:
    """The clipboard is an outlet as the screen is: control, bidi and C1 characters become visible."""
    app: App[None] = App()
    async with running(app):
        copy(app, "the text", f"one {HOSTILE}\ntwo")
        assert all(line.isprintable() for line in app.clipboard.split("\n"))
        assert app.clipboard.count("\n") == 1
        assert "\\x1b]0;owned" in app.clipboard


async def test_what_is_too_long_for_a_terminal_is_cut_and_said_so() -> None:
    app: App[None] = App()
    async with running(app) as pilot:
        copy(app, "the text", "ä" * MAX_BYTES)
        assert len(app.clipboard.encode()) <= MAX_BYTES
        assert len(base64.b64encode(app.clipboard.encode())) <= 2**16
        await shows(pilot, "copied the first 48 KiB")


# Pictures


@pytest.mark.threat("T17")
async def test_a_picture_is_saved_for_its_owner_alone_says_where_and_carries_no_hostile_text(
    session: Session, backend: FakeBackend, tmp_path: Path
) -> None:
    """The picture holds what the screen holds: escapes that can be seen, and no address."""
    backend.put(job(f"hostile {HOSTILE}"))
    app = ConsoleApp(session, settings=Settings(pictures=str(tmp_path / "pictures")))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("ctrl+s", "ctrl+s")
        await shows(pilot, "picture saved:")
        await until(pilot, lambda: len(list((tmp_path / "pictures").glob("*.svg"))) == 2, "two pictures")
    first, second = sorted((tmp_path / "pictures").iterdir(), key=lambda path: len(path.name))
    assert re.fullmatch(r"govconsole-queue-20261121-0900\d\dZ\.svg", first.name)
    assert second.name == f"{first.stem}-2.svg"
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    drawn = first.read_text(encoding="utf-8")
    assert "Push" not in drawn
    assert "hostile" in drawn
    assert not [line for line in drawn.split("\n") if not line.isprintable()]
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "").replace("http://127.0.0.1", "")


async def test_a_dialog_can_be_pictured_too_and_a_folder_that_cannot_be_made_is_told(
    session: Session, backend: FakeBackend, clock: FakeClock, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    backend.put(job())
    app = ConsoleApp(session, settings=Settings(pictures=str(tmp_path / "file")))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("a")
        await shows(pilot, "You sign this with your vote key")
        clock.advance(1)
        await pilot.press("ctrl+s")
        await shows(pilot, "no picture:")


# The rest of what works everywhere


async def test_themes_follow_one_another_while_it_runs_and_the_file_that_keeps_one_is_named(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    del backend
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        seen = []
        for _ in range(4):
            seen.append(app.theme)
            await pilot.press("ctrl+t")
            await pilot.pause()
        assert len(set(seen)) == 4
        assert app.theme == seen[0]
        await shows(pilot, 'theme = "dark" in console.toml')


async def test_the_key_is_locked_by_a_key_and_its_place_in_the_header_by_a_click(
    app: ConsoleApp, backend: FakeBackend, unlocked: Callable[[], None]
) -> None:
    del backend
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        unlocked()
        await pilot.press("ctrl+l")
        await shows(pilot, "key locked")
        unlocked()
        queue_of(app).draw_chrome()
        await shows(pilot, "key unlocked")
        await pilot.click(offset=place_of(app, "key unlocked"))
        await shows(pilot, "key locked")
        await pilot.press("ctrl+l")
        await shows(pilot, "lock: the vote key is locked")


async def test_the_last_screen_is_a_key_away_and_says_so_when_there_was_none(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    del backend
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await pilot.press("minus")
        await shows(pilot, "last screen: no other screen was open before")
        await pilot.press("1")
        await pilot.pause()
        assert app.screen is queue_of(app)


class Second(View):
    """Another screen, as a later feature brings one."""

    spec = Scope("second", "Second", (), number=2)

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self.fetched = 0

    def compose_body(self) -> list[Static]:
        return [Static("the second screen")]

    def situation(self) -> Situation:
        return Situation()

    async def fetch(self) -> None:
        self.fetched += 1


async def test_another_screen_is_opened_kept_fresh_and_left_by_the_key_of_the_last_screen(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.put(job("on the first screen"))
    async with running(app) as pilot:
        await shows(pilot, "on the first screen")
        second = Second(app.shell)
        app.install_screen(second, "second")
        app.open_view("second")
        await shows(pilot, "govconsole ▸ Second", "the second screen", "held 1")
        await until(pilot, lambda: second.fetched, "its first rows: an event meanwhile is part of them")
        before = second.fetched
        backend.happen("job.held")
        await until(pilot, lambda: second.fetched > before, "what the second screen wants")
        await pilot.press("minus")
        await shows(pilot, "govconsole ▸ Queue", "on the first screen")
        await pilot.press("minus")
        await shows(pilot, "govconsole ▸ Second")
        await pilot.press("1")
        await shows(pilot, "govconsole ▸ Queue", "on the first screen")


@pytest.mark.parametrize("keys", [("q",), ("ctrl+q",), ("colon", "q", "enter"), ("a", "ctrl+q")])
async def test_every_way_out_ends_it(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, keys: tuple[str, ...]
) -> None:
    backend.put(job())
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
            clock.advance(1)
        await until(pilot, lambda: not app.is_running, "the end")
    assert backend.submissions == []


async def test_the_reader_says_what_it_shows_and_is_left_by_its_keys(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.put(job("read"))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        for key in ("escape", "q", "question_mark"):
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(app.screen, Reader), "the help")
            await pilot.press(key)
            await until(pilot, lambda: app.screen is app.view, "the queue in front")
