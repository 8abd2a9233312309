"""Votes by key press, over a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.govconsole.conftest import PASSPHRASE
from tests.govconsole.driver import running, shows, until
from tests.govconsole.world import job

if TYPE_CHECKING:
    from govconsole.app import ConsoleApp
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend


async def test_a_held_job_is_approved_by_key_presses(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    backend.put(job())
    async with running(app) as pilot:
        await shows(pilot, "Purpose, in the agent's words", "git push to file:///srv/git/app.git")
        await pilot.press("a")
        await shows(pilot, "You sign this with your vote key, as anna")
        clock.advance(1)
        await pilot.press("y")
        await shows(pilot, "Passphrase of anna's vote key")
        clock.advance(1)
        for char in PASSPHRASE:
            await pilot.press("space" if char == " " else char)
        await pilot.press("enter")
        await until(pilot, lambda: backend.submissions, "the vote")
        await shows(pilot, "approved", "Votes  1 of 1")
    assert backend.submissions[0].signed.vote.verdict == "approve"
