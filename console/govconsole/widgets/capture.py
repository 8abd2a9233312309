"""Takes the picture of what the app shows now, dialogs and what shines through them included.

Must never write a file: whoever asks decides where the picture goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.color import Color

from govconsole.picture import svg

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from textual._compositor import LayoutUpdate
    from textual.app import App


def capture(app: App[Any], *, title: str, font: Mapping[str, str] | None = None) -> str:
    """The screen as an SVG, in the colours of its theme.

    Args:
        app: Running.
        title: What the picture shows, in words.
        font: Paths of font files beside the picture, by weight; None: the viewer's own fonts.
    """
    # As Textual's own export does, which then names a web font: there is no public way to the cells.
    drawn = cast(
        "LayoutUpdate",
        app.screen._compositor.render_update(  # noqa: SLF001
            full=True,
            screen_stack=app._background_screens,  # noqa: SLF001
            simplify=True,
        ),
    )
    ink, ground = (Color.parse(app.theme_variables[name]).hex6 for name in ("foreground", "background"))
    rows = [[segment for strip in line for segment in strip] for line in drawn.strips]
    return svg(rows, title=title, ink=ink.lower(), ground=ground.lower(), font=font)
