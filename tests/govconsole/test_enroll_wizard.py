"""The enrollment wizard, by its keys: nothing is skipped, all of it can be left, nothing kept by accident."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from govconsole.actions.registry import SCOPES
from govconsole.client.document import plain
from govconsole.client.voices import Take, VoiceDoor
from govconsole.keymap import Keymap, fights
from govconsole.screens.confirm import ConfirmDialog
from govconsole.screens.enroll import EnrollScreen
from govconsole.screens.voices import VoicesScreen
from govconsole.state.enrollment import Step
from govconsole.state.enrollview import matrix_lines
from govd.contract.voice import Fault
from tests.govconsole import driver, fake_voices
from tests.govconsole.driver import running, screen_text, shows, until
from tests.govconsole.studio import ScriptedStudio, silence, tone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from govconsole.app import ConsoleApp
    from govd.contract.voice import Draft
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend

SIZES = [(120, 36), (80, 24)]


@pytest.fixture(autouse=True)
def _with_a_microphone(app: ConsoleApp) -> None:
    app.shell.studio = ScriptedStudio()


def wizard(app: ConsoleApp) -> EnrollScreen:
    screen = app.screen
    assert isinstance(screen, EnrollScreen)
    return screen


async def idle(pilot: Pilot[None]) -> None:
    """Nothing is done for the wizard, and its microphones are found: before that it takes no key."""
    await until(pilot, lambda: not wizard(pilot.app).taking.busy, "a wizard that waits for nothing")


async def opened(pilot: Pilot[None], clock: FakeClock, name: str = "anna") -> None:
    """The wizard at its first step, and no longer deaf."""
    await shows(pilot, "● embedded")
    await pilot.press("3")
    await shows(pilot, "Speakers")
    await pilot.press("n")
    await pilot.pause()
    await pilot.press(*name, "enter")
    await shows(pilot, "Whose voice is it", "version 2026-11")
    await idle(pilot)
    clock.advance(1)


async def accepted(pilot: Pilot[None], clock: FakeClock) -> None:
    await opened(pilot, clock)
    await pilot.press("y")
    await shows(pilot, "Where does the voice come from?", "desk microphone")


async def at_samples(pilot: Pilot[None], clock: FakeClock) -> None:
    await accepted(pilot, clock)
    await pilot.press("enter")
    await shows(pilot, "Sample 1 of 5 to 10")


async def one_sample(pilot: Pilot[None], number: int) -> None:
    await pilot.press("space")
    await shows(pilot, "3.0 s")
    await pilot.press("space")
    await until(
        pilot, lambda: wizard(pilot.app).enrollment.at == number and not wizard(pilot.app).taking.busy, "kept"
    )


async def enough(pilot: Pilot[None], clock: FakeClock) -> None:
    await at_samples(pilot, clock)
    wizard(pilot.app).took([Take(audio=b"RIFF")] * 4)
    await shows(pilot, "Sample 5 of 5")
    await one_sample(pilot, 5)
    await shows(pilot, "5 samples are there", "32 of 30 s of speech")


async def typed(pilot: Pilot[None], text: str) -> None:
    """Enter a line that was asked for."""
    await until(pilot, lambda: pilot.app.screen.query("#line"), "the line")
    pilot.app.screen.query_one("#line").value = text  # type: ignore[attr-defined] # the field of the line
    await pilot.press("enter")


@pytest.mark.parametrize("size", SIZES)
async def test_a_voice_is_enrolled_from_consent_to_saved(
    app: ConsoleApp,
    backend: FakeBackend,
    clock: FakeClock,
    unlocked: Callable[[], None],
    size: tuple[int, int],
) -> None:
    unlocked()
    async with running(app, size=size) as pilot:
        await enough(pilot, clock)
        await pilot.press("enter")
        await shows(pilot, "Do the samples agree?", "agrees least")
        await pilot.press("enter")
        await shows(pilot, "One more, which is not kept")
        await pilot.press("space")
        await shows(pilot, "3.0 s")
        await pilot.press("space")
        await shows(pilot, "✓ recognised  0.84, 0.62 is enough")
        await pilot.press("enter")
        await shows(pilot, "Enroll the voice of anna", "Sign: enroll")
        clock.advance(1)
        await pilot.press("y")
        await shows(pilot, "✓ anna is enrolled", "only what the model made of them")
        await pilot.press("escape")
        await shows(pilot, "Speakers", "▌ anna")
    (start,) = backend.voices.started
    assert (start.name, start.consent_version, start.consented, start.mine) == (
        "anna",
        "2026-11",
        True,
        False,
    )
    assert len(backend.voices.clips) == 6
    assert backend.voices.drafts == {}
    assert backend.voices.ended == []


# -- consent ---------------------------------------------------------------------------------------------


async def test_the_consent_is_the_backends_and_nothing_is_begun_before_it(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await opened(pilot, clock)
        await shows(pilot, fake_voices.CONSENT[:60], "verifies nobody")
        await pilot.press("space", "f", "b", "enter", "x", "Q")
        await shows(pilot, "the consent comes first")
        assert wizard(app).enrollment.step is Step.CONSENT
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, VoicesScreen), "the list")
        assert (backend.voices.started, backend.voices.drafts) == ([], {})
        assert app.shell.enrollment is None


async def test_the_key_that_opens_the_wizard_does_not_accept_and_keys_are_deaf_at_first(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await opened(pilot, clock)
        clock.advance(-1)
        await pilot.press("y")
        await pilot.pause()
        assert wizard(app).enrollment.step is Step.CONSENT
        assert backend.voices.started == []


def test_a_keymap_cannot_make_one_key_open_and_accept() -> None:
    found = [one.words for one in fights(Keymap({"enroll.accept": ("n",)}))]
    assert any("accept its consent" in words for words in found)


async def test_his_own_voice_is_said_to_be_his(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await opened(pilot, clock)
        await shows(pilot, "☐ it is my own voice")
        await pilot.press("m")
        await shows(pilot, "☑ it is my own voice")
        await pilot.press("y")
        await shows(pilot, "Where does")
        assert backend.voices.started[0].mine


async def test_a_refused_beginning_is_told_and_may_be_tried_again(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await opened(pilot, clock)
        backend.close()
        await pilot.press("y")
        await shows(pilot, "✗ no backend answers")
        backend.open()
        await pilot.press("y")
        await shows(pilot, "Where does the voice come from?")


# -- sources ---------------------------------------------------------------------------------------------


async def test_a_microphone_is_listened_to_and_nothing_of_that_is_sent(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    app.shell.studio = ScriptedStudio({"quiet one": silence(2.0), "good one": tone(2.0)})
    async with running(app) as pilot:
        await accepted_with(pilot, clock, "quiet one")
        await pilot.press("space")
        await shows(pilot, "dBFS quiet")
        await pilot.press("space")
        await until(pilot, lambda: not wizard(app).taking.recording, "the end of the first")
        await pilot.press("j", "space")
        await shows(pilot, "dBFS good", "2.0 of 6 s")
        await pilot.press("space")
        await until(pilot, lambda: not wizard(app).taking.recording, "the end of it")
        assert backend.voices.clips == []


async def accepted_with(pilot: Pilot[None], clock: FakeClock, text: str) -> None:
    await opened(pilot, clock)
    await pilot.press("y")
    await shows(pilot, "Where does", text)


async def test_without_a_microphone_there_are_files_pages_and_other_machines(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    del backend
    app.shell.studio = ScriptedStudio({})
    async with running(app) as pilot:
        await accepted_with(pilot, clock, "no microphone was found")
        await shows(pilot, "▌ a file", "a page of a browser", "ssh HOST govconsole enroll - --name anna")
        await pilot.press("space")
        await shows(pilot, "no microphone is chosen")
        await pilot.press("down", "enter")
        await shows(pilot, "Sample 1 of", "takes a file")


# -- samples ---------------------------------------------------------------------------------------------


async def test_what_is_not_good_enough_is_left_out_with_its_number_and_what_helps(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    backend.voices.worth = [
        fake_voices.quality(Fault.TOO_QUIET, level_dbfs=-57.2),
        fake_voices.quality(Fault.CLIPPED, clipped=0.08),
        fake_voices.quality(Fault.NOISY, snr_db=3.1),
        fake_voices.quality(Fault.NARROW_BAND, bandwidth_hz=1900.0),
        fake_voices.quality(Fault.TOO_SHORT, net_seconds=1.2),
        fake_voices.quality(Fault.NOT_SPEECH, seconds=4.0, net_seconds=0.3),
        fake_voices.quality(Fault.SEVERAL_VOICES),
    ]
    async with running(app) as pilot:
        await at_samples(pilot, clock)
        for said in (
            "too quiet: -57 dBFS, ",
            "clipped: 8.0% at full scale, ",
            "noisy: speech 3 dB over the room, ",
            "narrow-band: nothing above 1,900 Hz, ",
            "too short: 1.2 s of speech, ",
            "no speech: 0.3 s of 4.0 s sound like speech",
            "several voices; one person alone",
        ):
            wizard(app).took([Take(audio=b"RIFF")])
            await shows(pilot, f"✗ left out  {said}")
        assert wizard(app).enrollment.kept == []


async def test_another_voice_is_left_out_with_its_agreement(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    backend.voices.worth = [fake_voices.quality(), fake_voices.quality(Fault.NOT_THE_SAME_VOICE)]
    backend.voices.matches = [0.18]
    async with running(app) as pilot:
        await at_samples(pilot, clock)
        await one_sample(pilot, 1)
        await shows(pilot, "Sample 2 of 5", "6.3 s speech  -23 dBFS")
        await pilot.press("space")
        await shows(pilot, "3.0 s")
        await pilot.press("space")
        await shows(pilot, "not the same voice: agreement 0.18 with the others; the same person as before")


async def test_several_files_are_taken_at_once_and_a_missing_one_is_told(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, tmp_path: Path
) -> None:
    for number in range(5):
        (tmp_path / f"{number} of five.wav").write_bytes(b"RIFF %d" % number)
    paths = [f"'{tmp_path}/{number} of five.wav'" for number in range(5)]
    async with running(app) as pilot:
        await at_samples(pilot, clock)
        await pilot.press("f")
        await typed(pilot, f"'{tmp_path}/none.wav'")
        await shows(pilot, "none.wav cannot be read: No such file")
        await pilot.press("f")
        await typed(pilot, "'unfinished")
        await shows(pilot, "quotation mark")
        await pilot.press("f")
        await typed(pilot, " ".join(paths))
        await shows(pilot, "5 samples are there")
        assert backend.voices.clips == [b"RIFF %d" % number for number in range(5)]


async def test_what_was_kept_before_a_file_that_is_refused_is_shown(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    backend.voices.refuses = b"RIFF 2"
    async with running(app) as pilot:
        await at_samples(pilot, clock)
        wizard(app).took([Take(audio=b"RIFF %d" % number) for number in range(4)])
        await shows(pilot, "Sample 3 of 5", "✗ this is no clip")
        assert len(wizard(app).enrollment.kept) == 2


async def test_a_page_of_a_browser_records_a_sample(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EnrollScreen, "page_pause", 0.01)
    async with running(app) as pilot:
        await at_samples(pilot, clock)
        await pilot.press("b")
        await shows(pilot, "Open this page", "http://127.0.0.1:8211/capture/")
        page = next(iter(backend.voices.pages))
        backend.voices.pages[page] = True
        await shows(pilot, "Sample 2 of 5")
        assert backend.voices.clips == [page]


async def test_a_page_whose_time_is_over_is_told(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EnrollScreen, "page_pause", 0.01)
    async with running(app) as pilot:
        await at_samples(pilot, clock)
        await pilot.press("b")
        await shows(pilot, "Open this page")
        backend.voices.pages.clear()
        await shows(pilot, "the page's time is over (open another one)")


async def test_a_sample_can_be_taken_out_again(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await enough(pilot, clock)
        await pilot.press("enter")
        await shows(pilot, "Do the samples agree?")
        await pilot.press("k", "k", "x")
        await shows(pilot, "Sample 5 of 5 to 10")
        (draft,) = backend.voices.drafts.values()
        assert [one.number for one in draft.samples] == [1, 2, 4, 5]
        await pilot.press("enter")
        await shows(pilot, "1 more sample first")


def test_the_matrix_marks_the_pair_that_agrees_least() -> None:
    lines = matrix_lines([1, 2, 5], [[1.0, 0.8, 0.4], [0.8, 1.0, 0.7], [0.4, 0.7, 1.0]], 5)
    marked = [span.text.strip() for item in lines for span in item.spans if span.role == "warn"]
    assert marked == ["0.40", "0.40", "⚠ 0.40"]
    assert plain(lines).split("\n")[3].startswith("▌   5")


# -- check, leaving --------------------------------------------------------------------------------------


async def test_a_check_that_fails_saves_nothing_and_may_be_tried_again(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await enough(pilot, clock)
        await pilot.press("enter")
        await shows(pilot, "agree?")
        await pilot.press("enter")
        await shows(pilot, "One more")
        backend.voices.matches = [0.21]
        await pilot.press("space")
        await shows(pilot, "3.0 s")
        await pilot.press("space")
        await shows(pilot, "✗ not recognised  0.21, 0.62 is needed")
        await pilot.press("enter")
        await shows(pilot, "a fresh sample that matches comes first")
        await pilot.press("left")
        await shows(pilot, "agree?")
        assert backend.voices.speakers == []


async def test_it_can_be_left_and_gone_on_with(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await at_samples(pilot, clock)
        await one_sample(pilot, 1)
        await pilot.press("escape")
        await shows(pilot, "Under way", "▌ anna", "1 sample, ", "n goes on")
        assert len(backend.voices.drafts) == 1
        await pilot.press("n")
        await shows(pilot, "Sample 2 of 5")
        await idle(pilot)
        clock.advance(1)
        await one_sample(pilot, 2)
        assert len(backend.voices.started) == 1


@pytest.mark.parametrize("keys", [("n",), ("enter",), ("end", "n", *"anna", "enter")])
async def test_what_another_console_began_is_gone_on_with_from_here(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, keys: tuple[str, ...]
) -> None:
    """It may run still, have ended or have been cut off; what this machine hears with is chosen here."""
    backend.voices.begun("anna", samples=3)
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await pilot.press("3")
        await shows(pilot, "▌ anna", "3 samples, ", "whichever console began it")
        await pilot.press(*keys)
        await shows(pilot, "Where does the voice come from?", "desk microphone")
        await idle(pilot)
        clock.advance(1)
        await pilot.press("enter")
        await shows(pilot, "Sample 4 of 5")
        await one_sample(pilot, 4)
        await pilot.press("escape")
        await shows(pilot, "4 samples, ")
    assert backend.voices.started == []
    assert len(backend.voices.drafts) == 1


async def test_an_enrollment_of_somebody_else_may_begin_while_one_is_under_way(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    backend.voices.begun("anna", samples=3)
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await pilot.press("3")
        await shows(pilot, "▌ anna")
        await pilot.press("colon")
        await typed(pilot, "enroll bert")
        await shows(pilot, "Whose voice is it")
        await idle(pilot)
        clock.advance(1)
        await pilot.press("y")
        await shows(pilot, "Where does the voice come from?")
    assert [one.name for one in backend.voices.drafts.values()] == ["anna", "bert"]


async def test_what_ended_while_it_was_left_is_told_before_anything_is_recorded(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await at_samples(pilot, clock)
        await one_sample(pilot, 1)
        await pilot.press("escape")
        await shows(pilot, "Under way", "1 sample, ")
        backend.voices.drafts.clear()  # govd was started anew
        await pilot.press("n")
        await shows(pilot, "✗ ", "has read this, and accepts it")
        assert "Sample 2" not in screen_text(app)


async def test_microphones_that_are_found_end_no_wait_for_the_backend(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two things are waited for when it is gone on with: nothing is recorded before both of them came."""
    ask, answer = VoiceDoor.draft, asyncio.Event()

    async def late(door: VoiceDoor, draft: str) -> Draft:
        await answer.wait()
        return await ask(door, draft)

    async with running(app) as pilot:
        await at_samples(pilot, clock)
        await one_sample(pilot, 1)
        await pilot.press("escape")
        await shows(pilot, "Under way", "1 sample, ")
        monkeypatch.setattr(VoiceDoor, "draft", late)
        monkeypatch.setattr(driver, "ANSWERS", 0.1)
        await pilot.press("n")
        await until(pilot, lambda: not wizard(app).taking.looking, "the microphones")
        clock.advance(1)
        await pilot.press("space")
        assert not wizard(app).taking.recording
        assert wizard(app).taking.busy == "asking where it stands"
        answer.set()
        await idle(pilot)
        await pilot.press("space")
        assert wizard(app).taking.recording
    assert len(backend.voices.clips) == 1


