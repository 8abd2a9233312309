"""Who speaks in the corpus: the shipped voices of espeak-ng and flite, and variants drawn at random.

Must stay the same for the same seed: which speakers were held out is part of the model's card.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Split = Literal["train", "choose", "report"]
"""`train`: learned from. `choose`: the threshold is chosen on them. `report`: measured on them."""

SEED: Final = 20_261_121

# Without twins (edward2, robosoft2 to 8 and the like differ by less than one speaker does from clip to clip),
# and without what is no voice (whispering, croaking, announcements with an echo).
TRAIN_VARIANTS: Final = (
    "f1 f2 f3 f4 f5 m1 m2 m3 m4 m5 m6 m7 m8 klatt klatt3 klatt5 Alex Alicia Andy Annie belinda boris david "
    "Denis Diogo ed Gene gustave Henrique iven Jacky kaukovalta linda marcelo Mario max Mike miguel pablo "
    "paul quincy rob robosoft sandro shelby steph Tweaky zac grandma norbert"
)
CHOOSE_VARIANTS: Final = "adam Andrea benjamin edward john Lee Marco pedro travis aunty Storm antonio"
REPORT_VARIANTS: Final = "anika caleb Hugo Michael michel robert victor grandpa Nguyen RicishayMax UniRobot"
# "en" is British; "en-gb+VARIANT" loses its variant without a word.
ACCENTS: Final = ("en", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-us-nyc")

MADE: Final[dict[Split, int]] = {"train": 110, "choose": 18, "report": 18}
FLITE: Final[dict[Split, tuple[str, ...]]] = {
    "train": ("slt", "rms"),
    "choose": ("kal16",),
    "report": ("awb",),
}


@dataclass(frozen=True)
class Speaker:
    """One synthetic speaker. `variant`: a name, or for espeak-ng the text of a voice file of our own.

    `pitch` is espeak-ng's (0 to 99) or flite's mean fundamental frequency in Hz (0: the voice's own);
    `speed` is words a minute, or flite's stretch in percent.
    """

    name: str
    split: Split
    engine: Literal["espeak-ng", "flite"]
    accent: str
    variant: str
    pitch: int
    speed: int
    made: str = ""


def everyone() -> list[Speaker]:
    """All speakers of the corpus, in a fixed order."""
    draw = random.Random(SEED)  # noqa: S311 - a corpus, not a secret
    found: list[Speaker] = []
    # Two speakers of each shipped variant to learn from: far enough apart in pitch to be two people.
    found += [
        one for low in (True, False) for one in _shipped(draw, "train", TRAIN_VARIANTS.split(), low=low)
    ]
    found += _shipped(draw, "choose", CHOOSE_VARIANTS.split())
    found += _shipped(draw, "report", REPORT_VARIANTS.split())
    for split, number in MADE.items():
        found += [_made(draw, split, index) for index in range(number)]
    for split, voices in FLITE.items():
        found += [Speaker(f"flite-{voice}", split, "flite", "", voice, 0, 100) for voice in voices]
    return found


def _shipped(
    draw: random.Random, split: Split, variants: Sequence[str], *, low: bool | None = None
) -> list[Speaker]:
    speakers = []
    for variant in variants:
        middle = {None: 50, True: 36, False: 62}[low]
        pitch = middle + draw.randint(-6, 6)
        accent = draw.choice(ACCENTS)
        name = f"{variant}-{accent}-{pitch}"
        speakers.append(Speaker(name, split, "espeak-ng", accent, variant, pitch, draw.randint(145, 180)))
    return speakers


def _made(draw: random.Random, split: Split, index: int) -> Speaker:
    """A variant file: a vocal tract, a range of pitch and a way of phonation, drawn at random."""
    tract = draw.uniform(0.84, 1.22)
    low = draw.uniform(62, 175) * tract**0.5
    lines = [
        "language variant",
        f"name made-{split}-{index:03}",
        f"pitch {low:.0f} {low * draw.uniform(1.25, 1.7):.0f}",
        f"roughness {draw.randint(0, 4)}",
        f"voicing {draw.randint(70, 120)}",
        f"consonants {draw.randint(70, 130)} {draw.randint(70, 130)}",
    ]
    for formant in range(9):
        place = 100 * tract * draw.uniform(0.95, 1.05)
        lines.append(f"formant {formant} {place:.0f} {draw.randint(70, 120)} {draw.randint(80, 150)}")
    breath = [0, *(draw.choice((0, 0, 0, 2, 4, 6)) for _ in range(7))]
    lines.append("breath " + " ".join(map(str, breath)))
    tone = (600, draw.randint(150, 190), 1500, draw.randint(90, 170), 3000, draw.randint(60, 160))
    lines.append("tone " + " ".join(map(str, tone)))
    variant = f"made-{split}-{index:03}"
    accent = draw.choice(ACCENTS)
    pitch = draw.randint(44, 56)
    return Speaker(
        variant, split, "espeak-ng", accent, variant, pitch, draw.randint(145, 180), "\n".join(lines) + "\n"
    )
