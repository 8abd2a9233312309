"""Voices, end to end: synthetic speakers are enrolled through the wizard, told apart, and step up real votes.

All is real but the speakers and their microphone: govd, its doors, its decoders, the demo's model at its own
threshold, the console under the pilot, a browser. One govd serves all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from govconsole.capture.arecord import ARGUMENTS
from govconsole.screens.confirm import ConfirmDialog
from govconsole.screens.enroll import EnrollScreen
from govconsole.screens.stepup import StepUpDialog
from govconsole.screens.voicesigning import VoiceDialog
from govconsole.state.meter import RATE, WIDTH
from tests.e2e.conftest import audit_types, console, verify_log
from tests.govconsole.driver import queue_of, running, screen_text, shows, until
from tests.govconsole.studio import ScriptedStudio
from tests.support import alsa, needs, speech
from tests.support.chromium import Chromium
from tests.support.govd_process import GovdProcess, run
from tests.support.operator import answer
from tests.support.voicesigning import saving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from textual.pilot import Pilot

    from govconsole.app import ConsoleApp
    from tests.e2e.conftest import AheadClock

ME: Final = "us-m3"
IMPOSTORS: Final = ("us-f2", "gb-f4", "gb-m7", "flite-slt", "rp-f5")
ENOUGH: Final = 8
POLICY: Final = """\
version: 1
name: treasury
tools: ["pay.*"]
tool_calls: {effects: {"pay.*": irreversible}, allow: ["pay.*"]}
amounts:
  pay.*: {usd: arguments.amount, currency: arguments.currency}
custom:
  - {name: large, kinds: [tool_call], hold_if: 'usd(intent) > usd("100")', voice: required}
holds: {ttl: 12h}
"""


@pytest.fixture(scope="module")
def govd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovdProcess]:
    """A govd that was founded for a demo, with the demo's model in use and a rule that asks for a voice."""
    process = GovdProcess(tmp_path_factory.mktemp("govd"), policy=POLICY)
    with contextlib.ExitStack() as stack:
        stack.push(process)
        process.found()
        (process.state / "voice").mkdir(mode=0o700, exist_ok=True)
        (process.state / "voice" / "demo").touch(mode=0o600)
        process.govd("voice", "model", "use", "titanet-demo")
        process.serve()
        yield process


def opened(govd: GovdProcess) -> tuple[ConsoleApp, AheadClock]:
    """The console, on a machine whose one microphone hears the operator."""
    app, clock = console(govd)
    app.shell.studio = ScriptedStudio({"desk": alsa.pcm(speech.speak(ME, speech.TEXTS[0]))})
    return app, clock


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


def listened(pilot: Pilot[None]) -> float:
    """Seconds that the microphone of the wizard has heard."""
    screen = pilot.app.screen
    assert isinstance(screen, EnrollScreen)
    return screen.heard.seconds


async def began(pilot: Pilot[None], name: str, *keys: str) -> None:
    """The wizard, at its first sample. `keys`: before the consent is given."""
    await shows(pilot, "● ")
    await pilot.press("3")
    await shows(pilot, "Speakers", "⚠ demo")
    await pilot.press("n")
    await until(pilot, lambda: pilot.app.screen.query("#line"), "the line")
    await pilot.press(*name, "enter")
    await heard_out(pilot, EnrollScreen)
    await until(pilot, lambda: settled(pilot), "the microphones")
    await pilot.press(*keys, "y")
    await shows(pilot, "Where does the voice come from?", "desk")
    await pilot.press("enter")
    await shows(pilot, "Sample 1 of 5")


async def enroll(pilot: Pilot[None], folder: Path) -> None:
    """The wizard, from the consent on, as `me`."""
    await began(pilot, "me", "m")
    await pilot.press("space")
    await shows(pilot, "ends it")
    # What is ended earlier is a clip of what came until then.
    spoken = len(alsa.pcm(speech.speak(ME, speech.TEXTS[0]))) / RATE / WIDTH
    await until(pilot, lambda: listened(pilot) > spoken - 0.1, "all that was said")
    await pilot.press("space")
    await shows(pilot, "Sample 2 of 5")
    # Somebody else at the microphone, two people, silence, and what is no sound at all: none of them is kept.
    await file(pilot, folder, speech.speak("us-f2", speech.TEXTS[1]))
    await shows(pilot, "✗ left out  not the same voice")
    both = speech.joined(speech.speak(ME, speech.TEXTS[8]), speech.speak("us-f2", speech.TEXTS[8]))
    await file(pilot, folder, both)
    await shows(pilot, "✗ left out  several voices")
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
    await heard_out(pilot, VoiceDialog)
    await shows(pilot, "Enroll the voice of me", "it steps up the votes of whoever signs")
    await pilot.press("y")
    await shows(pilot, "✓ me is enrolled")
    await pilot.press("escape")
    await shows(pilot, "▌ me", "yours")


