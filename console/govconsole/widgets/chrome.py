"""Header, banner and footer: one or two rows each, drawn from the state and the registry of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from govconsole.actions import Action, Situation, key_label
from govconsole.client.document import Line, Span, cell_len, wrap
from govconsole.widgets.paint import content

if TYPE_CHECKING:
    from collections.abc import Iterable

_GAP = Span("   ")


def _width(spans: Iterable[Span]) -> int:
    return sum(cell_len(span.text) for span in spans)


class HeaderBar(Static):
    """The groups of the header on one row, or on two where they do not fit."""

    DEFAULT_CSS = "HeaderBar { height: auto; background: $panel; padding: 0 1; text-wrap: nowrap; }"

    def show(self, groups: list[list[Span]]) -> None:
        """Draw the groups in their order."""
        room = max(self.app.size.width - 2, 20)
        rows: list[list[Span]] = [[]]
        for group in groups:
            gap = [_GAP] if rows[-1] else []
            if rows[-1] and _width([*rows[-1], *gap, *group]) > room:
                rows.append(list(group))
            else:
                rows[-1] += [*gap, *group]
        self.update(Content("\n").join([content(row) for row in rows]))


class Banner(Static):
    """What is wrong; not there when nothing is."""

    DEFAULT_CSS = (
        "Banner { height: auto; max-height: 3; background: $error 20%; padding: 0 1; display: none; }"
    )

    def show(self, spans: list[Span]) -> None:
        """Draw the words, wrapped; or take the banner away."""
        self.display = bool(spans)
        rows = wrap([Line(tuple(spans))], self.app.size.width - 2)
        self.update(Content("\n").join([content(row.spans) for row in rows]))


class FooterBar(Static):
    """The keys that work now; what does not work now is left out, and says why when it is pressed."""

    DEFAULT_CSS = "FooterBar { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; }"

    def show(self, actions: Iterable[Action], situation: Situation) -> None:
        """Draw the keys, and beside them why a verb does not work."""
        listed = [action for action in actions if not action.quiet]
        spans: list[Span] = []
        room = self.app.size.width - 2
        for action in sorted(listed, key=lambda one: (not one.danger, one.id != "help")):
            if action.blocked(situation) is None:
                pair = [Span(key_label(action.key.split(",")[0]), "key"), Span(f" {action.label}  ")]
                spans += pair if _width([*spans, *pair]) <= room + 2 else []
        why = next((action.blocked(situation) for action in listed if action.danger), None)
        room -= _width(spans)
        if why and room > len(why) // 2:
            note = Span(f"no verbs: {why}"[:room], "dim")
            spans += [Span(" " * max(room - len(note.text), 0)), note]
        self.update(content(spans))
