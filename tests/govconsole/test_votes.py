"""Votes by key press, over a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Button, Input

from govconsole.screens.vote import VoteDialog
from tests.govconsole.conftest import PASSPHRASE
from tests.govconsole.driver import queue_of, running, screen_text, shows, until
from tests.govconsole.world import gauge, held_decision, intent, job, new_id, push_action

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from govconsole.app import ConsoleApp
    from govconsole.session import Session
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend

KEYS = {" ": "space", ".": "full_stop", ",": "comma", "-": "minus"}


async def write(pilot: Pilot[None], text: str) -> None:
    await pilot.press(*(KEYS.get(char, char) for char in text))


async def open_dialog(pilot: Pilot[None], key: str, clock: FakeClock) -> None:
    await shows(pilot, "Why it is held")
    await pilot.press(key)
    await shows(pilot, "You sign this with your vote key, as anna")
    clock.advance(0.31)


async def test_a_held_job_is_approved_by_key_presses(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    backend.put(job())
    async with running(app) as pilot:
        await open_dialog(pilot, "a", clock)
        await pilot.press("y")
        await shows(pilot, "Passphrase of anna's vote key")
        clock.advance(0.31)
        await write(pilot, PASSPHRASE)
        await pilot.press("enter")
        await shows(pilot, "✓ approved anna", "key unlocked")
    vote = backend.submissions[0].signed.vote
    assert (vote.verdict, vote.operator) == ("approve", "anna")
    assert vote.on_screen_ms > 0


async def test_the_passphrase_is_asked_once(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    backend.put(job())
    unlocked()
    async with running(app) as pilot:
        await open_dialog(pilot, "a", clock)
        await pilot.press("y")
        await shows(pilot, "✓ approved anna")


async def test_a_wrong_passphrase_signs_nothing(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    backend.put(job())
    async with running(app) as pilot:
        await open_dialog(pilot, "a", clock)
        await pilot.press("y")
        await shows(pilot, "Passphrase of anna's vote key")
        clock.advance(0.31)
        await write(pilot, "wrong")
        await pilot.press("enter")
        await shows(pilot, "the vote key does not open")
    assert backend.submissions == []


async def test_the_key_locks_after_half_an_hour_without_a_key_press(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None], session: Session
) -> None:
    backend.put(job())
    unlocked()
    async with running(app) as pilot:
        await shows(pilot, "key unlocked")
        clock.advance(29 * 60)
        await pilot.press("j")
        clock.advance(29 * 60)
        assert session.keys.unlocked
        clock.advance(60)
        assert not session.keys.unlocked


async def test_a_denial_with_guidance_carries_both_texts(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    backend.put(job())
    unlocked()
    async with running(app) as pilot:
        await open_dialog(pilot, "g", clock)
        await pilot.press("y")
        await shows(pilot, "Say what the agent should do instead")
        await write(pilot, "push to a branch")
        await pilot.press("enter")
        await write(pilot, "main is frozen")
        await pilot.press("enter", "ctrl+y")
        await shows(pilot, "✗ denied, with guidance anna")
    sent = backend.submissions[0]
    assert (sent.signed.vote.verdict, sent.guidance, sent.reason) == (
        "deny_with_guidance",
        "push to a branch",
        "main is frozen",
    )


async def test_a_denial_needs_a_reason(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    backend.put(job())
    unlocked()
    async with running(app) as pilot:
        await open_dialog(pilot, "d", clock)
        await pilot.press("y")
        await shows(pilot, "A refusal needs a reason")
        assert isinstance(app.focused, Input)
        await write(pilot, "no")
        await pilot.press("ctrl+y")
        await shows(pilot, "✗ denied anna")
    assert backend.submissions[0].reason == "no"


@pytest.mark.parametrize("key", ["a", "d", "g"])
async def test_the_cursor_of_a_dialog_is_on_cancel_and_the_opening_key_confirms_nothing(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None], key: str
) -> None:
    backend.put(job())
    unlocked()
    async with running(app) as pilot:
        await open_dialog(pilot, key, clock)
        assert isinstance(app.focused, Button)
        assert app.focused.id == "cancel"
        await pilot.press(key, key, key)
        assert isinstance(app.screen, VoteDialog)
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, VoteDialog), "the dialog left")
    assert backend.submissions == []


async def test_keys_are_discarded_for_300_ms_after_a_dialog_opens(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    backend.put(job())
    unlocked()
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("a")
        await shows(pilot, "You sign this with your vote key, as anna")
        clock.advance(0.29)
        await pilot.press("y", "enter", "escape", "ctrl+y")
        await pilot.click("#confirm")
        assert isinstance(app.screen, VoteDialog)
        clock.advance(0.02)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, VoteDialog), "the dialog left")
    assert backend.submissions == []


async def test_the_dialog_shows_each_hash_the_token_and_the_totals_that_it_permits(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    name = new_id()
    crossing = gauge("48200.000000", "12000.000000", "50000.000000")
    held = intent(name, decision=held_decision(crossing=crossing))
    backend.put(job(job_id=name, intents=[held]))
    unlocked()
    async with running(app, size=(120, 40)) as pilot:
        await shows(pilot, "48,200.00 of 50,000.00 USD + 12,000.00", " over")
        await open_dialog(pilot, "a", clock)
        await shows(pilot, held.intent_sha256, "may reach 60,200.00 USD; its cap is", name)
        await pilot.press("y")
        await until(pilot, lambda: backend.submissions, "the vote")
    permit = backend.submissions[0].signed.vote.permits[0]
    assert (permit.cap, permit.highest) == ("treasury-daily", "60200.000000")


@pytest.mark.threat("T12")
async def test_an_action_that_is_not_the_one_whose_hash_is_stated_is_never_signed(
    app: ConsoleApp, backend: FakeBackend, unlocked: Callable[[], None]
) -> None:
    """A backend that shows one action and states the hash of another gets no signature for either."""
    name = new_id()
    honest = intent(name)
    shown = intent(name, action=push_action("file:///srv/git/harmless.git"))
    backend.put(job(job_id=name, intents=[shown.model_copy(update={"intent_sha256": honest.intent_sha256})]))
    unlocked()
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("a")
        await shows(pilot, "cannot be signed", "hash the backend states")
        assert not isinstance(app.screen, VoteDialog)
    assert backend.submissions == []


@pytest.mark.threat("T12")
async def test_what_is_signed_is_what_was_shown_although_the_job_changed_under_the_dialog(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    """An action swapped while the dialog is open does not get the vote: the token names what was rendered."""
    name = new_id()
    backend.put(job(job_id=name))
    unlocked()
    async with running(app) as pilot:
        await open_dialog(pilot, "a", clock)
        backend.put(job(job_id=name, intents=[intent(name, action=push_action("file:///srv/evil.git"))]))
        await until(
            pilot,
            lambda: "evil" in str(queue_of(app).details.of(name)),
            "the changed job",
        )
        assert "evil" not in screen_text(app)
        await pilot.press("y")
        await shows(pilot, "what was signed is not what stands")
    assert backend.submissions == []


async def test_verbs_say_why_they_do_not_work(app: ConsoleApp, backend: FakeBackend) -> None:
    async with running(app) as pilot:
        await shows(pilot, "Nothing is held", "no verbs: no job is under the cursor")
        assert "a approve" not in screen_text(app)
        await pilot.press("a")
        await shows(pilot, "approve: no job is under the cursor")
    assert backend.submissions == []
