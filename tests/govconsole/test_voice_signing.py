"""The signature on a voice: what the dialog shows is what is signed, and without the key nothing is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from govconsole.client.document import plain
from govconsole.client.voiceplan import VoicePlan, plan_document
from govconsole.screens.enroll import EnrollScreen
from govconsole.screens.passphrase import PassphraseDialog
from govconsole.screens.voicesigning import VoiceDialog
from govconsole.state.enrollment import Step
from govd.contract.errors import ConflictError
from govd.contract.voice import Draft, DraftSample, DraftStart, Voices
from govd.contract.voicechange import clips, contents, foreign
from govd.contract.votes import text_commitment
from tests.govconsole import fake_voices
from tests.govconsole.conftest import PASSPHRASE
from tests.govconsole.driver import running, screen_text, shows, until
from tests.govconsole.studio import ScriptedStudio
from tests.govconsole.test_enroll_wizard import enough, wizard
from tests.govconsole.test_votes import write
from tests.govconsole.world import NOW, new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from govconsole.app import ConsoleApp
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend


@pytest.fixture(autouse=True)
def _with_a_microphone(app: ConsoleApp) -> None:
    app.shell.studio = ScriptedStudio()


async def asked(pilot: Pilot[None], clock: FakeClock) -> None:
    """An enrollment of anna, up to the dialog that asks for the signature."""
    await enough(pilot, clock)
    await pilot.press("enter")
    await shows(pilot, "agree?")
    await pilot.press("enter")
    await shows(pilot, "One more")
    await pilot.press("space")
    await shows(pilot, "3.0 s")
    await pilot.press("space")
    await shows(pilot, "✓ recognised")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, VoiceDialog), "the dialog")
    await shows(pilot, "Enroll the voice of anna", "You sign this with your vote key, as anna")
    clock.advance(1)


async def test_an_enrollment_is_signed_as_it_was_shown(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    voices = backend.voices
    voices.owner, voices.speakers = "anna", [fake_voices.speaker("anna", operator="anna")]
    async with running(app, size=(120, 60)) as pilot:
        await asked(pilot, clock)
        await shows(pilot, "the policy in force gives it to this name", "the own voice of anna")
        (draft,) = voices.drafts.values()
        for shown in (*(f"✓ {one.label:<6}{one.text}" for one in clips(draft)), draft.model_sha256, draft.id):
            assert shown in screen_text(app)
        assert "not sent from here" not in screen_text(app)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, PassphraseDialog), "the passphrase")
        clock.advance(1)
        await write(pilot, PASSPHRASE)
        await pilot.press("enter")
        await shows(pilot, "✓ anna is enrolled")
    (signed,) = voices.signed
    statement, former = signed.statement, fake_voices.speaker("anna")
    assert (statement.operation, statement.replaces, statement.admin) == ("enroll", former.enrolment, True)
    assert statement.speaker_commitment == text_commitment(signed.salt, "anna")
    expected = contents(draft, fake_voices.VERSION, fake_voices.CONSENT).commitment(signed.salt)
    assert (statement.draft, statement.contents_commitment) == (draft.id, expected)


async def test_who_leaves_the_dialog_or_has_no_passphrase_saves_nothing(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    async with running(app) as pilot:
        await asked(pilot, clock)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, EnrollScreen), "the wizard")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, VoiceDialog), "the dialog")
        clock.advance(1)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, PassphraseDialog), "the passphrase")
        clock.advance(1)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, EnrollScreen), "the wizard")
        assert wizard(app).enrollment.step is Step.CHECK
        assert (backend.voices.signed, backend.voices.speakers) == ([], [])


@pytest.mark.threat("T24")
async def test_a_clip_that_did_not_come_from_here_stands_out_in_what_is_signed(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    """Who stole the token puts his own sample into an enrollment that its operator is about to sign."""
    backend.voices.slipped = b"RIFF of a thief"
    async with running(app, size=(120, 60)) as pilot:
        await asked(pilot, clock)
        await shows(pilot, "⚠ 1 of 6 clips were not sent from here")
        assert f"⚠ 1     {fake_voices.digest(b'RIFF of a thief')}" in screen_text(app)


async def test_what_changed_since_the_dialog_is_not_done_and_is_signed_anew(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    unlocked()
    async with running(app) as pilot:
        await asked(pilot, clock)
        backend.voices.speakers = [fake_voices.speaker("anna")]
        await pilot.press("y")
        await shows(pilot, "✗ the signature is about something else: look again")
        await pilot.press("enter")
        await shows(pilot, "replaces", "6 samples, enrolled")
        clock.advance(1)
        await pilot.press("y")
        await shows(pilot, "✓ anna is enrolled")
    assert len(backend.voices.signed) == 1


def drafted(*sent: str) -> Draft:
    """An enrollment of these clips."""
    samples = [
        DraftSample(
            number=number,
            quality=fake_voices.quality(),
            kept=True,
            clip_sha256=fake_voices.digest(text),
            print_sha256=fake_voices.digest("print " + text),
        )
        for number, text in enumerate(sent, 1)
    ]
    return Draft(
        id=new_id(),
        name="anna",
        mine=False,
        model_sha256="5e" * 32,
        samples=samples,
        net_seconds=30,
        matrix=[],
        ready=True,
        verified=True,
        checked_sha256=fake_voices.digest("check"),
        expires_at=NOW,
    )


def test_without_anybody_who_looks_other_clips_are_not_signed_for() -> None:
    sent = {fake_voices.digest(text) for text in ("one", "two", "check")}
    start = DraftStart(name="anna", consent_version="1", consented=True)
    foreign(drafted("one", "two"), start, sent)
    with pytest.raises(ConflictError, match="1 of 4 clips"):
        foreign(drafted("one", "two", "three"), start, sent)


@pytest.mark.threat("T12")
@pytest.mark.parametrize("asked", [{"name": "bert"}, {"mine": True}])
def test_nor_for_another_voice_than_was_asked_for(asked: dict[str, object]) -> None:
    """A backend that lies shows the enrollment of the policy's owner to whoever enrolls a guest."""
    sent = {fake_voices.digest(text) for text in ("one", "two", "check")}
    raw = {"name": "anna", "consent_version": "1", "consented": True}
    with pytest.raises(ConflictError, match="as it was asked for"):
        foreign(drafted("one", "two"), DraftStart.model_validate({**raw, **asked}), sent)


def test_hostile_names_in_a_picture_stay_words() -> None:
    picture = Voices(
        model=None,
        owner="anna",
        speakers=[fake_voices.speaker("anna")],
        consent_version="\x1b[2J",
        consent_text="text",
        prompts=[],
        minimum_samples=5,
        maximum_samples=10,
        minimum_net_seconds=30,
    )
    shown = plain(plan_document(VoicePlan("anna", picture, drafted("one")), "anna"))
    assert "\x1b" not in shown
