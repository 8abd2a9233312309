"""The enrollment wizard: consent, source, samples, their agreement, a check with a fresh one, saved.

Must never go past a step that is not done, nor keep a sound: clips go to govd, which keeps a draft in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.widgets import Static

from govconsole.actions.model import Situation
from govconsole.actions.registry import SCOPES
from govconsole.binding import bindings
from govconsole.client.document import Span
from govconsole.client.voiceplan import VoicePlan
from govconsole.messages import Answered
from govconsole.screens.confirm import ConfirmDialog
from govconsole.screens.taking import TakingDialog
from govconsole.screens.voicesigning import sign_voice
from govconsole.state.enrollment import STEPS, Step
from govconsole.state.enrollview import ELSEWHERE, NAMES, enrollment_document, steps_spans
from govconsole.state.status import Group
from govconsole.widgets.chrome import Bar, FooterBar, HeaderBar
from govconsole.widgets.paint import content
from govconsole.widgets.pane import DocumentPane
from govd.contract.errors import ClipRefusedError, GovError, NotFoundError
from govd.contract.voice import DraftStart

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from govconsole.client.voices import Take
    from govconsole.shell import Shell
    from govconsole.state.enrollment import Enrollment, Taking

_LISTEN: Final = 15.0
"""Seconds for which a microphone is only listened to."""


class EnrollScreen(TakingDialog[bool]):
    """The wizard over the whole screen. Its answer: whether a voice was saved.

    Args:
        shell: The shared parts.
        enrollment: What is enrolled; one that was left goes on where it stood.
    """

    scope: ClassVar[str] = "enroll"
    BINDINGS: ClassVar[list[BindingType]] = bindings("enroll")
    DEFAULT_CSS = """
    EnrollScreen { background: $background; align: left top; }
    EnrollScreen #steps { height: 1; padding: 0 1; background: $surface; text-wrap: nowrap; }
    EnrollScreen #text { height: 1fr; background: $background; padding: 1 0 0 1; }
    EnrollScreen #meter { height: 3; padding: 0 2; display: none; }
    EnrollScreen #told { height: auto; max-height: 3; padding: 0 1; color: $role-bad; display: none; }
    """

    def __init__(self, shell: Shell, enrollment: Enrollment) -> None:
        super().__init__(shell)
        self.enrollment = enrollment
        self._door = shell.session.voices

    @property
    def taking(self) -> Taking:
        """Where clips come from."""
        return self.enrollment.taking

    @property
    def wanted(self) -> float:
        """Seconds of speech to aim at."""
        return self.enrollment.target

    def can(self) -> Mapping[str, str]:
        """For each action why it does not work now."""
        return self.enrollment.can()

    def compose(self) -> ComposeResult:
        """Title, steps, the step, the meter, what is wrong, the keys."""
        yield HeaderBar()
        yield Static(id="steps", markup=False)
        pane = DocumentPane(id="text")
        pane.can_focus = False  # its keys would move the text, and not the cursor
        yield pane
        yield Static(id="meter", markup=False)
        yield Static(id="told", markup=False)
        yield FooterBar()

    def on_mount(self) -> None:
        """Draw where it stands; of one that was left the backend is asked, which may have ended it."""
        super().on_mount()
        if self.enrollment.draft is None:
            self.redraw()
        else:
            self._ask("asking where it stands", self._stands())

    def on_resize(self) -> None:
        """Everything is laid out to the width."""
        self.call_after_refresh(self.redraw)

    def on_unmount(self) -> None:
        """Nothing of this dialog goes on."""
        super().on_unmount()
        self.taking.looking, self.taking.recording = False, False
        self.taking.doing, self.taking.page = "", ""

    # Drawing

    def redraw(self) -> None:
        """Draw everything from the state."""
        if not self.query("#steps"):
            return
        one, keymap = self.enrollment, self.shell.keymap
        title = Span(f"Enrollment ▸ {one.name}", "title")
        step = Span(f"step {STEPS.index(one.step) + 1} of {len(STEPS)}, {NAMES[one.step]}", "dim")
        self.query_one(HeaderBar).show([Group((title,), (title,)), Group((step,), (step,))])
        self.query_one("#steps", Static).update(content(steps_spans(one)))
        keys = {action.id: keymap.first("enroll", action.id) for action in SCOPES["enroll"].actions}
        self.query_one("#text", DocumentPane).show(enrollment_document(one, keys), keep_place=True)
        self.query_one("#text", DocumentPane).bring("▌ ")
        told = self.query_one("#told", Static)
        words = Span(f"{self.taking.busy} …", "dim") if self.taking.busy else Span(f"✗ {one.wrong}", "bad")
        told.display = bool(self.taking.busy or one.wrong)
        told.update(content([words]))
        self.draw_meter()
        listed = [("enroll", action) for action in SCOPES["enroll"].actions]
        self.query_one(FooterBar).show(listed, Situation(connected=True, can=self.can()), keymap)

    async def on_bar_picked(self, message: Bar.Picked) -> None:
        """A key in the footer was clicked."""
        message.stop()
        await self.run_action(message.name.partition(".")[2])

    # Clips

    def took(self, takes: Sequence[Take]) -> None:
        """Clips are there: listened to, or sent, one after the other."""
        step = self.enrollment.step
        if step is Step.RECORD:
            self._ask("the sample is being measured", self._samples(takes))
        elif step is Step.CHECK:
            self._ask("the sample is being compared", self._check(takes[0]))

    def failed(self, error: GovError) -> None:
        """There is no clip."""
        self.enrollment.wrong = f"{error.detail} ({error.hint})" if error.hint else error.detail

    # The backend

    def _ask(self, doing: str, work: Coroutine[None, None, Callable[[], None]]) -> None:
        self.taking.doing, self.enrollment.wrong = doing, ""
        self.redraw()
        self.run_worker(self._answer(work), group="backend")

    async def _answer(self, work: Coroutine[None, None, Callable[[], None]]) -> None:
        try:
            apply = await work
        except GovError as error:
            gone = isinstance(error, NotFoundError) and await self._is_gone()
            self.post_message(Answered(self._ended if gone else None, error))
        else:
            self.post_message(Answered(apply))

    async def _is_gone(self) -> bool:
        """Whether it is the enrollment that was not found, and not a page or a sample of it."""
        try:
            await self._door.draft(self._draft_id)
        except NotFoundError:
            return self.enrollment.draft is not None
        except GovError:
            return False
        return False

    def _ended(self) -> None:
        """Its hour is over, or govd was started anew: nothing of it is left anywhere."""
        self.shell.enrollment = self.enrollment.draft = None
        self.enrollment.step = Step.CONSENT

    def on_answered(self, message: Answered) -> None:
        """The backend answered: the state goes on by it."""
        self.taking.doing = ""
        if message.apply is not None:
            message.apply()
        if message.error is not None:
            self.failed(message.error)
        self.redraw()

    async def _stands(self) -> Callable[[], None]:
        draft = await self._door.draft(self._draft_id)
        return lambda: self.enrollment.drafted(draft)

    async def _start(self) -> Callable[[], None]:
        one = self.enrollment
        draft = await self._door.start(
            DraftStart(
                name=one.name, consent_version=one.voices.consent_version, consented=True, mine=one.mine
            )
        )

        def apply() -> None:
            one.began(draft)
            self.shell.enrollment = one

        return apply

    async def _samples(self, takes: Sequence[Take]) -> Callable[[], None]:
        draft, sample, refused = self._draft_id, None, None
        for take in takes:
            try:
                sample = await self._door.sample(draft, take)
            except ClipRefusedError as error:
                refused = error  # those before it may be kept: they are shown all the same
                break
            self.enrollment.sent.add(take.sha256 or sample.clip_sha256)
        after = await self._door.draft(draft)

        def apply() -> None:
            self.enrollment.last = sample
            self.enrollment.drafted(after)
            if sample is not None and sample.kept:
                self.enrollment.at = sample.number
            if refused is not None:
                self.failed(refused)

        return apply

    async def _drop(self, number: int) -> Callable[[], None]:
        draft = self._draft_id
        await self._door.drop(draft, number)
        after = await self._door.draft(draft)
        return lambda: self.enrollment.drafted(after)

    async def _check(self, take: Take) -> Callable[[], None]:
        checked = await self._door.check(self._draft_id, take)
        self.enrollment.sent.add(take.sha256 or checked.clip_sha256)

        def apply() -> None:
            self.enrollment.checked = checked

        return apply

    async def _plan(self) -> Callable[[], None]:
        """What is signed is what stands now, whatever was on the screen before."""
        draft, voices = await self._door.draft(self._draft_id), await self._door.voices()
        plan = VoicePlan(draft.name, voices, draft, frozenset(self.enrollment.sent))
        session = self.shell.session
        return lambda: sign_voice(
            self, session, plan, lambda: self._ask("the voice is being saved", self._save(plan))
        )

    async def _save(self, plan: VoicePlan) -> Callable[[], None]:
        speaker = await self.shell.session.save_voice(plan)

        def apply() -> None:
            self.enrollment.speaker = speaker
            self.enrollment.forward()
            self.shell.enrollment = None

        return apply

    async def _abandon(self) -> Callable[[], None]:
        await self._door.abandon(self._draft_id)

        def apply() -> None:
            self.shell.enrollment = None
            self.dismiss(False)  # noqa: FBT003 - the answer of the dialog

        return apply

    @property
    def _draft_id(self) -> str:
        return self.enrollment.draft.id if self.enrollment.draft is not None else ""

    # Keys

    def action_accept(self) -> None:
        """The consent was given."""
        if self.may("accept"):
            self._ask("the enrollment begins", self._start())

    def action_mine(self) -> None:
        """It is the operator's own voice, or it is not."""
        if self.may("mine"):
            self.enrollment.mine = not self.enrollment.mine
            self.redraw()

    def action_record(self) -> None:
        """Record, or end it."""
        if self.may("record"):
            self.enrollment.wrong = ""
            if self.enrollment.step is Step.SOURCE:
                self.record(_LISTEN)
            else:
                self.record()

    def action_file(self) -> None:
        """Take a file; samples may be several at once."""
        if self.may("file"):
            self.ask_file(several=self.enrollment.step is Step.RECORD)

    def action_page(self) -> None:
        """Take what a browser records."""
        if self.may("page"):
            self.open_page()

    def action_next(self) -> None:
        """The next step."""
        one = self.enrollment
        if one.step is Step.SAVED and not self.deaf:
            self.dismiss(True)  # noqa: FBT003 - the answer of the dialog
        elif self.may("next"):
            self.close_page()
            if one.step is Step.CHECK:
                self._ask("what is saved is being looked at", self._plan())
                return
            one.forward()
            self._fresh()

    def action_previous(self) -> None:
        """The step before."""
        if self.may("previous"):
            self.close_page()
            self.enrollment.back()
            self._fresh()

    def _fresh(self) -> None:
        """Another step: what the meter showed belongs to the last one."""
        self.heard = type(self.heard)()
        self.redraw()

    def action_drop(self) -> None:
        """Take a sample out."""
        if self.may("drop"):
            self._ask("the sample is taken out", self._drop(self.enrollment.at))

    def action_down(self) -> None:
        """The next source, or sample."""
        self._move(1)

    def action_up(self) -> None:
        """The source, or sample, before."""
        self._move(-1)

    def _move(self, by: int) -> None:
        if self.enrollment.step is Step.SOURCE:
            self.taking.choose(by, len(ELSEWHERE))
        else:
            self.enrollment.move(by)
        self.redraw()

    def action_leave(self) -> None:
        """Leave; it can be gone on with."""
        if self.deaf:
            return
        self.dismiss(self.enrollment.speaker is not None)

    def action_abandon(self) -> None:
        """Leave for good."""
        if self.may("abandon"):
            count = len(self.enrollment.kept)
            told = f"Nothing is kept of this enrollment: {count} sample{'s' * (count != 1)} would be gone."
            dialog = ConfirmDialog(self.shell.session.clock, "Leave it for good?", told, "Leave for good")
            self.app.push_screen(dialog, self._abandoned)

    def _abandoned(self, sure: bool | None) -> None:  # noqa: FBT001 - the answer of a dialog
        if sure:
            self._ask("it is left for good", self._abandon())
