"""A clip's fingerprint: prints of 256 bits that near-duplicates share, one for each 3 s of its speech.

It must never be read as proof that two recordings differ: somebody who wants to can change one enough.

A print: its stretch is cut into patches of 0.26 s by 16 bands. Each patch goes through 256 random waves,
cos(w·x + b), narrow enough that two different patches land anywhere on them, and wide enough that a
re-encoded one lands beside itself; the mean over all patches keeps its sign as a bit. That is a sketch of the
set of patches, so neither where the stretch begins, nor how loud it is matters much (random features: Rahimi
and Recht, 2007; the mean as the embedding of a set: Smola et al., 2007). A mean over a whole long clip would
be the voice's and not the words': so stretches of 3 s, a second or two apart; `rules.distance` compares.

Measured, as `rules.distance`, mean and worst. Replays of 6 and 12 s, six synthetic voices: MP3 6, 14; Opus
14, 33; AAC 17, 34; 8 kHz 2, 29; noise at 30 dB 14, 34, at 20 dB 39, 56; 0.3 to 1 s cut off the start 16 to
31, 46; 2 % faster 26, 41; half of the clip 32, 75 (46 of 48 within 64); AMR 59, 74 (14 of 24); noise at 10
dB 74, 102 (5 of 24). Not recognised: an echo (0.1 or 0.25 s; a third as loud: 84; two thirds: 103), and a
loudspeaker in a room (simulated: 83). Other words of one voice, nine voices, no pair within 72 from 15 s
on: 15 s 99, least 74 of 1331 pairs; 30 s 97, 85 of 293; 60 s 94, 86 of 58; 2.5 s 114, 65 of 12752; 5 s 106.
Some 0.05 % of the pairs with a clip of 5 s or less came within 64; those looked into shared a word of 2 s,
which a synthetic voice says the same each time. People do not; how much they vary was not measured.
"""

from __future__ import annotations

import hashlib
import math
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from govd.voice.intake.wireform import MAX_PRINTS, RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

BITS: Final = 256
_BANDS: Final = 16
_LOW_HZ: Final = 200.0
_HIGH_HZ: Final = 3_600.0
"""A telephone's band: so a clip that went through one is still known."""
_WINDOW: Final = 512
_FRAMES: Final = 8
_STRIDE: Final = 3
"""A patch: 8 frames, each 3 after the one before: 0.24 s and a window."""
_DEPTH_OF_BAND: Final = 0.01
_DEPTH_OF_ALL: Final = 0.03
"""What is 20 dB below its band's mean, or 15 below the mean of all, counts as so low: noise and codecs put
their own there."""
_SPREAD: Final = 3.2
"""Radians: how far apart two different patches land on a wave, as a standard deviation."""
_LOUD: Final = 10 ** (-25 / 10)
"""Patches quieter than 25 dB below the mean are pauses, and say nothing of this clip."""


_STRETCH: Final = 300
"""Frames that a print is of. Of 2 s, other words of one voice come within 20 bits less; of 6 s, within 10
less, and a part of a clip is found worse."""
_APART: Final = 100
"""Frames between two prints, where a clip is not too long for that: what was cut off a replay's start then
shifts it by 0.5 s at most."""


def fingerprint(power: Samples) -> bytes:
    """The prints of the frames of speech, one after the other, 1 to `MAX_PRINTS`.

    Args:
        power: Of 32 ms each, 10 ms apart, silence cut out: `(n, 257)`.
    """
    last = max(0, len(power) - _STRETCH)
    count = min(MAX_PRINTS, 1 + math.ceil(last / _APART))
    starts = np.linspace(0, last, count).round().astype(int)
    return b"".join(_print(power[start : start + _STRETCH]) for start in starts)


def _print(power: Samples) -> bytes:
    """Of one stretch; of too little, one that is like no other."""
    bands = power @ _filters()
    if len(bands) < _FRAMES * _STRIDE:
        return hashlib.sha256(bands.tobytes()).digest()
    means = bands.mean(axis=0)
    logs = np.log(bands + (_DEPTH_OF_BAND * means + _DEPTH_OF_ALL * means.mean() + np.float32(1e-12)))
    logs -= logs.mean(axis=0)
    patches = np.lib.stride_tricks.sliding_window_view(logs, _FRAMES * _STRIDE, axis=0)[:, :, ::_STRIDE]
    loudness = bands.sum(axis=1)
    middles = loudness[_FRAMES * _STRIDE // 2 :][: len(patches)]
    patches = patches[middles > _LOUD * loudness.mean()].reshape(-1, _BANDS * _FRAMES)
    waves, phases = _waves()
    scale = np.float32(_SPREAD / (math.sqrt(_BANDS * _FRAMES) * max(float(logs.std()), 1e-3)))
    sums = np.cos(patches @ (waves * scale) + phases).sum(axis=0)
    return np.packbits(sums > 0).tobytes()


@cache
def _filters() -> Samples:
    """Triangles over the bins, their middles as far apart as the ear has them; `(257, bands)`."""
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (_LOW_HZ, _HIGH_HZ))
    mel = np.linspace(low, high, _BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.arange(_WINDOW // 2 + 1)[:, None] * RATE / _WINDOW
    up = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles: Samples = np.maximum(0, np.minimum(up, down)).astype(np.float32)
    return triangles


@cache
def _waves() -> tuple[Samples, Samples]:
    """Directions of ±1, `(bands * frames, BITS)`, and phases: the same for ever, of no library's making."""
    count = _BANDS * _FRAMES * BITS // 8
    stream = hashlib.shake_256(b"govconsole voice fingerprint 1").digest(count + 2 * BITS)
    signs = np.unpackbits(np.frombuffer(stream[:count], np.uint8)).reshape(-1, BITS)
    phases = np.frombuffer(stream[count:], ">u2").astype(np.float32) * np.float32(2 * np.pi / 65536)
    return signs.astype(np.float32) * 2 - 1, phases
