"""Pictures of the screen: what they carry, and what they must not."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.widgets import Label

from govconsole.picture import HEIGHT, WIDTH, svg
from govconsole.widgets.capture import capture

SVG = "{http://www.w3.org/2000/svg}"


def draw(*rows, title="Queue", **options):
    return svg(rows, title=title, ink="#e0e0e0", ground="#101010", **options)


def parsed(picture):
    return ET.fromstring(picture)  # noqa: S314 - made by us, a moment ago


def texts(picture):
    return [
        (int(one.get("x")) // WIDTH, int(one.get("textLength")) // WIDTH, one.text)
        for one in parsed(picture).iter(f"{SVG}text")
    ]


def test_words_stand_in_their_columns():
    picture = draw([Segment("  a b"), Segment("   c")])

    assert texts(picture) == [(2, 3, "a b"), (8, 1, "c")]


def test_a_wide_character_takes_two_columns_and_what_follows_keeps_its_place():
    assert texts(draw([Segment("x漢y")])) == [(0, 1, "x"), (1, 2, "漢"), (3, 1, "y")]


def test_a_mark_stays_on_its_letter():
    assert texts(draw([Segment("e\u0301x")])) == [(0, 2, "e\u0301x")]


def test_colours_and_weights_are_drawn():
    picture = draw([Segment("a", Style.parse("bold #ff0000 on #0000ff")), Segment("b")])
    first, second = parsed(picture).iter(f"{SVG}text")

    assert (first.get("fill"), first.get("class")) == ("#ff0000", "b")
    assert (second.get("fill"), second.get("class")) == ("#e0e0e0", None)
    assert f'<rect x="0" y="0" width="{WIDTH}" height="{HEIGHT}" fill="#0000ff"' in picture


def test_reversed_text_changes_ink_and_ground():
    picture = draw([Segment("a", Style(reverse=True))])

    assert next(parsed(picture).iter(f"{SVG}text")).get("fill") == "#101010"
    assert 'fill="#e0e0e0" shape-rendering' in picture


@pytest.mark.threat("T17")
def test_what_an_agent_wrote_is_neither_markup_nor_control_in_a_picture():
    """A title with tags, quotes, escapes and direction marks stays text in a saved picture."""
    hostile = '</text><script>x</script>"&\x1b[31m\u202e\x00'
    picture = draw([Segment(hostile)], title=hostile)

    root = parsed(picture)
    assert not list(root.iter(f"{SVG}script"))
    assert "".join(text for _, _, text in texts(picture)).startswith('</text><script>x</script>"&')
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", picture)


def test_the_same_cells_are_the_same_bytes():
    row = [Segment("a", Style.parse("italic underline #112233")), Segment("b", Style.parse("dim strike"))]

    assert draw(row) == draw(list(row))


def test_a_picture_names_no_address():
    picture = draw([Segment("a")], font={"normal": "fonts/a.ttf"})

    assert re.findall(r"https?://[^\"'\s]+", picture) == ["http://www.w3.org/2000/svg"]
    assert re.findall(r"url\((.*?)\)", picture) == ['"fonts/a.ttf"']


async def test_a_screen_is_taken_in_the_colours_of_its_theme():
    class Small(App[None]):
        def compose(self):
            yield Label("here", markup=False)

    app = Small()
    async with app.run_test(size=(20, 3)):
        picture = capture(app, title="Small")

    assert (0, 4, "here") in texts(picture)
    assert parsed(picture).get("viewBox") == f"0 0 {20 * WIDTH + 30} {3 * HEIGHT + 30}"
    assert "<title>Small</title>" in picture
