"""The Voices screen: what it lists, every action by its key, and what does not work says why."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from govconsole.actions.registry import SCOPES
from govconsole.screens.enroll import EnrollScreen
from govconsole.screens.stepup import StepUpDialog
from govconsole.screens.voices import VoicesScreen
from govconsole.screens.voicesigning import VoiceDialog
from tests.govconsole import fake_voices
from tests.govconsole.driver import running, screen_text, shows, until
from tests.govconsole.studio import ScriptedStudio
from tests.govconsole.world import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from govconsole.app import ConsoleApp
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend
    from tests.govconsole.fake_voices import FakeVoices

PROVEN = {"enroll": "test_enroll_wizard", "step_up": "test_stepup"}
"""Actions whose tests stand elsewhere."""


def full(backend: FakeBackend) -> FakeVoices:
    """A bit of everything."""
    voices = backend.voices
    voices.speakers = [
        fake_voices.speaker("anna", operator="anna", last_verified_at=NOW - timedelta(minutes=12)),
        fake_voices.speaker("owner", admin=True, agreement=0.77),
        fake_voices.speaker("carl", stale=True, model="titanet-large"),
    ]
    voices.waiting = [fake_voices.waiting("owner")]
    voices.sessions = [
        fake_voices.standing("owner"),
        fake_voices.standing("anna", agent=None, chat="", operator="anna"),
    ]
    voices.locks = [fake_voices.lock()]
    return voices


async def opened(pilot: Pilot[None], *texts: str) -> None:
    await shows(pilot, "● embedded")
    await pilot.press("3")
    await shows(pilot, "▸ Voices" if pilot.app.size.width >= 100 else "Voices", *texts)


async def down_to(pilot: Pilot[None], begin: str) -> None:
    """Move the cursor to the row that begins so."""
    for _ in range(20):
        if any(row.startswith(f"▌ {begin}") for row in screen_text(pilot.app).split("\n")):
            return
        await pilot.press("j")
        await pilot.pause()
    raise AssertionError(f"no row begins {begin}\n{screen_text(pilot.app)}")


def test_every_action_of_the_voices_has_a_test_that_presses_its_key() -> None:
    named = {name.removeprefix("test_key_") for name in globals() if name.startswith("test_key_")}
    assert {action.id for action in SCOPES["voices"].actions} == named | set(PROVEN)


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (200, 60)])
async def test_it_says_who_is_enrolled_what_waits_who_stands_and_who_is_locked_out(
    app: ConsoleApp, backend: FakeBackend, size: tuple[int, int]
) -> None:
    full(backend)
    async with running(app, size=size) as pilot:
        await opened(pilot, "anna", "0.77", "◆ admin", "⚠ stale", "○ not heard", "1:42", "12 min ago")
        for row in screen_text(app).split("\n"):
            assert len(row) == size[0]
        await pilot.press("end")
        await shows(pilot, "titanet-demo · onnx · 96-d · threshold 0.62", "verifies nobody")
        await shows(pilot, "FMR 0 in 1,200 trials: below 0.25%", "EER 3.4%")


async def test_ten_thousand_speakers_are_there_to_the_last_one(app: ConsoleApp, backend: FakeBackend) -> None:
    one = fake_voices.speaker("s")
    backend.voices.speakers = [one.model_copy(update={"name": f"s{number:05}"}) for number in range(10_000)]
    async with running(app) as pilot:
        await opened(pilot, "s00000", "s00005")
        await pilot.press("G")
        await shows(pilot, "s09999", "s09995")
        await pilot.press("home")
        await shows(pilot, "▌ s00000")


async def test_what_is_wrong_is_said_with_what_mends_it_and_its_keys_do_not_work(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.voices.model = None
    backend.voices.degraded = "there is no speaker model here"
    backend.voices.mend = "govd voice model fetch titanet_large"
    async with running(app) as pilot:
        await opened(pilot, "⚠ nobody can be verified", "mend: govd voice model fetch titanet_large")
        await shows(pilot, "nobody is enrolled")
        for key in ("n", "V"):
            await pilot.press(key)
            await shows(pilot, "there is no speaker model here")
            assert isinstance(app.screen, VoicesScreen)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_deletion_that_is_still_owed_is_said_until_it_is_done(
    app: ConsoleApp, backend: FakeBackend, size: tuple[int, int]
) -> None:
    backend.voices.tidying = True
    async with running(app, size=size) as pilot:
        await opened(pilot, "⚠ a deletion is owed", "an older state", "mend: fuser -v govd.db")
        backend.voices.tidying = False
        backend.happen("voice.deleted")
        await until(pilot, lambda: "a deletion is owed" not in screen_text(app), "the end of it")


@pytest.mark.threat("T24")
async def test_a_voice_whose_samples_nobody_heard_says_so_and_what_mends_it(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    """An agent's samples were approved unheard: whoever looks at the speaker is told that it has no say."""
    backend.voices.speakers = [fake_voices.speaker("owner", unheard=True)]
    async with running(app) as pilot:
        await opened(pilot, "○ not heard", "no admin scope", "voices enroll owner")


