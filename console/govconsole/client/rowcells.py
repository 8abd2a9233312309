"""The cells of a row of the queue: which columns fit a width, and what stands in each.

Must never leave out by width what a decision needs: risk, title, what cannot be undone, the time left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from govconsole.client.amounts import age, calm_left
from govconsole.client.document import Span, cell_len

if TYPE_CHECKING:
    from datetime import datetime

    from govconsole.client.document import Role
    from govconsole.client.row import Row

_HIGH, _MIDDLE = 60, 30
_BARS: Final = "▁▂▃▄▅▆▇█"
_SOON, _NOW = 0.25, 0.0625
_HURRY: Final = 300.0
_TIMES: Final = "×"  # noqa: RUF001 - the sign for "so many of them"
_ENDS: Final = {"left": "gone"}
LEAST_TITLE: Final = 12


@dataclass(frozen=True)
class Look:
    """All that decides what a line looks like: two equal looks are drawn alike.

    `left`: the time left in words. `bar`: as a bar of one cell. `gone`: what became of it, once it left.
    """

    row: Row
    left: str
    bar: str
    hurry: str
    age: str
    here: bool
    marked: bool
    ranged: bool
    gone: str
    thumb: bool

    @classmethod
    def of(
        cls, row: Row, now: datetime, *, here: bool, marked: bool, ranged: bool, gone: str, thumb: bool
    ) -> Look:
        """How that row looks now."""
        bar, hurry = _bar(row, now)
        until = "" if gone else _until(row, now)
        return cls(row, until, bar, hurry, age(row.opened, now), here, marked, ranged, gone, thumb)


def _bar(row: Row, now: datetime) -> tuple[str, str]:
    """The share of its time that a hold has left, as a bar and as a word for its colour."""
    if row.until is None:
        return " ", ""
    seconds = (row.until - now).total_seconds()
    share = seconds / max((row.until - row.opened).total_seconds(), 1.0)
    bar = _BARS[max(0, min(int(share * len(_BARS)), len(_BARS) - 1))]
    if share < _NOW or seconds < _HURRY:
        return bar, "now"
    return bar, "soon" if share < _SOON else ""


def _until(row: Row, now: datetime) -> str:
    return row.state if row.until is None else calm_left(row.until, now)


class Columns(NamedTuple):
    """How many cells each column has; 0: it is not there."""

    title: int
    agent: int
    intents: int
    sums: int
    votes: int
    age: int


_GUTTER, _RISK, _LEFT, _THUMB = 2, 10, 11, 1
_AGENT, _INTENTS, _SUMS, _VOTES, _AGE = 14, 5, 16, 6, 7
_ROOMY: Final = 30
"""A title has so many cells before a column of less weight is added."""


def columns(width: int) -> Columns:
    """The columns of a list of that width: the agent first, then age, sums, intents and votes."""
    room = width - _GUTTER - _RISK - _LEFT - _THUMB
    found = {"agent": 0, "age": 0, "sums": 0, "intents": 0, "votes": 0}
    for name, cells_, least in (
        ("agent", _AGENT, LEAST_TITLE + 6),
        ("age", _AGE, _ROOMY),
        ("sums", _SUMS, _ROOMY),
        ("intents", _INTENTS, _ROOMY),
        ("votes", _VOTES, _ROOMY),
    ):
        if room - cells_ < least:
            break
        found[name] = cells_
        room -= cells_
    return Columns(title=max(room, 1), **found)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly so many cells; what is cut says so by "…"."""
    used = cell_len(text)
    if used > width:
        used, kept = 0, 0
        for char in text:
            if used + cell_len(char) > width - 1:
                break
            used, kept = used + cell_len(char), kept + 1
        text = text[:kept] + ("…" if width else "")
        used += 1 if width else 0
    pad = " " * (width - used)
    return pad + text if right else text + pad


def cells(look: Look, width: int) -> list[Span]:
    """The spans of one line."""
    row, at = look.row, columns(width)
    quiet: Role | None = "dim" if look.gone else None
    gutter = ("▌" if look.here else "│" if look.ranged else " ") + ("●" if look.marked else " ")
    star = "◆ " if row.effect == "irreversible" else ""
    until = _ENDS.get(look.gone, look.gone) or look.left
    hurry: Role = "bad" if look.hurry == "now" else "warn" if look.hurry == "soon" else "plain"
    advisory = "*" if row.advisory else " "
    return [
        Span(gutter, "accent"),
        Span(f"{risk_bar(row.risk)}{row.risk:>4}{advisory} "[:_RISK], quiet or risk_role(row.risk)),
        Span(star, quiet or "bad"),
        Span(fit(row.title, at.title - len(star)), quiet or ("title" if look.here else "plain")),
        *([Span(" " + fit(row.agent, at.agent - 1), "dim")] if at.agent else []),
        *(
            [Span(fit(f"{row.held or row.intents}{_TIMES}", at.intents, right=True), "dim")]
            if at.intents
            else []
        ),
        *([Span(fit(row.sums, at.sums, right=True), quiet or "plain")] if at.sums else []),
        *([Span(fit(_votes(row), at.votes, right=True), "dim")] if at.votes else []),
        *([Span(fit(look.age, at.age, right=True), "dim")] if at.age else []),
        *_end(until, look, quiet or hurry),
        Span("▐" if look.thumb else " ", "dim"),
    ]


def _end(until: str, look: Look, role: Role) -> list[Span]:
    """The time left with its bar; the state of what has none takes the bar's cells too."""
    if look.gone or look.row.until is None:
        return [Span(" " + fit(until, _LEFT - 1, right=True), role)]
    return [
        Span(fit(until, _LEFT - 2, right=True) + " ", role),
        Span(look.bar, "dim" if role == "plain" else role),
    ]


def heads(width: int, order: str) -> list[Span]:
    """The names of the columns; an arrow stands at the one that the list is in the order of."""
    at = columns(width)

    def name(text: str, *orders: str) -> str:
        return f"{text}▾" if order in orders else text

    parts = [
        "  ",
        fit(name("risk", "risk"), _RISK),
        fit(name("job", "newest", "oldest", "changed"), at.title),
        " " + fit(name("agent", "agent"), at.agent - 1) if at.agent else "",
        fit("n", at.intents, right=True) if at.intents else "",
        fit("sum", at.sums, right=True) if at.sums else "",
        fit("votes", at.votes, right=True) if at.votes else "",
        fit("age", at.age, right=True) if at.age else "",
        fit(name("left", "left"), _LEFT - 2, right=True),
    ]
    return [Span("".join(parts), "dim")]


def risk_role(risk: int) -> Role:
    """The role of a risk: the figure beside it says the same without a colour."""
    return "bad" if risk >= _HIGH else "warn" if risk >= _MIDDLE else "good"


def risk_bar(risk: int) -> str:
    """The risk as a bar of four cells."""
    return f"{'▇' * max(1, min(4, risk // 20)):<4}"


def _votes(row: Row) -> str:
    return f"{row.approvals}/{row.quorum}" if row.held else ""
