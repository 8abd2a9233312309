"""Header, banner and footer: one or two rows each, drawn from the state and the registry of actions.

Must never do anything by themselves: a click says which action was meant, and the screen runs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import set_cell_size
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from govconsole.client.document import Line, Span, cell_len, wrap
from govconsole.widgets.paint import content

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual import events

    from govconsole.actions.model import Action, Situation
    from govconsole.keymap import Keymap
    from govconsole.state.status import Group

    Piece = tuple[Span, str]
    """Words, and the full name of the action that a click on them means, or nothing."""

_GAP, _TIGHT = 3, 2


class Bar(Static):
    """Rows of words, some of which can be clicked."""

    DEFAULT_CSS = """
    Bar { height: auto; padding: 0 1; text-wrap: nowrap; background: $panel; color: $role-plain; }
    Bar:nocolor { text-style: reverse; }
    """

    class Picked(Message):
        """An action was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[Piece]] = []

    @property
    def room(self) -> int:
        """How many cells a row has."""
        return max(self.app.size.width - 2, 20)

    def draw(self, rows: list[list[Piece]]) -> None:
        """Show these rows. Called every second: what has not changed costs nothing."""
        if rows == self.rows:
            return
        layout = len(rows) != len(self.rows)
        self.rows = rows
        drawn = [content([span for span, _ in row]) for row in rows]
        self.update(Content("\n").join(drawn), layout=layout)

    def on_click(self, event: events.Click) -> None:
        """Say which action was meant."""
        place = event.get_content_offset(self)
        if place is None or not 0 <= place.y < len(self.rows):
            return
        end = 0
        for span, name in self.rows[place.y]:
            end += cell_len(span.text)
            if place.x < end:
                if name:
                    self.post_message(self.Picked(name))
                return


class HeaderBar(Bar):
    """What the header says, on one row, shortened where it does not fit, on two where that is not enough."""

    def show(self, groups: Sequence[Group]) -> None:
        """Draw the groups; where they do not fit, the last ones are shortened first."""
        pieces = [[(span, group.target) for span in group.full] for group in groups]
        gap = _GAP
        for at in reversed(range(len(groups))):
            if _all(pieces) <= self.room:
                break
            pieces[at] = [(span, groups[at].target) for span in groups[at].short]
        if _all(pieces) > self.room:
            gap = _TIGHT
        if _all(pieces, gap) > self.room:
            pieces, gap = [[(span, group.target) for span in group.full] for group in groups], _GAP
        self.draw(self._rows(pieces, gap))

    def _rows(self, pieces: Sequence[Sequence[Piece]], gap: int) -> list[list[Piece]]:
        """On one row the name stands left and the rest right; else as many rows as it takes."""
        spare = max(self.room - _all(pieces, gap), 0)
        rows: list[list[Piece]] = [[]]
        for number, group in enumerate(pieces):
            if rows[-1] and _all([rows[-1], group], gap) > self.room:
                rows.append(list(group))
                continue
            space = gap + (spare if number == 1 else 0)
            rows[-1] += [*([(Span(" " * space), "")] if rows[-1] else []), *group]
        return rows


def _all(groups: Iterable[Sequence[Piece]], gap: int = _GAP) -> int:
    found = [sum(cell_len(span.text) for span, _ in group) for group in groups if group]
    return sum(found) + gap * (len(found) - 1)


class Banner(Bar):
    """What is wrong; not there when nothing is."""

    DEFAULT_CSS = "Banner { max-height: 3; background: $ground-alarm; display: none; }"

    def show(self, spans: Sequence[Span]) -> None:
        """Draw the words, wrapped; or take the banner away."""
        self.display = bool(spans)
        rows = wrap([Line(tuple(spans))], self.room) if spans else []
        self.draw([[(span, "app.alarms") for span in row.spans] for row in rows])


class FooterBar(Bar):
    """The keys that work now; what does not work now is left out, and says why when it is pressed."""

    DEFAULT_CSS = "FooterBar { height: 1; }"

    def show(self, actions: Iterable[tuple[str, Action]], situation: Situation, keymap: Keymap) -> None:
        """Draw the keys of these actions (each with its scope), and beside them why a verb does not work."""
        listed = [(scope, action) for scope, action in actions if not action.quiet]
        note = _note([action for _, action in listed if action.danger], situation)
        # What a verb waits for is worth more than the keys at the end of the row, but for the first of them.
        room = self.room - min(cell_len(note) + _GAP, self.room * 5 // 8) if note else self.room
        pieces: list[Piece] = []
        for scope, action in sorted(listed, key=lambda one: (not one[1].danger, one[1].id != "help")):
            if action.blocked(situation) is not None:
                continue
            name, key = f"{scope}.{action.id}", keymap.first(scope, action.id)
            gap: list[Piece] = [(Span("  "), "")] if pieces else []
            marks = f" ●{situation.marked}" if action.danger and situation.marked else ""
            pair: list[Piece] = [*gap, (Span(key, "key"), name), (Span(f" {action.label}{marks}"), name)]
            pieces += pair if _all([[*pieces, *pair]]) <= room else []
        if note:
            rest = self.room - _all([pieces]) - _GAP
            shown = note if cell_len(note) <= rest else set_cell_size(note, rest - 1) + "…"
            space = _GAP + max(rest - cell_len(shown), 0)
            pieces += [(Span(" " * space), ""), (Span(shown, "dim"), "")]
        self.draw([pieces])


def _note(verbs: Sequence[Action], situation: Situation) -> str:
    """Why verbs do not work now: all of them for one reason, or each for its own."""
    blocked = {verb.label: reason for verb in verbs if (reason := verb.blocked(situation)) is not None}
    why = {verb.label: blocked[verb.label] for verb in verbs if verb.label in blocked and not verb.rare}
    if len(blocked) == len(verbs) and len(set(why.values())) == 1:
        return f"no verbs: {next(iter(why.values()))}"
    reasons: dict[str, list[str]] = {}
    for label, reason in why.items():
        reasons.setdefault(reason, []).append(label)
    return "   ".join(f"no {', '.join(labels)}: {reason}" for reason, labels in reasons.items())
