"""What the enrollment wizard and the step-up dialog share: one clip at a time, from wherever it comes.

Must never let a recording outlive its dialog, nor take a clip that was recorded for another moment.
"""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from textual.widgets import Static

from govconsole.capture.files import listed, read_take
from govconsole.capture.recorder import LONGEST, Recorder
from govconsole.client.document import wrap
from govconsole.client.voices import Take
from govconsole.messages import MicrophonesFound, PageOpened, Recorded, Taken
from govconsole.screens.dialog import Dialog
from govconsole.screens.line import LineScreen
from govconsole.state.commandline import Offer
from govconsole.state.meter import Heard
from govconsole.state.meterview import meter_lines
from govconsole.widgets.paint import stacked
from govd.contract.errors import GovError, NotFoundError, UsageError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.timer import Timer

    from govconsole.capture.source import Microphone
    from govconsole.shell import Shell
    from govconsole.state.enrollment import Taking
    from govd.contract.voice import CaptureTicket

R = TypeVar("R")
_TENTH: Final = 0.1


class TakingDialog(Dialog[R]):
    """A dialog that takes clips.

    A subclass has `taking`, tells what works in `can`, draws in `redraw`, and gets clips in `took`.
    """

    page_pause: ClassVar[float] = 1.0
    """Seconds between two looks at a page of a browser."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell.session.clock)
        self.shell = shell
        self.heard = Heard()
        self._microphones: Sequence[Microphone] = ()
        self._recorder: Recorder | None = None
        self._ticks: Timer | None = None
        self._path = ""

    @property
    def taking(self) -> Taking:
        """Where clips come from."""
        raise NotImplementedError

    def can(self) -> Mapping[str, str]:
        """For each action why it does not work now."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw everything from the state."""
        raise NotImplementedError

    def took(self, takes: Sequence[Take]) -> None:
        """Clips are there."""
        raise NotImplementedError

    def failed(self, error: GovError) -> None:
        """There is no clip, and this is why."""
        raise NotImplementedError

    @property
    def wanted(self) -> float:
        """Seconds of speech to aim at."""
        raise NotImplementedError

    @property
    def prompt(self) -> str:
        """What a page of a browser shows to be said; empty: any words do."""
        return ""

    # Its life

    def on_mount(self) -> None:
        """Look for microphones."""
        super().on_mount()
        self.taking.looking = True
        self.run_worker(self._find(), group="find")

    def on_unmount(self) -> None:
        """Nothing is recorded for nobody."""
        if self._recorder is not None:
            self._recorder.stop()

    async def _find(self) -> None:
        self.post_message(MicrophonesFound(await asyncio.to_thread(self.shell.studio.microphones)))

    def on_microphones_found(self, message: MicrophonesFound) -> None:
        """The ways to record here; one that was chosen before stays chosen."""
        self._microphones = message.microphones
        self.taking.sources = tuple(one.name for one in message.microphones)
        self.taking.looking = False
        self.redraw()

    def may(self, action: str) -> bool:
        """Whether an action works now; if not, it is said why."""
        if self.deaf:
            return False
        why = self.can().get(action, "")
        if why:
            self.notify(visible(why), severity="warning", markup=False)
        return not why

    # A microphone

    def record(self, longest: float = LONGEST) -> None:
        """Begin to record with what is chosen, or end it."""
        if self._recorder is not None:
            self._recorder.stop()
            return
        self.close_page()
        recorder = self._recorder = Recorder(self._microphones[self.taking.chosen].open(), longest)
        self.heard = Heard()
        self.taking.recording = True
        self.run_worker(lambda: self._record(recorder), thread=True, group="record")
        self._ticks = self.set_interval(_TENTH, self._tick)
        self.redraw()

    def _record(self, recorder: Recorder) -> None:
        try:
            take = recorder.run()
        except GovError as error:
            self.post_message(Recorded(recorder, None, error))
        else:
            self.post_message(Recorded(recorder, take))

    def _tick(self) -> None:
        """Ten times a second at most, and in one widget: the meter."""
        if self._recorder is not None:
            self.heard = self._recorder.heard
            self.draw_meter()

    def on_recorded(self, message: Recorded) -> None:
        """It ended: a clip, or why there is none."""
        if message.recorder is not self._recorder:
            return
        self.heard = message.recorder.heard
        self._recorder = None
        self.taking.recording = False
        if self._ticks is not None:
            self._ticks.stop()
        if message.error is not None:
            self.failed(message.error)
        elif message.take is not None:
            self.took([message.take])
        self.redraw()

    def draw_meter(self) -> None:
        """What the microphone hears, where there is one."""
        meter = self.query_one("#meter", Static)
        meter.display = self.taking.recording or self.heard.seconds > 0
        if meter.display:
            room = max(meter.size.width, 40)
            rows = wrap(meter_lines(self.heard, room, self.wanted), room)
            meter.update(stacked(row.spans for row in rows), layout=False)

    # Files

    def ask_file(self, *, several: bool = False) -> None:
        """Ask for a path; `several`: or for some."""

        def offers(typed: str) -> list[Offer]:
            start, _, last = typed.rpartition(" ") if several else ("", "", typed)
            lead = f"{start} " if start else ""
            return [Offer(lead + path, path) for path in listed(last)]

        def entered(line: str | None) -> None:
            if line is None or not line.strip():
                return
            self._path = line
            self.taking.doing = "the file is being read"
            self.redraw()
            self.run_worker(self._read(line, several=several), group="takes")

        self.app.push_screen(LineScreen("file ", self._path, offers=offers), entered)

    async def _read(self, line: str, *, several: bool) -> None:
        try:
            try:
                paths = shlex.split(line) if several else [line.strip()]
            except ValueError:
                raise UsageError("a quotation mark is missing its other half") from None
            takes = [await asyncio.to_thread(read_take, path) for path in paths]
        except GovError as error:
            self.post_message(Taken(error=error))
        else:
            self.post_message(Taken(takes))

    # A page of a browser

    def open_page(self) -> None:
        """Have a page opened, and wait for its clip."""
        self.close_page()
        self.run_worker(self._page(), group="page", exclusive=True)

    def close_page(self) -> None:
        """Wait for it no more."""
        self.workers.cancel_group(self, "page")
        self.taking.page = ""

    async def _page(self) -> None:
        door = self.shell.session.voices
        try:
            ticket = await door.open_page(self.prompt)
            self.post_message(PageOpened(ticket))
            await self._wait_for(ticket)
        except NotFoundError:
            self.post_message(Taken(error=NotFoundError("the page's time is over", hint="open another one")))
        except GovError as error:
            self.post_message(Taken(error=error))
        else:
            self.post_message(Taken([Take(capture=ticket.id)]))

    async def _wait_for(self, ticket: CaptureTicket) -> None:
        # No event tells of it: a page is no matter of the log until its clip is used.
        while not (await self.shell.session.voices.page(ticket.id)).done:
            if self.shell.session.clock.now() >= ticket.expires_at:
                raise NotFoundError("the page's time is over")
            await asyncio.sleep(self.page_pause)

    def on_page_opened(self, message: PageOpened) -> None:
        """Its address is shown."""
        self.taking.page = message.ticket.url
        self.redraw()

    def on_taken(self, message: Taken) -> None:
        """Clips from elsewhere: what the meter showed is not theirs."""
        self.heard = Heard()
        self.taking.doing = ""
        self.taking.page = ""
        if message.error is not None:
            self.failed(message.error)
        elif message.takes:
            self.took(message.takes)
        self.redraw()
