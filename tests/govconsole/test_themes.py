"""Every colour can be read: each role on each ground, and each cell that is really drawn."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, cast

import pytest
from rich.color import Color as RichColor

from govconsole.actions.everywhere import THEMES
from govconsole.app import ConsoleApp
from govconsole.settings import Settings
from govconsole.themes import PALETTES, role_colour
from govconsole.widgets.paint import STYLES
from govd.contract.system import Alarm
from tests.govconsole.driver import running, screen_text, shows
from tests.govconsole.world import NOW, job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from textual._compositor import LayoutUpdate
    from textual.app import App
    from textual.pilot import Pilot

    from govconsole.session import Session
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend

TEXT, SHAPE = 4.5, 3.0
"""WCAG 2.2, 1.4.3 and 1.4.11, level AA."""

# Viénot, Brettel and Mollon (1999), on linear RGB: what a protanope and a deuteranope see.
SEEN_AS = {
    "protanope": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deuteranope": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}


def linear(colour: str) -> tuple[float, ...]:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = (min(max(part, 0.0), 1.0) for part in rgb)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def apart(one: str, other: str, eye: str) -> float:
    """How far two colours are apart for that eye, as CIE 1976 counts: about 2 can just be seen."""
    seen = [
        lab(tuple(sum(a * b for a, b in zip(row, linear(colour), strict=True)) for row in SEEN_AS[eye]))
        for colour in (one, other)
    ]
    return float(sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5)


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("role", STYLES)
def test_every_role_can_be_read_on_every_ground(name: str, role: str) -> None:
    palette = PALETTES[name]
    least = 7.0 if name == "high-contrast" else TEXT
    colour = role_colour(palette, role)
    poor = {where: contrast(colour, ground) for where, ground in palette.grounds.items()}
    assert {where: ratio for where, ratio in poor.items() if ratio < least} == {}


@pytest.mark.parametrize("name", PALETTES)
def test_lines_and_bars_can_be_seen_on_the_grounds_that_they_divide(name: str) -> None:
    palette = PALETTES[name]
    for ground in ("background", "surface", "panel"):
        assert contrast(palette.line, palette.grounds[ground]) >= SHAPE


@pytest.mark.parametrize("name", PALETTES)
def test_the_row_under_the_cursor_differs_from_a_marked_one_and_from_the_others(name: str) -> None:
    grounds = PALETTES[name].grounds
    assert len({grounds[one] for one in ("background", "cursor", "mark", "alarm")}) == 4


@pytest.mark.parametrize("eye", SEEN_AS)
def test_good_warning_and_bad_stay_apart_for_a_colour_blind_eye(eye: str) -> None:
    roles = PALETTES["colour-blind"].roles
    for one, other in combinations(("good", "warn", "bad"), 2):
        assert apart(roles[one], roles[other], eye) > 20, (one, other)


def test_the_themes_that_can_be_named_are_those_that_there_are() -> None:
    assert set(PALETTES) == set(THEMES)


def cells(app: App[None]) -> Iterator[tuple[str, str, str, tuple[int, int]]]:
    """Every character that is drawn, its colour and its ground, and where its segment begins."""
    screen = app.screen
    drawn = screen._compositor.render_update(  # noqa: SLF001 - where the cells are
        full=True,
        screen_stack=app._background_screens,  # noqa: SLF001 - the screens that shine through
    )
    for y, line in enumerate(cast("LayoutUpdate", drawn).strips):
        x = 0
        for strip in line:
            for text, style, _ in strip:
                x += len(text)
                if not text.strip():
                    continue
                assert style is not None
                front, back = (_hex(one) for one in (style.color, style.bgcolor))
                if style.reverse:
                    front, back = back, front
                for char in text:
                    yield char, front, back, (x - len(text), y)


def _hex(color: RichColor | None) -> str:
    assert color is not None
    return color.get_truecolor().hex


def poor(app: App[None]) -> list[str]:
    """What cannot be read on the screen: text, and shapes, each by its own measure."""
    found = {}
    for char, front, back, place in cells(app):
        # What shines through from below a dialog cannot be acted on: it is grey on purpose.
        below = app.screen.is_modal and app.screen.get_widget_at(*place)[0] is app.screen
        if char.isspace() or below:
            continue
        shape = char in BORDERS
        ratio = contrast(front, back)
        if not shape and ratio < TEXT:
            found[(front, back)] = f"{char!r} at {place}: {front} on {back} is {ratio:.2f}"
    return list(found.values())


BORDERS = frozenset("─│╭╮╰╯▔▁▏▕▊▎▌▐█▀▄▇▆▅▃▂┃▓▒░━╸╺")
"""Lines and bars: those that divide are tested by their colour, those that count stand beside a number."""


async def _vote(pilot: Pilot[None]) -> None:
    await pilot.press("a")
    await shows(pilot, "You sign this with your vote key")


async def _guide(pilot: Pilot[None]) -> None:
    await pilot.press("g")
    await shows(pilot, "Guidance")


async def _passphrase(pilot: Pilot[None]) -> None:
    await _vote(pilot)
    pilot.app.shell.session.clock.advance(1)  # type: ignore[attr-defined] # the app and the clock of these tests
    await pilot.press("y")
    await shows(pilot, "Passphrase of anna's vote key")


async def _line(pilot: Pilot[None]) -> None:
    await pilot.press("colon", "t", "tab")
    await shows(pilot, ":theme")


async def _palette(pilot: Pilot[None]) -> None:
    await pilot.press("ctrl+p")
    await shows(pilot, "What do you want to do?", "Approve what is held")
    await pilot.press("d", "e", "n")
    await shows(pilot, "Deny what is held")


async def _toasts(pilot: Pilot[None]) -> None:
    for severity in ("information", "warning", "error"):
        pilot.app.notify("something was said", severity=severity)  # type: ignore[arg-type]
    await shows(pilot, "something was said")


async def _help(pilot: Pilot[None]) -> None:
    await pilot.press("question_mark")
    await shows(pilot, "Keys ▸ Queue")


async def _alarms(pilot: Pilot[None]) -> None:
    await pilot.press("exclamation_mark")
    await shows(pilot, "Alarms ▸ 1")


async def _nothing(pilot: Pilot[None]) -> None:
    await pilot.pause()


SHOWN: dict[str, Callable[[Pilot[None]], object]] = {
    "queue": _nothing,
    "vote": _vote,
    "guidance": _guide,
    "passphrase": _passphrase,
    "command line": _line,
    "palette": _palette,
    "toasts": _toasts,
    "help": _help,
    "alarms": _alarms,
}


@pytest.mark.parametrize("name", PALETTES)
async def test_every_cell_of_every_screen_can_be_read(
    name: str, session: Session, backend: FakeBackend, clock: FakeClock
) -> None:
    del clock
    backend.assurance = "advisory"
    backend.alarms = [
        Alarm(id="1", kind="disk", subject="x", message="full", mend="free some", raised_at=NOW)
    ]
    backend.put(job("Push release 1.4.0", risk=90), job("the calm one", risk=5))
    wrong: dict[str, list[str]] = {}
    app = ConsoleApp(session, settings=Settings(theme=name))  # type: ignore[arg-type] # one of the names
    async with running(app, size=(120, 40)) as pilot:
        await shows(pilot, "Why it is held")
        for screen, show in SHOWN.items():
            await show(pilot)  # type: ignore[misc] # each is a coroutine
            wrong[screen] = poor(app)
            while app.screen is not app.view:
                await app.pop_screen()
                await pilot.pause()
    assert {screen: found for screen, found in wrong.items() if found} == {}


async def test_without_colour_no_colour_is_drawn_and_everything_stands_in_words_and_glyphs(
    session: Session, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    backend.put(job("Push release 1.4.0", risk=90))
    app = ConsoleApp(session)
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        drawn = app.screen._compositor.render_strips()  # noqa: SLF001 - where the cells are
        styles = [style for strip in drawn for _, style, _ in strip if style is not None]
        assert {str(one) for style in styles for one in (style.color, style.bgcolor) if one is not None} <= {
            str(RichColor.parse("default"))
        }
        assert "▌" in screen_text(app)
