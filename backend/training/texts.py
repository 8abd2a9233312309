"""What the synthetic speakers say: plain sentences put together at random. No text belongs to a speaker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

PEOPLE: Final = (
    "my neighbour|the gardener|a young teacher|our driver|the quiet librarian|her brother|the baker|"
    "an old sailor|the doctor|a visitor|the engineer|his aunt|the night porter|a painter|"
    "the judge|their cousin"
)
DEEDS: Final = (
    "carried|painted|measured|forgot|repaired|borrowed|described|found|washed|counted|opened|watched|sold|"
    "weighed|folded|returned"
)
THINGS: Final = (
    "the yellow umbrella|a box of nails|seven green bottles|the broken clock|a heavy parcel|"
    "the kitchen table|"
    "two letters|the garden gate|a bicycle wheel|every window|the blue notebook|"
    "a basket of pears|the long ladder|some old photographs|the copper kettle|a pair of shoes"
)
PLACES: Final = (
    "behind the station|near the river|on the third floor|at the market|under the bridge|in the harbour|"
    "beside the church|along the north road|in a small village|outside the theatre|by the fire|"
    "above the workshop"
)
TIMES: Final = (
    "before breakfast|on Thursday evening|just after midnight|during the storm|every other week|last autumn|"
    "at half past nine|when the rain had stopped|early this morning|without a word|while the others slept|"
    "in the middle of June"
)


def sentence(draw: random.Random) -> str:
    """About eleven words: three to five seconds of speech."""
    order = draw.randrange(3)
    person, deed, thing = _one(draw, PEOPLE), _one(draw, DEEDS), _one(draw, THINGS)
    place, time = _one(draw, PLACES), _one(draw, TIMES)
    if order == 0:
        return f"{person} {deed} {thing} {place} {time}"
    if order == 1:
        return f"{time} {person} {deed} {thing} {place}"
    return f"{place} {time} {person} {deed} {thing}"


def _one(draw: random.Random, parts: str) -> str:
    return draw.choice(parts.split("|"))
