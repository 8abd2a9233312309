"""A meter in text: level, lane of speech, seconds. Drawn at most ten times a second, in one widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.client.document import Line, Span, line
from govconsole.state.meter import SILENCE_DBFS
from govd.contract import voice_limits as limits

if TYPE_CHECKING:
    from govconsole.client.document import Role
    from govconsole.state.meter import Heard

LABEL: Final = 7
_LOWEST: Final = -60.0
_LOUD: Final = -3.0
_BARS: Final = " ▁▂▃▄▅▆▇█"
_WIDEST: Final = 60
_WORDS: Final = 24


def _share(level: float) -> float:
    return min(max((level - _LOWEST) / -_LOWEST, 0.0), 1.0)


def level_word(heard: Heard) -> tuple[str, Role]:
    """What the level is worth, in a word."""
    if heard.clipped > limits.MAX_CLIPPED or heard.peak > _LOUD:
        return "too loud", "bad"
    if heard.level <= SILENCE_DBFS:
        return "no signal", "bad"
    if heard.level < limits.MIN_LEVEL_DBFS:
        return "quiet", "dim"
    return "good", "good"


def meter_lines(heard: Heard, room: int, wanted: float) -> list[Line]:
    """Three rows.

    Args:
        heard: What the microphone hears.
        room: How many cells there are.
        wanted: Seconds of speech that are aimed at.
    """
    width = max(min(room - LABEL - _WORDS, _WIDEST), 10)
    word, role = level_word(heard)
    full = round(_share(heard.level) * width)
    peak = min(round(_share(heard.peak) * width), width - 1)
    rest = "".join("│" if at == peak else "·" for at in range(full, width))
    lane = heard.lane[-width:]
    drawn = [Span("·" * (width - len(lane)), "dim")]
    drawn += [
        Span(
            _BARS[1 + round(_share(level) * (len(_BARS) - 2))] if spoken else "·",
            "accent" if spoken else "dim",
        )
        for level, spoken in lane
    ]
    done = min(heard.net / wanted, 1.0) if wanted else 0.0
    bar = round(done * width)
    enough: Role = "good" if heard.net >= wanted else "plain"
    return [
        line(
            Span(f"{'level':<{LABEL}}", "dim"),
            Span("█" * full, role),
            Span(rest, "dim"),
            Span(f"  {heard.level:3.0f} dBFS ", "dim"),
            Span(word, role),
        ),
        line(Span(f"{'voice':<{LABEL}}", "dim"), *_joined(drawn), Span(f"  {heard.seconds:4.1f} s", "dim")),
        line(
            Span(f"{'speech':<{LABEL}}", "dim"),
            Span("▓" * bar, "accent"),
            Span("░" * (width - bar), "dim"),
            Span(f"  {heard.net:4.1f} of {wanted:.0f} s", enough),
        ),
    ]


def _joined(spans: list[Span]) -> list[Span]:
    found: list[Span] = []
    for span in spans:
        if found and found[-1].role == span.role:
            found[-1] = Span(found[-1].text + span.text, span.role)
        elif span.text:
            found.append(span)
    return found
