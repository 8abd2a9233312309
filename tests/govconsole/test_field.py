"""What is pasted into a line is drawn as text, as what an agent wrote is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.widgets import Input

import govconsole
from govconsole.client.review import prepare
from govconsole.screens.passphrase import PassphraseDialog
from govconsole.screens.vote import VoteDialog
from govconsole.widgets.field import Field
from govd.contract.text import visible
from tests.govconsole.driver import running, screen_text, shows, until
from tests.govconsole.test_hostile_text import forbidden
from tests.govconsole.world import job

if TYPE_CHECKING:
    from govconsole.app import ConsoleApp
    from govconsole.session import Session
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend

PASTED = "a\x1b]52;c;cHdu\x07\x9b31m\u202eb\u200b\tc"
LEFT_OF_IT = "a]52;c;cHdu31mb c"
SOURCES = Path(govconsole.__file__).parent


@pytest.mark.threat("T17")
async def test_what_is_pasted_into_the_lines_reaches_no_terminal_raw(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    """Somebody who makes the operator copy a text does not reach his terminal by it."""
    backend.put(job())
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        for key in ("slash", "colon"):
            await pilot.press(key)
            app.post_message(events.Paste(PASTED))
            await shows(pilot, LEFT_OF_IT)
            assert not forbidden(screen_text(app))
            await pilot.press("X")
            await shows(pilot, LEFT_OF_IT + "X")
            await pilot.press("escape")


@pytest.mark.threat("T17")
async def test_what_is_pasted_into_a_reason_reaches_no_terminal_raw(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    """The words of a vote hold what was seen of them, and nothing else."""
    del backend
    async with running(app) as pilot:
        dialog = VoteDialog(prepare(job()), "deny_with_guidance", "anna", clock)
        await app.push_screen(dialog)
        await shows(pilot, "Guidance", "Cancel")
        clock.advance(1)
        for line in ("#reason", "#guidance"):
            field = dialog.query_one(line, Input)
            field.focus()
            app.post_message(events.Paste(PASTED))
            await until(pilot, lambda field=field: field.value == LEFT_OF_IT, "the text")  # type: ignore[misc]
        assert not forbidden(screen_text(app))


async def test_a_passphrase_is_taken_as_it_is_and_drawn_as_dots(
    app: ConsoleApp, backend: FakeBackend, session: Session, clock: FakeClock
) -> None:
    del backend
    async with running(app) as pilot:
        dialog = PassphraseDialog(session.keys, "anna", clock)
        await app.push_screen(dialog)
        await shows(pilot, "Passphrase")
        clock.advance(1)
        app.post_message(events.Paste("p\u200bq\x1b"))
        await until(pilot, lambda: dialog.query_one(Input).value == "p\u200bq\x1b", "the text")
        assert not forbidden(screen_text(app))


@pytest.mark.threat("T17")
@given(st.text())
def test_a_field_holds_only_what_can_be_drawn(text: str) -> None:
    """Whatever is put there: what stands there needs no escape."""
    kept = Field().validate_value(text)
    assert visible(kept) == kept
    assert kept == text or visible(text) != text


@pytest.mark.threat("T17")
def test_no_screen_makes_a_line_of_another_kind() -> None:
    """A bare input would draw what is pasted into it as it is."""
    bare = re.compile(r"\b(Input|MaskedInput|TextArea)\(")
    makes = {path.name for path in SOURCES.rglob("*.py") if bare.search(path.read_text(encoding="utf-8"))}
    assert makes == set()
