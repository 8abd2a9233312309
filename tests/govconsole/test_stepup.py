"""Stepping up: an operator shows his voice, the header counts down, and votes wait for it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from govconsole.screens.stepup import StepUpDialog
from govconsole.screens.vote import VoteDialog
from govd.contract.voice import Fault
from tests.govconsole import fake_voices
from tests.govconsole.driver import queue_of, running, screen_text, shows, until
from tests.govconsole.studio import ScriptedStudio, tone
from tests.govconsole.world import job

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from govconsole.app import ConsoleApp
    from govd.contract.jobs import JobDetail
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend


def asking(title: str) -> JobDetail:
    """A job whose rule asks for a voice."""
    made = job(title)
    assert made.hold is not None
    hold = made.hold.model_copy(update={"voice_required": True})
    return made.model_copy(update={"hold": hold, "voice_required": True})


async def asked(pilot: Pilot[None], clock: FakeClock, key: str = "V") -> None:
    """Open the dialog, and let the moment pass in which it is deaf."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, StepUpDialog), "the dialog")
    await shows(pilot, "Show your voice", "record")
    clock.advance(1)


async def recorded(pilot: Pilot[None]) -> None:
    """Record what the microphone hears."""
    await pilot.press("space")
    await shows(pilot, "3.0 s", "end")
    await pilot.press("space")


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_voice_that_is_shown_stands_and_the_header_counts_down(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, size: tuple[int, int]
) -> None:
    app.shell.studio = ScriptedStudio()
    async with running(app, size=size) as pilot:
        await shows(pilot, "● embedded")
        assert "✓ voice" not in screen_text(app)
        await asked(pilot, clock)
        await shows(pilot, "desk microphone", "verifies nobody")
        await recorded(pilot)
        await shows(pilot, "✓ your voice stands until 11:00 UTC", "✓ voice 1:59")
        assert [one[:4] for one in backend.voices.clips] == [b"RIFF"]
        clock.advance(3600)
        queue_of(app).draw_chrome()
        await shows(pilot, "✓ voice 59 min")
        clock.advance(3600)
        queue_of(app).draw_chrome()
        await until(pilot, lambda: "✓ voice" not in screen_text(app), "the end of it")