async def test_a_backend_without_voices_says_so_and_the_console_goes_on(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.voices.router = fake_voices.APIRouter  # type: ignore[method-assign] # an older backend
    backend.close()
    backend.open()
    async with running(app) as pilot:
        await shows(pilot, "● embedded")
        await pilot.press("3")
        await shows(pilot, "this backend knows no voices")
        await pilot.press("1")
        await shows(pilot, "Nothing is held")


async def test_the_list_follows_the_backend_and_the_cursor_stays_on_what_it_was_on(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    voices = full(backend)
    async with running(app) as pilot:
        await opened(pilot, "carl")
        await down_to(pilot, "carl")
        voices.speakers = [fake_voices.speaker("aaron"), *voices.speakers[1:]]
        backend.happen("voice.enrolled")
        await shows(pilot, "aaron", "▌ carl")
        voices.speakers = voices.speakers[:1]
        backend.happen("voice.deleted")
        await until(pilot, lambda: "carl" not in screen_text(app), "no carl")
        assert "▌ owner" in screen_text(app)


async def test_a_lost_backend_leaves_what_was_known_and_refuses_verbs(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    full(backend)
    async with running(app) as pilot:
        await opened(pilot, "anna")
        backend.close()
        await shows(pilot, "backend lost", "anna")
        await pilot.press("d")
        await shows(pilot, "delete: the backend is lost")


async def test_names_of_others_carry_nothing_that_a_terminal_obeys(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    voices = full(backend)
    hostile = "\x1b]0;owned\x07[@click=app.quit]x[/]\u202e"
    voices.degraded = f"broken {hostile}"
    voices.mend = f"mend {hostile}"
    voices.prompts = [hostile]
    async with running(app) as pilot:
        await opened(pilot, "nobody can be verified")
        text = screen_text(app)
        assert not {"\x1b", "\x07", "\u202e"} & set(text)
        assert "[@click=app.quit]x[/]" in text


# -- moving ----------------------------------------------------------------------------------------------


async def test_key_down(app: ConsoleApp, backend: FakeBackend) -> None:
    full(backend)
    async with running(app) as pilot:
        await opened(pilot, "▌ anna", "steps up votes")
        await pilot.press("j")
        await shows(pilot, "▌ owner", "◆ has admin scope")
        await pilot.press("down")
        await shows(pilot, "▌ carl", "made with titanet-large")


async def test_key_up(app: ConsoleApp, backend: FakeBackend) -> None:
    full(backend)
    async with running(app) as pilot:
        await opened(pilot, "▌ anna")
        await pilot.press("j", "j", "k")
        await shows(pilot, "▌ owner")
        await pilot.press("up", "up")
        await shows(pilot, "▌ anna")


async def test_key_bottom(app: ConsoleApp, backend: FakeBackend) -> None:
    full(backend)
    async with running(app) as pilot:
        await opened(pilot, "▌ anna")
        await pilot.press("end")
        await shows(pilot, "▌ titanet-demo")


async def test_key_top(app: ConsoleApp, backend: FakeBackend) -> None:
    full(backend)
    async with running(app, size=(80, 24)) as pilot:
        await opened(pilot, "▌ anna")
        await pilot.press("G")
        await shows(pilot, "▌ titanet-demo")
        await pilot.press("home")
        await shows(pilot, "▌ anna")


async def test_key_pane(app: ConsoleApp, backend: FakeBackend) -> None:
    full(backend)
    async with running(app) as pilot:
        await opened(pilot, "▌ anna")
        await pilot.press("tab")
        assert app.focused is app.screen.query_one("#detail")
        await pilot.press("tab")
        assert app.focused is None


async def test_key_zoom(app: ConsoleApp, backend: FakeBackend) -> None:
    full(backend)
    async with running(app) as pilot:
        await opened(pilot, "Speakers")
        await pilot.press("enter")
        await until(pilot, lambda: "Speakers" not in screen_text(app), "the list gone")
        await shows(pilot, "steps up votes")


async def test_key_clear(app: ConsoleApp, backend: FakeBackend) -> None:
    full(backend)
    async with running(app) as pilot:
        await opened(pilot, "Speakers")
        await pilot.press("escape")
        await shows(pilot, "back: nothing to leave")
        await pilot.press("enter", "escape")
        await shows(pilot, "Speakers")


async def test_a_row_can_be_clicked_and_a_heading_is_none(app: ConsoleApp, backend: FakeBackend) -> None:
    full(backend)
    async with running(app) as pilot:
        await opened(pilot, "▌ anna")
        rows = screen_text(app).split("\n")
        await pilot.click(offset=(6, next(y for y, row in enumerate(rows) if row.startswith("  carl"))))
        await shows(pilot, "▌ carl", "made with titanet-large")
        await pilot.click(offset=(6, next(y for y, row in enumerate(rows) if "Verified now" in row)))
        await shows(pilot, "▌ carl")


# -- verbs -----------------------------------------------------------------------------------------------


async def test_key_play(app: ConsoleApp, backend: FakeBackend) -> None:
    voices = full(backend)
    voices.wav = b"RIFF what was said"
    studio = app.shell.studio = ScriptedStudio()
    async with running(app) as pilot:
        await opened(pilot, "○ not heard")
        await pilot.press("p")
        await shows(pilot, "play: no waiting sample is under the cursor")
        for _ in range(3):
            await pilot.press("j")
        await shows(pilot, "you have not heard it", "voice-bot wants this voice enrolled")
        await pilot.press("p")
        await shows(pilot, "played", "✓ heard")
        assert studio.played == [b"RIFF what was said"]


async def test_key_revoke(app: ConsoleApp, backend: FakeBackend) -> None:
    voices = full(backend)
    session = voices.sessions[0].id
    async with running(app) as pilot:
        await opened(pilot, "voice-bot · kitchen")
        await pilot.press("x")
        await shows(pilot, "revoke: no session is under the cursor")
        await pilot.press("j", "j", "j", "j")
        await shows(pilot, "asked at each use")
        await pilot.press("x")
        await shows(pilot, "revoked: owner")
        await until(pilot, lambda: "kitchen" not in screen_text(app), "the session gone")
        assert voices.ended == [("session", session)]


async def test_key_unlock(app: ConsoleApp, backend: FakeBackend) -> None:
    voices = full(backend)
    async with running(app) as pilot:
        await opened(pilot, "✗ locked")
        await down_to(pilot, "voice-bot")
        await shows(pilot, "50 clips in a row matched nobody")
        await pilot.press("u")
        await shows(pilot, "unlocked: voice-bot porch")
        assert voices.ended == [("lock", "voice-bot", "porch")]


async def test_the_lock_of_an_agents_own_session_is_unlocked_too(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.voices.locks = [fake_voices.lock(chat="", locked=False, until=NOW + timedelta(seconds=90))]
    async with running(app) as pilot:
        await opened(pilot, "⚠ waits 1:30", "its own session")
        await pilot.press("u")
        await shows(pilot, "unlocked: voice-bot")
        assert backend.voices.ended == [("lock", "voice-bot", "-")]


async def test_key_delete(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    voices = full(backend)
    unlocked()
    async with running(app) as pilot:
        await opened(pilot, "carl")
        await down_to(pilot, "carl")
        await pilot.press("d")
        await shows(pilot, "Forget the voice of carl", "Type carl")
        clock.advance(1)
        await pilot.press(*"car", "ctrl+y")
        await shows(pilot, "it cannot be undone")
        assert voices.ended == []
        await pilot.press("l", "ctrl+y")
        await shows(pilot, "deleted: carl")
        assert voices.ended == [("speaker", "carl")]


async def test_a_dialog_that_is_left_deletes_nothing(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    voices = full(backend)
    async with running(app) as pilot:
        await opened(pilot, "carl")
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, VoiceDialog), "the dialog")
        clock.advance(1)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, VoicesScreen), "the list")
        assert voices.ended == []


async def test_the_commands_open_what_the_keys_open(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    full(backend)
    app.shell.studio = ScriptedStudio()
    async with running(app) as pilot:
        await opened(pilot, "carl")
        for text, screen in (("enroll dora", EnrollScreen), ("step-up", StepUpDialog)):
            await pilot.press(
                "colon", *("space" if one == " " else "minus" if one == "-" else one for one in text)
            )
            await pilot.press("enter")
            await until(pilot, lambda screen=screen: isinstance(app.screen, screen), text)  # type: ignore[misc]
            clock.advance(1)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, VoicesScreen), "the list")


@pytest.mark.parametrize("name", ["Anna", "../../x", "a b", "-x", "x" * 65])
async def test_a_name_that_is_none_is_refused_while_it_is_typed(
    app: ConsoleApp, backend: FakeBackend, name: str
) -> None:
    del backend
    async with running(app) as pilot:
        await opened(pilot, "nobody is enrolled")
        await pilot.press("n")
        await pilot.pause()
        app.screen.query_one("#line").value = name  # type: ignore[attr-defined] # the field of the line
        await shows(pilot, "a name has lower-case letters")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, VoicesScreen), "no wizard")
