"""What keys do to the queue's list: moving, marking, sorting, filtering. Must never touch a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from govconsole.actions.queue import SORTS, VIEWS
from govconsole.screens.view import View
from govconsole.state.commandline import Offer
from govconsole.state.queue import Queue
from govd.contract.errors import GovError, UsageError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govconsole.shell import Shell
    from govconsole.widgets.joblist import JobList

T = TypeVar("T", bound=str)


class QueueMoves(View):
    """The half of the Queue that moves over the list."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self.queue = Queue()

    def moved(self) -> None:
        """The cursor, or what is on the screen, is another by the operator's own hand."""
        raise NotImplementedError

    def chosen(self) -> None:
        """Another selection was chosen: its rows are fetched."""
        raise NotImplementedError

    # Over the rows

    def do_down(self) -> None:
        """The next job."""
        self._move(1)

    def do_up(self) -> None:
        """The job before."""
        self._move(-1)

    def do_page_down(self) -> None:
        """One screen further."""
        self._move(self.queue.window.height - 1)

    def do_page_up(self) -> None:
        """One screen back."""
        self._move(1 - self.queue.window.height)

    def do_top(self) -> None:
        """The first job of all."""
        self.queue.jump("first")
        self.moved()

    def do_bottom(self) -> None:
        """The last job of all."""
        self.queue.jump("last")
        self.moved()

    def _move(self, by: int) -> None:
        self.queue.move(by)
        self.moved()

    def do_show_new(self) -> None:
        """Show what is new."""
        self.queue.reveal()
        self.moved()

    # Marks

    def do_mark(self) -> None:
        """Mark the job, and go on to the next."""
        self.queue.mark()
        self._move(1)

    def do_range(self) -> None:
        """Begin a range; or mark it."""
        self.queue.range()
        self.moved()

    def do_clear(self) -> None:
        """Back by one step: out of the zoom, the range, the marks, the filter."""
        if self.has_class("-zoom"):
            self.zoom(out=True)
        elif self.queue.escape():
            self.moved()
        elif self.queue.wanted.filter:
            self.do_filter("")
        elif self.now().pane != "list" or self.shell.tour is None:
            self.zoom(out=True)
        else:
            self.shell.tour.end()

    def zoom(self, *, out: bool = False) -> None:
        """The job over the whole screen, or back."""
        raise NotImplementedError

    # Which jobs, in which order

    def do_view(self, name: str = "") -> None:
        """The next view, or the one that is named."""
        place = VIEWS.index(self.queue.wanted.view)
        self.queue.switch(_named(name, VIEWS) if name else VIEWS[(place + 1) % len(VIEWS)])
        self.chosen()

    def do_sort(self, name: str = "") -> None:
        """The next order, or the one that is named."""
        now = self.queue.wanted.order
        place = SORTS.index(now) if now in SORTS else -1
        self.queue.sort(_named(name, SORTS) if name else SORTS[(place + 1) % len(SORTS)])
        self.chosen()

    def do_filter(self, text: str | None = None) -> None:
        """Only the jobs that fit; without a text, ask for one."""
        if text is None:
            self._ask_filter(self.queue.wanted.filter)
        elif (parsed := self._filter_of(text)) is not None:
            self.queue.filter(parsed)
            self.chosen()

    def _ask_filter(self, text: str) -> None:
        def entered(line: str | None) -> None:
            if line is None:
                return
            if wrong_filter(line) is None:
                self.do_filter(line)
            else:
                self._ask_filter(line)

        self.ask_line("/", text, entered, offers=self._filter_offers, changed=wrong_filter)

    def _filter_of(self, text: str) -> str | None:
        """The filter in the form that it is shown in; None: it is none, and that was said."""
        from govd.contract import filters

        try:
            return str(filters.parse(text))
        except GovError as error:
            self.say(error)
            return None

    def complete(self, action: str, typed: str) -> Sequence[str]:
        """What can be typed behind a command: of a filter, what its last term may become."""
        if action == "filter":
            return [offer.line for offer in self._filter_offers(typed)]
        return super().complete(action, typed)

    def _filter_offers(self, typed: str) -> list[Offer]:
        from govd.contract import completing

        start = typed[: len(typed) - len(last_term(typed))]
        agents = sorted({row.agent for row in self.queue.rows.values()})
        return [
            Offer(start + found.text, found.text, found.meaning)
            for found in completing.complete(typed, agents)
        ]

    # The mouse

    def on_job_list_picked(self, message: JobList.Picked) -> None:
        """A row was clicked."""
        self.queue.select(message.job)
        if message.mark and self.queue.cursor == message.job:
            # The row may have left the list between the click and its turn: then no other one is marked.
            self.queue.mark()
        self.shell.did("picked")
        self.moved()

    def on_job_list_scrolled(self, message: JobList.Scrolled) -> None:
        """Other rows are on the screen: more may be needed."""
        del message
        self.load()

    def load(self) -> None:
        """Fetch the page that is needed now, if one is."""
        raise NotImplementedError


def wrong_filter(text: str) -> str | None:
    """What is wrong with a filter as far as it was typed, with what would help; None: nothing is."""
    from govd.contract import filters

    try:
        filters.parse(text)
    except GovError as error:
        return f"{error.detail} ({error.hint})" if error.hint else error.detail
    return None


def last_term(typed: str) -> str:
    """The term that is being typed."""
    return "" if not typed or typed[-1].isspace() else typed.rsplit(maxsplit=1)[-1]


def _named(name: str, known: tuple[T, ...]) -> T:
    for one in known:
        if one == name.strip().lower():
            return one
    raise UsageError(f"there is no {visible(name)}", hint=", ".join(known))