async def test_a_miss_says_how_far_off_it_was_and_another_one_may_be_tried(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    app.shell.studio = ScriptedStudio()
    backend.voices.matches = [0.31]
    backend.voices.worth = [
        fake_voices.quality(),
        fake_voices.quality(Fault.TOO_QUIET, level_dbfs=-57.4),
    ]
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await asked(pilot, clock)
        await recorded(pilot)
        await shows(pilot, "✗ not recognised: 0.31, 0.62 is needed")
        await recorded(pilot)
        await shows(pilot, "too quiet: -57 dBFS, -50 at least")
        await recorded(pilot)
        await shows(pilot, "✓ your voice stands")


async def test_a_file_does_too_and_one_that_is_not_there_is_told(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, tmp_path: Path
) -> None:
    app.shell.studio = ScriptedStudio(heard={})
    (tmp_path / "me.wav").write_bytes(b"RIFF me")
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await pilot.press("V")
        await shows(pilot, "no microphone here", "f file")
        clock.advance(1)
        await pilot.press("space")
        await shows(pilot, "there is no microphone here")
        for name, said in (("none.wav", "No such file"), ("me.wav", "✓ your voice stands")):
            await pilot.press("f")
            await pilot.pause()
            app.screen.query_one("#line").value = str(tmp_path / name)  # type: ignore[attr-defined]
            await pilot.press("enter")
            await shows(pilot, said)
        assert backend.voices.clips == [b"RIFF me"]


async def test_a_page_of_a_browser_is_waited_for(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StepUpDialog, "page_pause", 0.01)
    async with running(app) as pilot:
        app.shell.studio = ScriptedStudio()
        await shows(pilot, "● embedded")
        await asked(pilot, clock)
        await pilot.press("b")
        await shows(pilot, "Open this page", "http://127.0.0.1:8211/capture/")
        assert backend.voices.clips == []
        page = next(iter(backend.voices.pages))
        backend.voices.pages[page] = True
        await shows(pilot, "✓ your voice stands")
        assert backend.voices.clips == [page]


async def test_what_the_microphone_says_in_place_of_sound_is_told(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    app.shell.studio = ScriptedStudio(broken="arecord hears nothing: no soundcards found")
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await asked(pilot, clock)
        await pilot.press("space")
        await shows(pilot, "✗ arecord hears nothing: no soundcards found")
        assert backend.voices.clips == []


async def test_a_dialog_that_is_left_records_on_for_nobody_and_sends_nothing(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    app.shell.studio = ScriptedStudio()
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await asked(pilot, clock)
        await pilot.press("space")
        await shows(pilot, "3.0 s")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is queue_of(app), "the queue")
        await until(pilot, lambda: not [one for one in app.workers if one.group == "record"], "the end of it")
        assert backend.voices.clips == []


async def test_the_next_microphone_is_a_key_away(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    del backend
    app.shell.studio = ScriptedStudio(heard={"desk": tone(1.0), "headset": tone(1.0)})
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await asked(pilot, clock)
        await shows(pilot, "desk")
        await pilot.press("s")
        await shows(pilot, "headset")


async def test_without_a_model_the_dialog_says_what_mends_that(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    backend.voices.degraded = "the worker does not start"
    backend.voices.mend = "govd doctor"
    app.shell.studio = ScriptedStudio()
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await pilot.press("V")
        await shows(pilot, "the worker does not start", "mend  govd doctor")
        clock.advance(1)
        await pilot.press("f")
        await shows(pilot, "the worker does not start")
        assert isinstance(app.screen, StepUpDialog)


# -- votes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_job_that_needs_a_voice_says_so(
    app: ConsoleApp, backend: FakeBackend, size: tuple[int, int]
) -> None:
    backend.put(asking("pay everybody"))
    async with running(app, size=size) as pilot:
        await shows(pilot, "no approve: needs voice: V verify")
        await pilot.press("enter", "end")
        await shows(pilot, "Needs  one operator · voice")


async def test_an_approval_asks_for_the_voice_and_goes_on_when_it_was_shown(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    app.shell.studio = ScriptedStudio()
    backend.put(asking("pay everybody"))
    async with running(app) as pilot:
        await shows(pilot, "needs voice: V verify")
        await asked(pilot, clock, "a")
        await shows(pilot, "The rule of this job asks for your voice")
        await recorded(pilot)
        await until(pilot, lambda: isinstance(app.screen, VoteDialog), "the vote")


async def test_a_refusal_needs_no_voice(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(asking("pay everybody"))
    async with running(app) as pilot:
        await shows(pilot, "needs voice: V verify")
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, VoteDialog), "the vote")


async def test_a_voice_that_stands_is_not_asked_for_again(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.voices.until = fake_voices.NOW.replace(hour=10)
    backend.put(asking("pay everybody"))
    async with running(app) as pilot:
        await shows(pilot, "✓ voice 1:00", "Why it is held")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, VoteDialog), "the vote")


async def test_marked_jobs_that_need_a_voice_are_left_out_of_an_approval_with_the_reason(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.put(asking("pay everybody"), job("push it"))
    async with running(app) as pilot:
        await shows(pilot, "pay everybody", "push it")
        await pilot.press("space", "space", "a")
        await shows(pilot, "Not voted on", "needs voice: V verify")


# -- a phrase --------------------------------------------------------------------------------------------

FIRST, SECOND = "tulip anchor kingdom walrus harvest lantern", "pebble orchard guitar melody station zipper"


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_phrase_is_shown_with_its_time_and_a_miss_brings_another(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, size: tuple[int, int]
) -> None:
    app.shell.studio = ScriptedStudio()
    backend.voices.phrases = [FIRST, SECOND]
    backend.voices.matches = [0.31]
    async with running(app, size=size) as pilot:
        await shows(pilot, "● embedded")
        await asked(pilot, clock)
        await shows(pilot, "Say this, and nothing else:", FIRST, "within 2:59")
        await recorded(pilot)
        await shows(pilot, "✗ not recognised", SECOND)
        assert FIRST not in screen_text(app)
        await recorded(pilot)
        await shows(pilot, "✓ your voice stands")


async def test_a_poor_clip_leaves_the_phrase_as_it_is(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    app.shell.studio = ScriptedStudio()
    backend.voices.phrases = [FIRST, SECOND]
    backend.voices.worth = [fake_voices.quality(Fault.TOO_QUIET, level_dbfs=-57.4)]
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await asked(pilot, clock)
        await shows(pilot, FIRST)
        await recorded(pilot)
        await shows(pilot, "too quiet", FIRST)
        await recorded(pilot)
        await shows(pilot, "✓ your voice stands")


async def test_a_phrase_whose_time_is_over_is_not_said_and_a_key_brings_another(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    app.shell.studio = ScriptedStudio()
    backend.voices.phrases = [FIRST, SECOND]
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await asked(pilot, clock)
        await shows(pilot, FIRST)
        await pilot.press("p")
        await shows(pilot, "this one can be said")
        clock.advance(180)
        await shows(pilot, "the phrase's time is over", "p phrase")
        await pilot.press("space")
        assert backend.voices.clips == []
        backend.voices.phrase_until = timedelta(minutes=6)
        await pilot.press("p")
        await shows(pilot, SECOND, "within 2:59")


async def test_a_page_of_a_browser_shows_the_phrase(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    app.shell.studio = ScriptedStudio()
    backend.voices.phrases = [FIRST]
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await asked(pilot, clock)
        await shows(pilot, FIRST)
        await pilot.press("b")
        await shows(pilot, "Open this page", FIRST)
        assert backend.voices.shown == [FIRST]


async def test_without_a_phrase_the_key_for_one_says_so(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    app.shell.studio = ScriptedStudio()
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await asked(pilot, clock)
        await shows(pilot, "desk microphone")
        assert "p phrase" not in screen_text(app)
        await pilot.press("p")
        await shows(pilot, "no phrase is asked for here")
        assert backend.voices.given is None
