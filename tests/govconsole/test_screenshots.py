"""The pictures in screenshots/ are what the app draws now, of every screen, and need nothing else."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageFont
from textual.screen import Screen

import govconsole.screens
from govconsole.screens.registry import VIEWS
from tests.tools.pictures.draw import FOLDER, FONT, HASH, Studio, file_name
from tests.tools.pictures.scene import SIZES
from tests.tools.pictures.scenes import PICTURES

if TYPE_CHECKING:
    from collections.abc import Iterator

EACH = [(picture, size) for picture in PICTURES for size in picture.sizes]
IDS = [file_name(picture, size).removesuffix(".svg") for picture, size in EACH]
ABSTRACT = {"View", "QueueMoves", "QueueJobs", "Dialog", "SigningDialog", "TakingDialog"}


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    with Studio() as opened:
        yield opened


@pytest.mark.parametrize(("picture", "size"), EACH, ids=IDS)
def test_a_picture_is_what_the_app_draws(studio, tmp_path, picture, size):
    name = file_name(picture, size)
    drawn = studio.draw(picture, size)
    (tmp_path / name).write_text(drawn, encoding="utf-8")

    same = drawn == (FOLDER / name).read_text(encoding="utf-8")
    assert same, f"screenshots/{name} is stale: look at {tmp_path / name}, then make screenshots"


def screens() -> set[str]:
    found: set[str] = set()
    waiting: list[type] = [Screen]
    for module in pkgutil.iter_modules(govconsole.screens.__path__, "govconsole.screens."):
        importlib.import_module(module.name)
    while waiting:
        inner = waiting.pop().__subclasses__()
        waiting += inner
        found |= {one.__name__ for one in inner if one.__module__.startswith("govconsole.")}
    return found - ABSTRACT


def test_every_screen_and_dialog_has_a_picture_at_both_sizes():
    drawn = {picture.screen for picture in PICTURES if picture.sizes == SIZES}

    assert drawn == screens()
    assert {view.__name__ for view in VIEWS} <= drawn


def test_nothing_lies_there_that_is_not_drawn():
    expected = {file_name(*one) for one in EACH}

    assert {path.name for path in FOLDER.glob("*.svg")} == expected
    assert {path.name for path in FOLDER.glob("*.png")} == {
        name.removesuffix("svg") + "png" for name in expected
    }


@pytest.mark.parametrize("name", IDS)
def test_the_png_was_drawn_from_this_svg(name):
    svg = (FOLDER / f"{name}.svg").read_bytes()
    with Image.open(FOLDER / f"{name}.png") as png:
        assert png.info[HASH] == hashlib.sha256(svg).hexdigest()


@pytest.mark.parametrize("name", IDS)
def test_a_picture_needs_nothing_from_elsewhere(name):
    svg = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")

    assert set(re.findall(r"\w+://[^\s\"'<]*", re.sub(r"<text .*?</text>", "", svg))) == {
        "http://www.w3.org/2000/svg"
    }
    assert set(re.findall(r'url\("(.*?)"\)', svg)) == set(FONT.values())


def test_the_font_has_every_character_that_is_drawn():
    drawn = "".join(
        text
        for name in IDS
        for text in re.findall(r"<text [^>]*>([^<]*)</text>", (FOLDER / f"{name}.svg").read_text("utf-8"))
    )
    for path in FONT.values():
        font = ImageFont.truetype(FOLDER / path, 20)
        unknown = bytes(font.getmask("\uffff"))
        missing = {char for char in set(drawn) - {" "} if bytes(font.getmask(char)) == unknown}
        assert missing == set(), path
