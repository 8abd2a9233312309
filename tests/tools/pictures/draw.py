"""From a scene to its picture: one run of the app at one size, an SVG of its cells, a PNG of that SVG."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import resvg_py
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from govconsole.app import ConsoleApp
from govconsole.settings import Settings
from govconsole.state.tour import Tour
from govconsole.widgets.capture import capture
from tests.govconsole.driver import running
from tests.tools.pictures import cast
from tests.tools.pictures.scene import PATIENCE_S, Scene
from tests.tools.pictures.stage import ROOT, Stage, StillGovd
from tests.tools.pictures.voicestage import VoiceStage

if TYPE_CHECKING:
    from govconsole.session import Session
    from tests.tools.pictures.scene import Picture

FOLDER: Final = ROOT / "screenshots"
FONT: Final = {"normal": "fonts/DejaVuSansMono.ttf", "bold": "fonts/DejaVuSansMono-Bold.ttf"}
HASH: Final = "svg-sha256"
"""Under this name a PNG carries the hash of the SVG that it was drawn from."""

_ZOOM: Final = 2 / 3
_COLOURS: Final = 128


class Patient(ConsoleApp):
    """The app as it is, but for toasts that stay until they were drawn, however slow the machine."""

    NOTIFICATION_TIMEOUT = 600


def file_name(picture: Picture, size: tuple[int, int]) -> str:
    """The name of its SVG."""
    return f"{picture.name}-{size[0]}x{size[1]}.svg"


def png(svg: str) -> bytes:
    """The SVG as pixels, with the font that lies beside it and no other."""
    pixels = resvg_py.svg_to_bytes(
        svg_string=svg,
        skip_system_fonts=True,
        font_files=[str(FOLDER / path) for path in FONT.values()],
        monospace_family="DejaVu Sans Mono",
        zoom=_ZOOM,
    )
    words, out = PngInfo(), io.BytesIO()
    words.add_text(HASH, hashlib.sha256(svg.encode()).hexdigest())
    # Half the size for a picture of few colours and many edges.
    small = Image.open(io.BytesIO(bytes(pixels))).quantize(_COLOURS, dither=Image.Dither.NONE)
    small.save(out, "PNG", optimize=True, pnginfo=words)
    return out.getvalue()


class Studio:
    """The stages that pictures share, each built when it is first needed."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._shared: dict[bool, Stage] = {}

    def __enter__(self) -> Self:
        # What the developer's terminal asks for is not what the pictures show.
        if (asked := os.environ.pop("NO_COLOR", None)) is not None:
            self._open.callback(os.environ.__setitem__, "NO_COLOR", asked)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def draw(self, picture: Picture, size: tuple[int, int]) -> str:
        """The SVG of a picture."""
        if picture.voices:
            with VoiceStage() as own_stage:
                return _drawn(picture, size, own_stage)
        if picture.alone:
            with ExitStack() as own:
                return _drawn(picture, size, _stage(own, empty=picture.empty))
        if picture.empty not in self._shared:
            self._shared[picture.empty] = _stage(self._open, empty=picture.empty)
        return _drawn(picture, size, self._shared[picture.empty])


def _stage(open_: ExitStack, *, empty: bool) -> Stage:
    folder = open_.enter_context(tempfile.TemporaryDirectory(prefix="gov-"))
    stage = Stage(open_.enter_context(StillGovd(Path(folder))))
    open_.callback(stage.close)
    if not empty:
        cast.a_day(stage)
    return stage


def _drawn(picture: Picture, size: tuple[int, int], stage: Stage | VoiceStage) -> str:
    with contextlib.chdir(stage.govd.root):
        return asyncio.run(_draw(picture, size, stage))


async def _draw(picture: Picture, size: tuple[int, int], stage: Stage | VoiceStage) -> str:
    tour = Tour() if picture.tour else None
    come = threading.Event()

    def later() -> Session:
        come.wait(PATIENCE_S)
        return stage.session()

    app = Patient(
        later if picture.opening else stage.session(), settings=Settings(theme=picture.theme), tour=tour
    )
    async with running(app, size) as hands:
        scene = Scene(app, hands, stage)
        await picture.play(scene)
        await scene.settle()
        if type(app.screen).__name__ != picture.screen:
            raise AssertionError(f"{picture.name}: {type(app.screen).__name__} is in front")
        drawn = capture(app, title=picture.title, font=FONT)
        come.set()
        return drawn
