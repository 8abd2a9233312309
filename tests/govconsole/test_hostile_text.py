"""What agents write reaches the screen as text that can be seen, and as nothing else."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest

from govconsole.client.document import plain
from govconsole.client.jobview import job_document
from govconsole.client.row import Row
from govconsole.messages import Refused
from govd.contract.errors import ForbiddenError
from govd.contract.system import Alarm
from tests.govconsole.driver import running, screen_text, shows
from tests.govconsole.world import NOW, held_decision, intent, job, new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from govconsole.app import ConsoleApp
    from govconsole.session import Session
    from govd.contract.jobs import JobDetail
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend

ESC_TITLE = "\x1b]0;owned\x07\x1b[2J"
CLICK = "[@click=app.quit]x[/]"
BIDI = "invoice\u202efdp.exe"
HIDDEN = "pay\u200bpal\x9b31m"
HOSTILE = f"{CLICK} {BIDI} {HIDDEN} {ESC_TITLE}"


def hostile_job() -> JobDetail:
    name = new_id()
    tool = intent(
        name,
        kind="tool_call",
        action={
            "tool": "mail.send",
            "arguments": {CLICK: HOSTILE, "b": {BIDI: [HIDDEN]}},
            "domains": [HIDDEN],
        },
        purpose=HOSTILE,
        decision=held_decision(message=HOSTILE),
    )
    run = intent(
        name,
        action={
            "argv": ["sh", "-c", HOSTILE],
            "cwd": "/" + BIDI,
            "binary": {"path": "/" + HIDDEN, "sha256": "a" * 64},
        },
    )
    return job(title=f"{CLICK}{BIDI}", job_id=name, intents=[tool, run], purpose=HOSTILE)


def forbidden(text: str) -> set[str]:
    """What a terminal would obey or not show."""
    return {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Co", "Cs"} and char != "\n"}


@pytest.mark.threat("T17")
@pytest.mark.parametrize("size", [(80, 24), (120, 60)])
async def test_hostile_text_is_on_the_screen_as_text(
    app: ConsoleApp,
    backend: FakeBackend,
    clock: FakeClock,
    unlocked: Callable[[], None],
    size: tuple[int, int],
) -> None:
    """ESC, C1, bidi and zero-width characters are shown as escapes; markup in data runs no action."""
    backend.put(hostile_job())
    unlocked()
    async with running(app, size=size) as pilot:
        await shows(pilot, "[@click=app.quit]x[/]", "\\u202e")
        assert not forbidden(screen_text(app))
        assert not forbidden(app.export_screenshot())
        for y, row in enumerate(screen_text(app).split("\n")):
            if (x := row.find("[@click")) >= 0:
                await pilot.click(offset=(x + 2, y))
        await pilot.press("o")
        await shows(pilot, "Full arguments")
        assert not forbidden(screen_text(app))
        await pilot.press("escape")
        await pilot.press("a")
        await shows(pilot, "You sign this with your vote key")
        assert not forbidden(screen_text(app))
        clock.advance(1)
        await pilot.press("y")
        await shows(pilot, "✓ approved anna")
        assert not forbidden(screen_text(app))
        assert app.is_running


@pytest.mark.threat("T17")
async def test_hostile_text_in_refusals_and_alarms_is_text_too(app: ConsoleApp, backend: FakeBackend) -> None:
    """An error of the backend that quotes an agent reaches no terminal raw."""
    backend.alarms = [
        Alarm(id="1", kind="disk", subject="x", message=HOSTILE, mend=f"run {CLICK}", raised_at=NOW)
    ]
    async with running(app) as pilot:
        await shows(pilot, "mend: run", "[@click=app.quit]x[/]  ! alarms")
        app.screen.post_message(Refused("", ForbiddenError(f"{HOSTILE} was refused")))
        await shows(pilot, "was refused")
        assert not forbidden(screen_text(app))


@pytest.mark.threat("T17")
def test_rows_and_documents_carry_nothing_that_a_terminal_obeys() -> None:
    """Both outlets of a job, the list and the review, are sanitised before they leave the client."""
    hostile = hostile_job()
    assert not forbidden(Row.of(hostile).title)
    assert not forbidden(plain(job_document(hostile)))


def test_alphabets_that_are_mixed_in_one_word_are_flagged() -> None:
    assert "mixed alphabets" in Row.of(job(title="pаypal")).title  # noqa: RUF001 - the second letter is Cyrillic


def test_the_model_that_is_hashed_keeps_every_character(session: Session) -> None:
    del session
    hostile = hostile_job()
    assert hostile.hold is not None
    for item in hostile.hold.intents:
        assert item.body().sha256() == item.intent_sha256
