"""After a decision: an unknown outcome is resolved, and an approval taken back, by a key and a signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from govconsole.screens.signing import SigningDialog
from govd.contract.intents import IntentDetail, IntentState
from govd.contract.jobs import JobDetail, JobState
from govd.contract.votes import action_commitment, text_commitment
from tests.govconsole.driver import queue_of, running, screen_text, shows, until
from tests.govconsole.world import NOW, intent, job, mail_action, new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from govconsole.app import ConsoleApp
    from govd.contract.afterwards import ResolutionSubmission, RevocationSubmission
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend


def decided(*states: IntentState, title: str = "Push release 1.4.0", **more: object) -> JobDetail:
    """A job whose actions are all decided; those that were redeemed, by the runner."""
    name = new_id()
    settled = [_settled(name, state).model_copy(update=more) for state in states]
    update = {"settled": settled, "hold": None, "held": 0, "state": JobState.PROCESSING}
    return job(title, job_id=name).model_copy(update=update)


def _settled(name: str, state: IntentState) -> IntentDetail:
    redeemed = {"redeemed_by": "runner", "redeemed_at": NOW} if state is IntentState.UNKNOWN else {}
    return intent(name, state=state).model_copy(update=redeemed)


async def opened(pilot: Pilot[None], title: str) -> None:
    """The open jobs, with the one that has that title under the cursor."""
    await until(pilot, lambda: queue_of(pilot.app).status.connected)
    await pilot.press("t")
    await shows(pilot, title)
    await until(pilot, lambda: queue_of(pilot.app).situation().loaded)


async def asked(app: ConsoleApp, pilot: Pilot[None], clock: FakeClock, key: str) -> None:
    """Press the verb's key, and let the dialog's deaf moment pass."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, SigningDialog))
    clock.advance(0.31)


async def type_into(app: ConsoleApp, pilot: Pilot[None], field: str, text: str) -> None:
    app.screen.query_one(f"#{field}").focus()
    await pilot.press(*("space" if char == " " else char for char in text))


@pytest.mark.parametrize(
    ("typed", "status"), [("ran", "succeeded"), ("FAILED", "failed"), ("not run", "not_run")]
)
async def test_key_resolve(
    app: ConsoleApp,
    backend: FakeBackend,
    clock: FakeClock,
    unlocked: Callable[[], None],
    typed: str,
    status: str,
) -> None:
    lost = decided(IntentState.UNKNOWN)
    backend.put(lost)
    async with running(app, size=(120, 40)) as pilot:
        await opened(pilot, "Push release 1.4.0")
        unlocked()
        await asked(app, pilot, clock, "r")
        await shows(pilot, "Resolve: git push", "by runner, 2026-11-21 09:00:00 UTC", "Type ran, failed or")
        await type_into(app, pilot, "choice", typed)
        await type_into(app, pilot, "reason", "I looked")
        await pilot.press("ctrl+y")
        await shows(pilot, f"resolved as {status}")
    body = backend.resolutions[lost.settled[0].id]
    check_resolution(body, lost)
    assert body.statement.status == status


def check_resolution(body: ResolutionSubmission, detail: JobDetail) -> None:
    """It is about the very action that was shown, with the reason that was written."""
    (shown,) = detail.settled
    assert body.statement.job == detail.id
    assert body.statement.action == action_commitment(body.salt, shown.id, shown.body().sha256())
    assert body.statement.reason_commitment == text_commitment(body.salt, "I looked")


