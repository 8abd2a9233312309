"""One line at the foot of the screen: for commands, and for what a view asks for (a filter).

Must never run anything: it gives back the line, or nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Static

from govconsole.binding import bindings
from govconsole.client.document import Span, cell_len
from govconsole.state.commandline import History
from govconsole.widgets.chrome import Bar
from govconsole.widgets.field import Field
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from govconsole.state.commandline import Offer
    from govconsole.widgets.chrome import Piece

_ROWS = 8
_MAX = 2000


class _Ghost(Suggester):
    """Shows the first completion behind what was typed; → takes it."""

    def __init__(self, offers: Callable[[str], Sequence[Offer]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._offers = offers

    async def get_suggestion(self, value: str) -> str | None:
        """The first completion."""
        found = self._offers(value) if value else []
        return found[0].line if found else None


class LineScreen(ModalScreen[str | None]):
    """Asks for one line. Its answer is None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("line")
    DEFAULT_CSS = """
    LineScreen { background: transparent; align: left bottom; }
    LineScreen > #box { height: auto; background: $panel; }
    LineScreen #offers { background: $surface; padding: 0 1; }
    LineScreen #row { height: 1; padding: 0 1; }
    LineScreen #prompt { width: auto; color: $role-key; text-style: bold; }
    LineScreen Input { background: $panel; border: none; height: 1; padding: 0; color: $role-plain; }
    LineScreen Input:focus { background: $panel; border: none; }
    LineScreen Input > .input--suggestion { color: $role-dim; }
    LineScreen #wrong { height: auto; color: $role-bad; padding: 0 1; display: none; }
    """

    def __init__(
        self,
        prompt: str,
        text: str = "",
        *,
        offers: Callable[[str], Sequence[Offer]] | None = None,
        changed: Callable[[str], str | None] | None = None,
        history: History | None = None,
    ) -> None:
        super().__init__()
        self._prompt = prompt
        self._text = text
        self._offer = offers or (lambda _: [])
        self._tell = changed
        self._history = history or History()
        self._offers: list[Offer] = []
        self._picked: int | None = None
        self._set = text

    def compose(self) -> ComposeResult:
        """What it can be completed to, what is wrong, and the line."""
        with Vertical(id="box"):
            yield Offers()
            yield Static(id="wrong", markup=False)
            with Horizontal(id="row"):
                yield Static(visible(self._prompt), id="prompt", markup=False)
                yield Field(
                    self._text, id="line", max_length=_MAX, compact=True, suggester=_Ghost(self._offer)
                )

    def on_mount(self) -> None:
        """The line has the keys."""
        self.query_one(Input).focus()
        self._ask(self._text)

    @property
    def line(self) -> str:
        """What stands there."""
        return self.query_one(Input).value

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self._set:
            self._ask(event.value)
        self._set = event.value
        wrong = self._tell(event.value) if self._tell is not None else None
        shown = self.query_one("#wrong", Static)
        shown.display = bool(wrong)
        shown.update(visible(wrong or ""))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._history.add(event.value)
        self.dismiss(event.value)

    def on_click(self, event: events.Click) -> None:
        """A click beside it leaves."""
        if self.get_widget_at(event.screen_x, event.screen_y)[0] is self:
            self.action_leave()

    def on_bar_picked(self, message: Bar.Picked) -> None:
        """A completion was clicked."""
        message.stop()
        self._pick(int(message.name))

    def _ask(self, line: str) -> None:
        self._offers = list(self._offer(line))
        self._picked = None
        self._draw()

    def _draw(self) -> None:
        self.query_one(Offers).show(self._offers, self._picked)

    def _write(self, line: str) -> None:
        field = self.query_one(Input)
        self._set = line
        field.value = line
        field.cursor_position = len(line)

    def _pick(self, number: int) -> None:
        self._picked = number % len(self._offers)
        self._write(self._offers[self._picked].line)
        if len(self._offers) == 1:
            self._ask(self._offers[0].line)
        self._draw()

    def action_leave(self) -> None:
        """Leave without effect."""
        self.dismiss(None)

    def action_complete(self) -> None:
        """The next completion."""
        if self._offers:
            self._pick(0 if self._picked is None else self._picked + 1)

    def action_complete_back(self) -> None:
        """The completion before."""
        if self._offers:
            self._pick(-1 if self._picked is None else self._picked - 1)

    def action_older(self) -> None:
        """The line before."""
        self._write(self._history.older(self.line))
        self._ask(self.line)

    def action_newer(self) -> None:
        """The line after."""
        self._write(self._history.newer(self.line))
        self._ask(self.line)


class Offers(Bar):
    """The completions that fit, with the picked one in view."""

    DEFAULT_CSS = "Offers { background: $surface; }"

    def show(self, offers: Sequence[Offer], picked: int | None) -> None:
        """Draw a window of them."""
        start = max(0, min((picked or 0) - _ROWS + 2, len(offers) - _ROWS))
        width = max((cell_len(one.shown) for one in offers), default=0)
        rows: list[list[Piece]] = []
        for number, one in enumerate(offers[start : start + _ROWS], start):
            here = number == picked
            name = str(number)
            shown = one.shown + " " * (width - cell_len(one.shown))
            room = max(self.room - width - 4, 0)
            rows.append(
                [
                    (Span("▌ " if here else "  ", "accent"), name),
                    (Span(shown, "title" if here else "plain"), name),
                    (Span("  " + one.note[:room], "dim"), name),
                ]
            )
        if len(offers) > start + _ROWS:
            rows[-1] = [(Span(f"  … {len(offers) - start - _ROWS + 1} more", "dim"), "")]
        self.display = bool(rows)
        self.draw(rows)
