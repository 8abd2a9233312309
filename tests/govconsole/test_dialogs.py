"""Dialogs: nothing is signed by accident, all of it can be read, and the ways out are on the screen."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Button, Input

from govconsole.client.batch import Batch
from govconsole.client.document import line
from govconsole.client.review import Words, prepare
from govconsole.client.statement import short_id
from govconsole.client.votekeys import KeyRing
from govconsole.screens.batch import BatchDialog
from govconsole.screens.passphrase import PassphraseDialog
from govconsole.screens.reader import Reader
from govconsole.screens.signing import SigningDialog
from govconsole.screens.vote import VoteDialog
from tests.govconsole.conftest import PASSPHRASE
from tests.govconsole.driver import running, screen_text, shows, until
from tests.govconsole.world import held_decision, intent, job, mail_action, new_id

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from govconsole.app import ConsoleApp
    from govconsole.session import Session
    from govd.contract.jobs import JobDetail
    from govd.contract.votes import Verdict
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend

SIZES = [(80, 24), (120, 36)]
LONG = "\n".join(f"line {number} of what is signed" for number in range(120))
LEFT = object()


def long_job() -> JobDetail:
    name = new_id()
    letters = [
        intent(name, kind="tool_call", action=mail_action(body=LONG, subject="first")),
        intent(name, kind="tool_call", action={"tool": "deploy", "arguments": {"plan": "x" * 900 + "END"}}),
    ]
    return job("a job with much to sign", job_id=name, intents=letters)


async def ask(
    app: ConsoleApp, clock: FakeClock, detail: JobDetail, verdict: Verdict = "approve", *, typed: bool = False
) -> list[Any]:
    """Push the dialog; what it answers arrives in the list."""
    answers: list[Any] = []
    dialog = VoteDialog(prepare(detail), verdict, "anna", clock, typed=typed)
    await app.push_screen(dialog, lambda found: answers.append(LEFT if found is None else found))
    return answers


async def hear(pilot: Pilot[None], clock: FakeClock) -> None:
    """Let the moment pass in which the dialog is deaf."""
    await shows(pilot, "Cancel")
    clock.advance(0.31)


def inside(app: ConsoleApp, selector: str) -> bool:
    """Whether a widget is wholly on the screen."""
    found = app.screen.query_one(selector)
    return app.screen.region.contains_region(found.region) and found.region.area > 0


@pytest.mark.parametrize("size", [*SIZES, (200, 60), (60, 16)])
@pytest.mark.parametrize("verdict", ["approve", "deny", "deny_with_guidance"])
async def test_the_ways_out_are_on_the_screen_whatever_there_is_to_sign(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, size: tuple[int, int], verdict: Verdict
) -> None:
    del backend
    async with running(app, size=size) as pilot:
        await ask(app, clock, long_job(), verdict, typed=True)
        await shows(pilot, "more line")
        for selector in ("#cancel", "#confirm", "#reason", "#typed", "#what"):
            assert inside(app, selector), (selector, screen_text(app))
        assert isinstance(app.focused, Button)
        assert app.focused.id == "cancel"


@pytest.mark.parametrize("size", SIZES)
async def test_all_of_what_is_signed_can_be_read_without_leaving_cancel(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, size: tuple[int, int]
) -> None:
    del backend
    detail = long_job()
    async with running(app, size=size) as pilot:
        await ask(app, clock, detail)
        await hear(pilot, clock)
        await shows(pilot, "a job with much to sign", "more lines, space")
        seen = screen_text(app)
        for _ in range(200):
            if "more line" not in screen_text(app):
                break
            await pilot.press("pagedown")
            seen += screen_text(app)
        for number in range(120):
            assert f"line {number} of what is signed" in seen
        assert "END" in seen
        assert "cut" not in seen
        assert detail.id in seen
        await pilot.press("k", "pageup", "j")
        await shows(pilot, "more line")
        assert isinstance(app.focused, Button)


async def test_what_must_be_typed_is_needed_and_takes_any_case(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    del backend
    detail = job()
    end = short_id(detail.id)
    async with running(app) as pilot:
        answers = await ask(app, clock, detail, typed=True)
        await shows(pilot, f"Type {end}, the end of the job's id")
        await hear(pilot, clock)
        await pilot.press("y")
        await shows(pilot, "so much is at stake")
        assert isinstance(app.focused, Input)
        await pilot.press(*end[:-1], "ctrl+y")
        assert answers == []
        app.screen.query_one("#typed", Input).value = f" {end.upper()} "
        await pilot.press("ctrl+y")
        await until(pilot, lambda: answers, "the answer")
    assert answers == [Words()]


@pytest.mark.parametrize("size", SIZES)
async def test_the_mouse_confirms_and_cancels(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, size: tuple[int, int]
) -> None:
    del backend
    async with running(app, size=size) as pilot:
        answers = await ask(app, clock, long_job())
        await shows(pilot, "Cancel")
        await pilot.click("#confirm")
        assert answers == []
        clock.advance(0.31)
        await pilot.click("#cancel")
        await until(pilot, lambda: answers, "the answer")
        assert answers == [LEFT]
        answers = await ask(app, clock, long_job(), "deny")
        await hear(pilot, clock)
        await pilot.click("#reason")
        await pilot.press(*"no")
        await pilot.click("#confirm")
        await until(pilot, lambda: answers, "the answer")
    assert answers == [Words(reason="no")]


@pytest.mark.parametrize("key", ["y", "ctrl+y", "escape", "enter", "space", "j"])
async def test_every_key_is_deaf_at_first(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, key: str
) -> None:
    del backend
    async with running(app) as pilot:
        answers = await ask(app, clock, long_job())
        await shows(pilot, "● embedded", "Cancel")
        before = screen_text(app)
        await pilot.press(key)
        assert isinstance(app.screen, SigningDialog)
        assert screen_text(app) == before
    assert answers == []


async def test_enter_in_a_line_goes_on_and_signs_nothing(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    del backend
    async with running(app) as pilot:
        answers = await ask(app, clock, job(), "deny_with_guidance")
        await hear(pilot, clock)
        await pilot.click("#guidance")
        await pilot.press(*"branch", "enter", *"frozen", "enter")
        assert answers == []
        assert isinstance(app.focused, Button)
        assert app.focused.id == "cancel"
        await pilot.press("y")
        await until(pilot, lambda: answers, "the answer")
    assert answers == [Words(reason="frozen", guidance="branch")]


async def test_a_resized_terminal_keeps_the_ways_out(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    del backend
    async with running(app, size=(120, 50)) as pilot:
        await ask(app, clock, long_job())
        await shows(pilot, "Cancel")
        await pilot.resize_terminal(70, 18)
        await until(pilot, lambda: inside(app, "#confirm") and inside(app, "#cancel"), "the buttons")


def batch(verdict: Verdict = "approve", jobs: int = 30) -> Batch:
    """Jobs that cannot be undone, and one that gets no vote."""
    final = held_decision().model_copy(update={"effect": "irreversible"})
    ready = []
    for number in range(jobs):
        name = new_id()
        ready.append(prepare(job(f"job {number:02}", job_id=name, intents=[intent(name, decision=final)])))
    return Batch(verdict, ready, [("the last", "it has changed since you read it")])


@pytest.mark.parametrize("size", SIZES)
async def test_votes_on_many_jobs_say_each_one_and_need_their_number_in_writing(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, size: tuple[int, int]
) -> None:
    del backend
    answers: list[Any] = []
    async with running(app, size=size) as pilot:
        await app.push_screen(BatchDialog(batch(), "anna", clock), answers.append)
        await hear(pilot, clock)
        await shows(pilot, "Approve: 30 jobs", "30 cannot be undone: type 30", "Sign 30 votes: Approve")
        for selector in ("#cancel", "#confirm", "#reason", "#typed", "#what"):
            assert inside(app, selector), (selector, screen_text(app))
        seen = ""
        while "more line" in screen_text(app):
            seen += screen_text(app)
            await pilot.press("pagedown")
        seen += screen_text(app)
        assert all(f"job {number:02}" in seen for number in range(30))
        assert "it has changed since you read it" in seen
        await pilot.press("y")
        await shows(pilot, "Type the number of jobs")
        await pilot.press(*"29", "ctrl+y")
        assert answers == []
        app.screen.query_one("#typed", Input).value = "30"
        await pilot.press("ctrl+y")
        await until(pilot, lambda: answers, "the answer")
    assert answers == [Words()]


async def test_refusing_many_jobs_needs_a_reason_and_no_number(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    del backend
    answers: list[Any] = []
    async with running(app) as pilot:
        await app.push_screen(BatchDialog(batch("deny", 2), "anna", clock), answers.append)
        await hear(pilot, clock)
        await pilot.press("y")
        await shows(pilot, "A refusal needs a reason")
        await pilot.press(*"no", "ctrl+y")
        await until(pilot, lambda: answers, "the answer")
    assert answers == [Words(reason="no")]


async def test_the_help_of_a_dialog_lists_its_keys(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    del backend
    async with running(app) as pilot:
        await ask(app, clock, job())
        await hear(pilot, clock)
        await pilot.press("f1")
        await shows(pilot, "Keys ▸ Vote", "Sign what is shown, and send it.")
        await pilot.press("escape")
        await shows(pilot, "You sign this")


async def ask_passphrase(app: ConsoleApp, session: Session) -> tuple[PassphraseDialog, list[Any]]:
    answers: list[Any] = []
    dialog = PassphraseDialog(session.keys, "anna", session.clock)
    await app.push_screen(dialog, answers.append)
    return dialog, answers


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("how", ["enter", "mouse"])
async def test_the_passphrase_is_hidden_opens_the_key_and_is_not_kept(
    app: ConsoleApp,
    backend: FakeBackend,
    session: Session,
    clock: FakeClock,
    size: tuple[int, int],
    how: str,
) -> None:
    del backend
    async with running(app, size=size) as pilot:
        dialog, answers = await ask_passphrase(app, session)
        await shows(pilot, "Passphrase of anna's vote key", "after 30 min without a key press")
        clock.advance(0.31)
        assert inside(app, "#cancel")
        await pilot.press(*PASSPHRASE)
        assert PASSPHRASE not in screen_text(app)
        await (pilot.press("enter") if how == "enter" else pilot.click("#unlock"))
        await until(pilot, lambda: answers, "the answer")
        assert PASSPHRASE not in repr(vars(dialog))
        assert session.keys.unlocked
    assert answers == [True]


async def test_a_wrong_passphrase_is_said_and_asked_again(
    app: ConsoleApp, backend: FakeBackend, session: Session, clock: FakeClock
) -> None:
    del backend
    async with running(app) as pilot:
        _, answers = await ask_passphrase(app, session)
        await hear(pilot, clock)
        await pilot.press(*"wrong", "enter")
        await shows(pilot, "the vote key does not open: wrong passphrase")
        assert isinstance(app.focused, Input)
        assert app.focused.value == ""
        await pilot.press(*PASSPHRASE, "enter")
        await until(pilot, lambda: answers, "the answer")
    assert answers == [True]


class SlowKeys(KeyRing):
    """Opens when the test says so."""

    def __init__(self, keys: KeyRing, clock: FakeClock) -> None:
        super().__init__(keys._path, clock)  # noqa: SLF001 - the same key
        self.go, self.locked = threading.Event(), threading.Event()

    def unlock(self, passphrase: str) -> None:
        assert self.go.wait(30)
        super().unlock(passphrase)

    def lock(self) -> None:
        super().lock()
        self.locked.set()


@pytest.mark.parametrize("leave", ["escape", "#cancel"])
async def test_whoever_leaves_while_the_key_opens_leaves_it_locked(
    app: ConsoleApp, backend: FakeBackend, session: Session, clock: FakeClock, leave: str
) -> None:
    del backend
    keys = SlowKeys(session.keys, clock)
    answers: list[Any] = []
    async with running(app) as pilot:
        await app.push_screen(PassphraseDialog(keys, "anna", clock), answers.append)
        await hear(pilot, clock)
        await pilot.press(*PASSPHRASE, "enter")
        await shows(pilot, "Opening the key")
        await (pilot.click(leave) if leave.startswith("#") else pilot.press(leave))
        await until(pilot, lambda: answers, "the answer")
        keys.go.set()
        assert await asyncio.to_thread(keys.locked.wait, 30)
    assert answers == [None]
    assert not keys.unlocked


@pytest.mark.parametrize("key", ["escape", "q", "o", "c", "question_mark"])
async def test_a_reader_shows_everything_and_is_left_by_its_keys(
    app: ConsoleApp, backend: FakeBackend, key: str
) -> None:
    del backend
    async with running(app, size=(80, 24)) as pilot:
        await app.push_screen(Reader("A title", [line(f"row {number}") for number in range(100)]))
        await shows(pilot, "A title", "row 0", "esc back")
        await pilot.press("space")
        await shows(pilot, "row 40")
        await pilot.press("end")
        await shows(pilot, "row 99")
        await pilot.press(key)
        await until(pilot, lambda: not isinstance(app.screen, Reader), "back")