async def test_left_for_good_nothing_is_kept(app: ConsoleApp, backend: FakeBackend, clock: FakeClock) -> None:
    async with running(app) as pilot:
        await at_samples(pilot, clock)
        await one_sample(pilot, 1)
        await pilot.press("Q")
        await shows(pilot, "Leave it for good?", "1 sample would be gone")
        clock.advance(1)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, EnrollScreen), "the wizard")
        assert len(backend.voices.drafts) == 1
        await pilot.press("Q")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog), "the question")
        await shows(pilot, "Leave it for good?")
        clock.advance(1)
        await pilot.press("ctrl+y")
        await until(pilot, lambda: isinstance(app.screen, VoicesScreen), "the list")
        assert backend.voices.drafts == {}
        # The list is as it was, until it has asked again.
        await until(pilot, lambda: "Under way" not in screen_text(app), "a list without it")


async def test_what_was_left_waits_its_hour_when_the_console_ends(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await at_samples(pilot, clock)
        await one_sample(pilot, 1)
    (left,) = backend.voices.drafts.values()
    assert len(left.samples) == 1


async def test_an_enrollment_whose_hour_is_over_says_so_and_begins_anew(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await at_samples(pilot, clock)
        backend.voices.drafts.clear()
        await pilot.press("space")
        await shows(pilot, "3.0 s")
        await pilot.press("space")
        await shows(pilot, "it lives an hour", "Whose voice is it")
        assert app.shell.enrollment is None


async def test_the_help_lists_every_key_of_the_wizard(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    del backend
    async with running(app) as pilot:
        await opened(pilot, clock)
        await pilot.press("f1")
        await shows(pilot, "Keys ▸ Enrollment", *(action.help[:30] for action in SCOPES["enroll"].actions))


async def test_a_key_in_the_footer_can_be_clicked(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await opened(pilot, clock)
        rows = screen_text(app).split("\n")
        await pilot.click(offset=(rows[-1].index("y accept") + 2, len(rows) - 1))
        await shows(pilot, "Where does the voice come from?")
        assert len(backend.voices.started) == 1


async def test_hostile_words_of_a_backend_stay_words(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    backend.voices.prompts = ["\x1b[2J[bold]say\u202e this[/]"] * 3
    app.shell.studio = ScriptedStudio({"mic \x1b]0;x\x07": tone(1.0)})
    async with running(app) as pilot:
        await accepted_with(pilot, clock, "mic ")
        await pilot.press("enter")
        await shows(pilot, "[bold]say")
        assert not {"\x1b", "\x07", "\u202e"} & set(screen_text(app))
