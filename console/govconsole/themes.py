"""The themes: for each role of text one colour, on each ground that it can stand on.

Must never hold a pair that is hard to read: a test works out the contrast of every role on every ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.theme import Theme

PREFIX: Final = "govconsole-"
GROUNDS: Final = ("background", "surface", "panel", "cursor", "mark", "alarm")
ROLES: Final = ("plain", "dim", "heading", "good", "warn", "bad", "accent")


@dataclass(frozen=True)
class Palette:
    """The colours of one theme: grounds, the roles of text on them, and lines."""

    dark: bool
    grounds: Mapping[str, str]
    """`background`, `surface` (dialogs), `panel` (header, footer), `cursor`, `mark`, `alarm`."""
    roles: Mapping[str, str]
    line: str
    """Borders and bars: shapes, not text."""


def _palette(*, dark: bool, grounds: str, roles: str, line: str) -> Palette:
    return Palette(
        dark,
        dict(zip(GROUNDS, grounds.split(), strict=True)),
        dict(zip(ROLES, roles.split(), strict=True)),
        line,
    )


PALETTES: Final[Mapping[str, Palette]] = {
    "dark": _palette(
        dark=True,
        grounds="#10151b #171e26 #1b232c #263340 #2b2c3d #3d1a1e",
        roles="#dbe2ea #9dabb9 #86b9ec #84cf95 #ebba62 #ff9a92 #74d3db",
        line="#5d6f82",
    ),
    "light": _palette(
        dark=False,
        grounds="#fcfbf8 #f3f1eb #ebe8e0 #dbe6f2 #e9e2f4 #fbe0dc",
        roles="#1b2127 #525a63 #1b4a80 #17592b #6e4300 #98121a #005364",
        line="#75808c",
    ),
    "high-contrast": _palette(
        dark=True,
        grounds="#000000 #000000 #0a0a0a #00305f #2f0052 #560000",
        roles="#ffffff #e0e0e0 #9ed0ff #7dff9a #ffe45c #ffc2bd #7df3ff",
        line="#b8b8b8",
    ),
    # Okabe and Ito (2008): blue, yellow and vermilion stay apart for each common kind of colour blindness.
    "colour-blind": _palette(
        dark=True,
        grounds="#11141a #181c24 #1d222b #26334a #37304a #3d2410",
        roles="#e2e5ea #a4acb8 #a9c7f0 #6cbdf0 #f3e65c #ff9a5c #e3a8cf",
        line="#667082",
    ),
}
_NAMED: Final = {"title": "plain", "agent": "plain", "key": "accent"}


def role_colour(palette: Palette, role: str) -> str:
    """The colour of a role; some share one and differ by weight."""
    return palette.roles[_NAMED.get(role, role)]


def theme(name: str) -> Theme:
    """One of ours, as Textual takes it."""
    from textual.theme import Theme

    palette = PALETTES[name]
    role, ground = palette.roles, palette.grounds
    named = {f"role-{one}": role_colour(palette, one) for one in (*role, *_NAMED)}
    return Theme(
        name=PREFIX + name,
        primary=role["heading"],
        secondary=role["accent"],
        accent=role["accent"],
        success=role["good"],
        warning=role["warn"],
        error=role["bad"],
        foreground=role["plain"],
        background=ground["background"],
        surface=ground["surface"],
        panel=ground["panel"],
        dark=palette.dark,
        variables=named
        | {
            "ground-cursor": ground["cursor"],
            "ground-mark": ground["mark"],
            "ground-alarm": ground["alarm"],
            "line": palette.line,
            "border": palette.line,
            "border-blurred": palette.line,
            "text-muted": role["dim"],
            "text-disabled": role["dim"],
            "scrollbar": palette.line,
            "scrollbar-hover": role["accent"],
            "scrollbar-active": role["accent"],
            "scrollbar-background": ground["background"],
            "scrollbar-background-hover": ground["background"],
            "scrollbar-background-active": ground["background"],
            "scrollbar-corner-color": ground["background"],
            "block-cursor-background": role["accent"],
            "block-cursor-foreground": ground["background"],
            "block-cursor-text-style": "bold",
            "input-cursor-background": role["plain"],
            "input-cursor-foreground": ground["background"],
            "input-selection-background": ground["cursor"],
            "screen-selection-background": ground["cursor"],
            "screen-selection-foreground": role["plain"],
            "button-color-foreground": ground["background"],
            "button-foreground": role["plain"],
            "button-focus-text-style": "bold reverse",
        },
    )
