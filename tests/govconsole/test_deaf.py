"""No key reaches a dialog that was pressed before its reader could have read it, however long it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from textual import events

from govconsole.client.document import Line, line
from govconsole.screens.passphrase import PassphraseDialog
from govconsole.screens.signing import Ask, SigningDialog
from tests.govconsole.driver import running, shows, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from govconsole.app import ConsoleApp
    from govconsole.session import Session
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend

LEFT = object()


class LongStatement(list[Line]):
    """So long that two seconds pass while it is put into lines; in them somebody presses a key."""

    def __init__(self, clock: FakeClock, press: Callable[[], object]) -> None:
        super().__init__([line("what is signed")])
        self.clock, self.press = clock, press
        self.laid = False

    def __iter__(self) -> Iterator[Line]:
        if not self.laid:
            self.laid = True
            self.clock.advance(2)
            self.press()
        return super().__iter__()


async def ask(app: ConsoleApp, clock: FakeClock, statement: list[Line]) -> list[Any]:
    answers: list[Any] = []
    dialog = SigningDialog(Ask(statement, "approve", "Sign"), clock)
    await app.push_screen(dialog, lambda found: answers.append(LEFT if found is None else found))
    return answers


@pytest.mark.threat("T17")
@pytest.mark.parametrize("key", ["y", "ctrl+y", "escape"])
async def test_a_key_that_was_pressed_before_the_statement_was_drawn_signs_nothing(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, key: str
) -> None:
    """However long an agent makes a statement: a key that was pressed before it stood there is none."""
    del backend
    async with running(app) as pilot:
        pressed = events.Key(key, key if len(key) == 1 else None)
        statement = LongStatement(clock, lambda: app.post_message(pressed))
        answers = await ask(app, clock, statement)
        await shows(pilot, "what is signed", "Cancel")
        assert statement.laid
        assert answers == []
        clock.advance(0.31)
        await pilot.press("y")
        await until(pilot, lambda: answers, "the answer")
    assert LEFT not in answers


@pytest.mark.threat("T17")
async def test_a_key_that_waited_is_as_old_as_it_is(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    """A key of the deaf moment stays one, when the screen stands still until the moment is over."""
    del backend
    async with running(app) as pilot:
        answers = await ask(app, clock, [line("what is signed")])
        await shows(pilot, "what is signed")
        clock.advance(1.0)
        clock.waited = 0.8
        await pilot.press("y", "escape")
        assert answers == []
        clock.waited = 0.6
        await pilot.press("y")
        await until(pilot, lambda: answers, "the answer")


async def test_the_passphrase_takes_what_is_typed_once_it_is_there(
    app: ConsoleApp, backend: FakeBackend, session: Session, clock: FakeClock
) -> None:
    del backend
    async with running(app) as pilot:
        dialog = PassphraseDialog(session.keys, "anna", clock)
        assert dialog.deaf
        clock.advance(5)
        assert dialog.deaf
        await app.push_screen(dialog)
        await shows(pilot, "Passphrase of anna's vote key")
        assert dialog.deaf
        clock.advance(0.31)
        assert not dialog.deaf
