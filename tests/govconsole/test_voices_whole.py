"""Voices as a whole: synthetic speakers are enrolled through the wizard, told apart, and step up.

All is real but the speakers and the microphone: govd, its decoders, the demo's model at its own threshold.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from govconsole.app import ConsoleApp
from govconsole.paths import Operator as Owner
from govconsole.screens.enroll import EnrollScreen
from govconsole.screens.stepup import StepUpDialog
from govconsole.session import Session
from tests.govconsole.driver import running, screen_text, shows, until
from tests.govconsole.studio import ScriptedStudio
from tests.support import speech
from tests.support.govd_process import OPERATOR, GovdProcess, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from textual.pilot import Pilot

ME: Final = "us-m3"
IMPOSTORS: Final = ("us-f2", "gb-f4", "gb-m7", "flite-slt", "rp-f5")
HEAD: Final = 44
ENOUGH: Final = 8


@pytest.fixture(scope="module")
def govd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovdProcess]:
    """A govd that was founded for a demo, with the demo's model in use."""
    process = GovdProcess(tmp_path_factory.mktemp("govd"))
    with contextlib.ExitStack() as stack:
        stack.push(process)
        process.found()
        (process.state / "voice").mkdir(mode=0o700, exist_ok=True)
        (process.state / "voice" / "demo").touch(mode=0o600)
        process.govd("voice", "model", "use", "titanet-demo")
        process.serve()
        yield process


def app_of(govd: GovdProcess) -> ConsoleApp:
    app = ConsoleApp(Session.open(Owner(OPERATOR, govd.operator_dir), govd.state))
    app.shell.studio = ScriptedStudio({"desk": speech.speak(ME, speech.TEXTS[0])[HEAD:]})
    return app


async def heard_out(pilot: Pilot[None], screen: type) -> None:
    """The dialog is there, and no longer deaf."""
    await until(pilot, lambda: isinstance(pilot.app.screen, screen), screen.__name__)
    await until(pilot, lambda: not pilot.app.screen.deaf, "a dialog that hears")  # type: ignore[attr-defined]


async def file(pilot: Pilot[None], folder: Path, *clips: bytes) -> None:
    """Give the dialog files."""
    paths = []
    for number, clip in enumerate(clips):
        path = folder / f"clip{number}.wav"
        path.write_bytes(clip)
        paths.append(str(path))
    await pilot.press("f")
    await until(pilot, lambda: pilot.app.screen.query("#line"), "the line")
    pilot.app.screen.query_one("#line").value = " ".join(paths)  # type: ignore[attr-defined]
    await pilot.press("enter")
    await until(pilot, lambda: not pilot.app.screen.query("#line"), "the dialog again")


def settled(pilot: Pilot[None]) -> bool:
    screen = pilot.app.screen
    return isinstance(screen, EnrollScreen) and not screen.taking.busy and not screen.taking.recording


async def enroll(pilot: Pilot[None], folder: Path) -> None:
    """The wizard, from the consent on, as `me`."""
    await shows(pilot, "● ")
    await pilot.press("3")
    await shows(pilot, "nobody is enrolled", "⚠ demo")
    await pilot.press("n")
    await until(pilot, lambda: pilot.app.screen.query("#line"), "the line")
    await pilot.press(*"me", "enter")
    await heard_out(pilot, EnrollScreen)
    await pilot.press("m", "y")
    await shows(pilot, "Where does the voice come from?", "desk")
    await pilot.press("enter")
    await shows(pilot, "Sample 1 of 5")
    await pilot.press("space")
    await shows(pilot, "ends it")
    await pilot.press("space")
    await shows(pilot, "Sample 2 of 5")
    # Somebody else at the microphone, silence, and what is no sound at all: none of them is kept.
    await file(pilot, folder, speech.speak("us-f2", speech.TEXTS[1]))
    await shows(pilot, "✗ left out  not the same voice")
    await file(pilot, folder, speech.silence(4.0))
    await shows(pilot, "✗ left out  too short: 0.0 s of speech")
    await file(pilot, folder, b"RIFF is not enough")
    await until(pilot, lambda: settled(pilot) and pilot.app.screen.enrollment.wrong, "a refusal")  # type: ignore[attr-defined]
    await file(pilot, folder, *(speech.speak(ME, text) for text in speech.TEXTS[1:ENOUGH]))
    await shows(pilot, f"{ENOUGH} samples are there")
    await pilot.press("enter")
    await shows(pilot, "Do the samples agree?", "agrees least")
    await pilot.press("enter")
    await shows(pilot, "One more, which is not kept")
    await file(pilot, folder, speech.speak("gb-f4", speech.TEXTS[9]))
    await shows(pilot, "✗ not recognised")
    await file(pilot, folder, speech.speak(ME, speech.TEXTS[9]))
    await shows(pilot, "✓ recognised")
    await pilot.press("enter")
    await shows(pilot, "✓ me is enrolled")
    await pilot.press("escape")
    await shows(pilot, "▌ me", "yours")


def verified(agent: Any, voice: str, text: str) -> dict[str, Any]:
    """What an agent is told of a clip."""
    answer = agent.http.post("/verify", files={"file": ("clip.wav", speech.speak(voice, text), "audio/wav")})
    assert isinstance(answer, httpx.Response)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def test_a_voice_is_enrolled_recognised_and_steps_up_and_others_are_refused(
    govd: GovdProcess, tmp_path: Path
) -> None:
    app = app_of(govd)
    async with running(app) as pilot:
        await enroll(pilot, tmp_path)

        # As agents ask.
        hit = verified(govd.agent("asker"), ME, speech.TEXTS[10])
        assert (hit["verified"], hit["speaker"]) == (True, "me")
        assert hit["confidence"] >= hit["threshold"]
        for number, voice in enumerate(IMPOSTORS):
            agent = govd.agent(f"asker-{number}")
            miss = verified(agent, voice, speech.TEXTS[10])
            assert (miss["verified"], miss["speaker"]) == (False, "unknown"), voice

        # As the operator steps up: not with the clip of before, nor with another's voice.
        await pilot.press("V")
        await heard_out(pilot, StepUpDialog)
        await shows(pilot, "f file")
        for clip in (speech.speak("rp-f5", speech.TEXTS[11]), speech.speak(ME, speech.TEXTS[10])):
            await file(pilot, tmp_path, clip)
            await until(pilot, lambda: "✗ " in screen_text(app) and not step_up_busy(pilot), "a refusal")
        await file(pilot, tmp_path, speech.speak(ME, speech.TEXTS[11]))
        await shows(pilot, "✓ your voice stands until", "✓ voice 1:59")
    assert '"state": "verified"' in twin(govd, "voices", "standing", "--json")
    assert "me" in twin(govd, "voices", "list")


def step_up_busy(pilot: Pilot[None]) -> bool:
    screen = pilot.app.screen
    return not isinstance(screen, StepUpDialog) or bool(screen.taking.busy)


def twin(govd: GovdProcess, *argv: str) -> str:
    """What the headless twin prints."""
    env = {"GOVD_STATE": str(govd.state), "GOVCONSOLE_OPERATOR_DIR": str(govd.operator_dir)}
    return run("govconsole", *argv, env=env).stdout.decode()
