"""The first frame: there before anything heavy is loaded, and followed by the queue or by the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govconsole.app import ConsoleApp
from govd.contract.errors import IntegrityError
from tests.govconsole.driver import running, shows
from tests.govconsole.world import job

if TYPE_CHECKING:
    from govconsole.session import Session
    from tests.govconsole.fake_backend import FakeBackend


async def test_the_session_is_opened_behind_the_first_frame_and_the_queue_follows(
    session: Session, backend: FakeBackend
):
    backend.put(job("Push release 1.4.0"))

    async with running(ConsoleApp(lambda: session)) as pilot:
        assert pilot.app.screen_stack
        await shows(pilot, "Push release 1.4.0", "held 1")


async def test_a_session_that_cannot_be_opened_ends_the_app_with_its_reason():
    def refused() -> Session:
        raise IntegrityError("the memory of heads is not readable")

    app = ConsoleApp(refused)
    async with running(app) as pilot:
        while app.failed is None:
            await pilot.pause(0.01)

    assert app.failed.detail == "the memory of heads is not readable"


async def test_before_the_queue_is_there_a_key_does_nothing_but_leave(session: Session):
    app = ConsoleApp(lambda: session)
    async with running(app):
        app.action_act("alarms")
        app.action_act("quit")
    assert app.return_value is None