def verified(agent: Any, voice: str, text: str) -> dict[str, Any]:
    """What an agent is told of a clip."""
    sent = agent.http.post("/verify", files={"file": ("clip.wav", speech.speak(voice, text), "audio/wav")})
    assert isinstance(sent, httpx.Response)
    found: dict[str, Any] = sent.raise_for_status().json()
    return found


async def test_a_voice_is_enrolled_recognised_and_steps_up_and_others_are_refused(
    govd: GovdProcess, tmp_path: Path
) -> None:
    app, _ = opened(govd)
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
    assert '"state": "verified"' in twin(govd, "voices", "standing", "--json").stdout.decode()
    assert "me" in twin(govd, "voices", "list").stdout.decode()


def step_up_busy(pilot: Pilot[None]) -> bool:
    screen = pilot.app.screen
    return not isinstance(screen, StepUpDialog) or bool(screen.taking.busy)


def twin(govd: GovdProcess, *argv: str, expect: int | None = 0, **options: Any) -> Any:
    """The headless twin, in a process of its own."""
    env = {"GOVD_STATE": str(govd.state), "GOVCONSOLE_OPERATOR_DIR": str(govd.operator_dir)}
    return run("govconsole", *argv, env=env, expect=expect, **options)


# -- votes whose rule asks for a voice --------------------------------------------------------------------


@pytest.fixture
def unshown(govd: GovdProcess) -> GovdProcess:
    """The operator's voice is enrolled, and no step-up of his stands."""
    with govd.operator() as operator:
        if not any(one["operator"] for one in operator.get("/v1/voice")["speakers"]):
            start = {"name": "me", "consent_version": "1", "consented": True, "mine": True}
            draft = f"/v1/voice/drafts/{operator.post('/v1/voice/drafts', start)['id']}"
            for text in speech.TEXTS[:ENOUGH]:
                answer(operator.http.post(f"{draft}/samples", files={"file": speech.speak(ME, text)}))
            answer(operator.http.post(f"{draft}/check", files={"file": speech.speak(ME, speech.TEXTS[9])}))
            operator.post(f"{draft}/save", saving(operator, operator.get("/v1/voice"), operator.get(draft)))
        for one in operator.get("/v1/voice")["sessions"]:
            if one["operator"]:
                answer(operator.http.delete(f"/v1/voice/sessions/{one['id']}"))
    return govd


def pay(govd: GovdProcess, agent: str) -> str:
    """An agent wants to pay more than the rule lets pass; the held job."""
    action = {"tool": "pay.invoice", "arguments": {"amount": "250", "currency": "USD"}}
    client = govd.agent(agent)
    view = answer(client.http.post("/v1/intents", json={"kind": "tool_call", "action": action}))
    assert view["state"] == "held", view
    return str(view["job"])


def state_of(govd: GovdProcess, job: str) -> str:
    with govd.operator() as operator:
        return str(operator.get(f"/v1/jobs/{job}?peek=true")["state"])


async def test_a_vote_whose_rule_asks_for_a_voice_waits_for_the_operators_own(
    unshown: GovdProcess, tmp_path: Path
) -> None:
    govd = unshown
    job = await asyncio.to_thread(pay, govd, "payer")
    app, clock = opened(govd)
    async with running(app) as pilot:
        await shows(pilot, "payer", "needs voice: V verify")
        assert "✓ voice" not in screen_text(app)

        # Left without a voice there is no vote; somebody else's voice is no help.
        await pilot.press("a")
        await heard_out(pilot, StepUpDialog)
        await shows(pilot, "The rule of this job asks for your voice", "f file")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is queue_of(app), "the queue")
        assert await asyncio.to_thread(state_of, govd, job) == "held"
        await pilot.press("a")
        await heard_out(pilot, StepUpDialog)
        await shows(pilot, "f file")
        await file(pilot, tmp_path, speech.speak("gb-m7", speech.TEXTS[5]))
        await shows(pilot, "✗ not recognised", "f file")
        assert isinstance(app.screen, StepUpDialog)

        await file(
            pilot, tmp_path, speech.speak(ME, "I have read the invoice, and it is the one we ordered.")
        )
        await shows(pilot, "You sign this")
        clock.ahead += 1
        await pilot.press("y")
        await shows(pilot, "✓ approved", "✓ voice 1:59")
    assert await asyncio.to_thread(state_of, govd, job) == "processing"
    assert audit_types(govd).count("vote.cast") >= 1
    verify_log(govd)