async def test_no_outcome_is_signed_without_a_word_for_it_and_a_reason(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    lost = decided(IntentState.UNKNOWN, IntentState.UNKNOWN)
    backend.put(lost)
    async with running(app, size=(80, 24)) as pilot:
        await opened(pilot, "Push release 1.4.0")
        unlocked()
        await asked(app, pilot, clock, "r")
        await pilot.press("y")
        await shows(pilot, "Type what became of it")
        await type_into(app, pilot, "choice", "perhaps")
        await pilot.press("ctrl+y")
        assert isinstance(app.screen, SigningDialog)
        app.screen.query_one("#choice").value = "ran"
        await pilot.press("ctrl+y")
        await shows(pilot, "Say how you know")
        await pilot.press("pagedown", "pagedown", "pagedown")
        await shows(pilot, "1 more action")
        await pilot.press("escape")
    assert backend.resolutions == {}


async def test_key_revoke(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    standing = decided(IntentState.APPROVED, IntentState.UNKNOWN)
    backend.put(standing)
    async with running(app, size=(120, 40)) as pilot:
        await opened(pilot, "Push release 1.4.0")
        unlocked()
        await asked(app, pilot, clock, "x")
        await shows(pilot, "Revoke: Push", "Approved, and not redeemed", "Redeemed already")
        await pilot.press("y")
        await shows(pilot, "Say why")
        await type_into(app, pilot, "reason", "no longer")
        await pilot.press("ctrl+y")
        await shows(pilot, "revoked: Push release 1.4.0")
        await until(pilot, lambda: queue_of(app).situation().state == "revoked")
    check_revocation(backend.revocations[standing.id], standing)


def check_revocation(body: RevocationSubmission, detail: JobDetail) -> None:
    assert body.statement.job == detail.id
    assert body.statement.reason_commitment == text_commitment(body.salt, "no longer")


async def test_the_footer_has_a_verb_while_it_works(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(decided(IntentState.APPROVED))
    async with running(app) as pilot:
        await opened(pilot, "Push release 1.4.0")
        await shows(pilot, "x revoke", "no approve, deny, guide:")
        assert "r resolve" not in screen_text(app)


async def test_the_verbs_say_why_they_do_not_work(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(decided(IntentState.SUCCEEDED))
    async with running(app) as pilot:
        await opened(pilot, "Push release 1.4.0")
        await pilot.press("r")
        await shows(pilot, "of nothing in this job the outcome is unknown")
        await pilot.press("x")
        await shows(pilot, "nothing in this job is approved")
        await pilot.press("space", "x")
        await shows(pilot, "it takes one job at a time")
        assert not isinstance(app.screen, SigningDialog)


@pytest.mark.threat("T12")
@pytest.mark.parametrize("change", [{"intent_sha256": "0" * 64}, {"job": new_id()}, {"agent": "mail-bot"}])
async def test_nothing_is_resolved_that_is_not_the_action_of_that_job(
    app: ConsoleApp, backend: FakeBackend, change: dict[str, str]
) -> None:
    """A backend shows a harmless action under the hash of a payment, or that of another job."""
    backend.put(decided(IntentState.UNKNOWN, **change))
    async with running(app) as pilot:
        await opened(pilot, "Push release 1.4.0")
        await pilot.press("r")
        await shows(pilot, "nothing is signed")
        assert not isinstance(app.screen, SigningDialog)


@pytest.mark.threat("T17")
async def test_hostile_text_in_what_is_settled_is_harmless(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    """An agent puts what a terminal obeys into an action that an operator will resolve or revoke."""
    name = new_id()
    action = mail_action(subject="x\x1b[2J\u202e[@click=app.quit]z")
    settled = [
        intent(name, kind="tool_call", action=action, state=state)
        for state in (IntentState.UNKNOWN, IntentState.APPROVED)
    ]
    update = {"settled": settled, "hold": None, "held": 0, "state": JobState.PROCESSING}
    backend.put(job("hostile", job_id=name).model_copy(update=update))
    async with running(app, size=(120, 50)) as pilot:
        await opened(pilot, "hostile")
        for key in ("r", "x"):
            await asked(app, pilot, clock, key)
            await shows(pilot, "[@click=app.quit]z")
            assert "\x1b" not in screen_text(app)
            assert "\u202e" not in screen_text(app)
            await pilot.press("escape")