def test_the_same_without_a_screen(unshown: GovdProcess, tmp_path: Path) -> None:
    govd = unshown
    job = pay(govd, "payer-two")
    token = json.loads(twin(govd, "jobs", "show", job, "--json").stdout)["review_token"]
    line = ("approve", job, "--token", token, "--reason", "matches the invoice")
    line += ("--passphrase-file", str(govd.passphrase_file))
    clip = tmp_path / "clip.wav"

    refused = twin(govd, *line, expect=None)
    assert refused.returncode != 0
    assert b"asks for your voice" in refused.stderr
    assert b"govconsole voices step-up FILE" in refused.stderr
    clip.write_bytes(speech.speak("gb-f4", speech.TEXTS[6]))
    impostor = twin(govd, "voices", "step-up", str(clip), expect=None)
    assert impostor.returncode != 0
    assert b"not recognised" in impostor.stderr
    assert twin(govd, *line, expect=None).returncode != 0
    assert state_of(govd, job) == "held"

    clip.write_bytes(speech.speak(ME, "The second invoice is right too, as far as I can tell from here."))
    stands = twin(govd, "voices", "step-up", str(clip))
    assert re.search(rb"your voice stands for 1:59", stands.stderr)
    assert b"approved: " in twin(govd, *line).stderr
    assert state_of(govd, job) == "processing"


# -- other sources ---------------------------------------------------------------------------------------


def test_what_arecord_hears_is_enrolled_from_a_pipe(govd: GovdProcess, tmp_path: Path) -> None:
    """Over SSH it is the same pipe: five samples with pauses between, and one more that has to match."""
    program = needs.program("arecord")
    pairs = zip(speech.TEXTS[::2], speech.TEXTS[1::2], strict=True)
    said = [speech.speak("scots-m1", f"{one} {two}") for one, two in pairs]
    heard = speech.joined(*said, speech.silence(0.5), gap=1.5)
    recorder = subprocess.Popen(
        [program, "-s", str(alsa.count(heard)), *ARGUMENTS],
        env=alsa.hearing(tmp_path, heard),
        stdout=subprocess.PIPE,
    )
    assert recorder.stdout is not None
    with recorder.stdout:
        line = ("enroll", "-", "--name", "piper", "--consent", "1")
        line += ("--passphrase-file", str(govd.passphrase_file))
        done = twin(govd, *line, stdin=recorder.stdout)
    assert recorder.wait(30) == 0
    assert done.stderr.count(b"agrees") == 4
    assert b"enrolled: piper, 5 samples" in done.stderr


# -- the browser's page as a source -----------------------------------------------------------------------


def recorded(url: str, heard: Path, seconds: float) -> None:
    """A browser opens the page, records what its microphone hears, and sends it."""
    with Chromium(heard) as chromium:
        page = chromium.page()
        page.go(url)
        page.until("!document.getElementById('recorder').hidden")
        page.click("#record")
        page.until(f"parseFloat(document.getElementById('elapsed').textContent) > {seconds}")
        page.click("#stop")
        page.until("!document.getElementById('send').hidden")
        page.click("#send")
        page.until("document.getElementById('status').textContent.includes('Sent:')")


async def test_what_a_browsers_page_records_arrives_in_the_wizard_and_another_console_goes_on(
    govd: GovdProcess, tmp_path: Path
) -> None:
    heard = tmp_path / "heard.wav"
    heard.write_bytes(
        speech.speak("rp-f5", "The page hears me say this, and the wizard says how good it is.")
    )
    app, _ = opened(govd)
    async with running(app) as pilot:
        await began(pilot, "guest")
        await file(
            pilot, tmp_path, speech.speak("rp-f5", "This one comes from a file, and is the first of two.")
        )
        await shows(pilot, "Sample 2 of 5")
        await pilot.press("b")
        await shows(pilot, "Open this page", "/capture/")
        assert isinstance(app.screen, EnrollScreen)
        await asyncio.to_thread(recorded, app.screen.taking.page, heard, 4.0)
        await shows(pilot, "Sample 3 of 5")
        draft = app.screen.enrollment.draft
        assert draft is not None
        first, second = draft.samples
        assert second.kept
        assert second.agreement is not None
        assert 3.0 < second.quality.seconds < 20.0
        assert first.quality.faults == second.quality.faults == []
        await pilot.press("escape")
        await shows(pilot, "Under way", "2 samples, ")

    # That console has ended. Another one of this operator goes on, with a microphone of its own.
    other, _ = opened(govd)
    async with running(other) as pilot:
        await shows(pilot, "● ")
        await pilot.press("3")
        await shows(pilot, "▌ guest", "2 samples, ", "whichever console began it")
        await pilot.press("n")
        await heard_out(pilot, EnrollScreen)
        await shows(pilot, "Where does the voice come from?", "desk")
        await until(pilot, lambda: settled(pilot), "where it stands")
        await pilot.press("enter")
        await shows(pilot, "Sample 3 of 5")
        await pilot.press("Q")
        await heard_out(pilot, ConfirmDialog)
        await pilot.press("ctrl+y")
        await until(pilot, lambda: "Under way" not in screen_text(other), "nothing under way")
