"""A clip's fingerprint: prints of 256 bits that near-duplicates share, one for each 3 s of its speech.

It must never be read as proof that two recordings differ: somebody who wants to can change one enough.

A print: its stretch is cut into patches of 0.42 s by 16 bands. Each patch goes through 256 random waves,
cos(w·x + b), narrow enough that two different patches land anywhere on them, and wide enough that a
re-encoded one lands beside itself; the mean over all patches keeps its sign as a bit. That is a sketch of the
set of patches, so neither where the stretch begins, nor how loud it is matters much (random features: Rahimi
and Recht, 2007; the mean as the embedding of a set: Smola et al., 2007). A mean over a whole long clip would
be the voice's and not the words': so stretches of 3 s, a second or two apart; `rules.distance` compares.

Measured, as `rules.distance`, mean and worst, and how many of 192 replays are within 64 (2.8 to 20 s, 16
synthetic voices): MP3 4, 12; Opus 10, 38; AAC 17, 33; 8 kHz 1, 33; noise at 20 dB 18, 64; 0.5 s cut off the
start 35, 63; 2 % faster 32, 51; half of the clip 31, 57: all of each. Noise at 10 dB 43, 85 (166 of 191);
AMR 52, 80 (176); an echo a third as loud after 0.1 s 68, 89 (56), after 0.25 s 64, 85 (89). Not recognised:
an echo two thirds as loud (104) and a loudspeaker in a room (simulated: 101). Other words of one voice, 7
voices that nothing was chosen by: from 5 s on 102, least 67 of 1144 pairs; from 9 s on 99, 77 of 264; of all
4410 pairs 6 within 64, where a synthetic voice says the same words the same way each time. People do not; how
much they vary was not measured. With a bang of 30 dB in each of two clips: 109, least 95 of 84 pairs.
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
_FRAMES: Final = 14
_STRIDE: Final = 3
"""A patch: 14 frames, each 3 after the one before: 0.39 s and a window."""
_DEPTH_OF_BAND: Final = 0.01
_DEPTH_OF_ALL: Final = 0.7
"""What is 20 dB below its band's mean, or 1.5 below the mean of all, counts as so low: noise, codecs and
rooms put their own there."""
_USUAL: Final = 0.95
"""The share of frames that count for a mean, the quietest: one bang must not outweigh all words."""
_SPREAD: Final = 2.55
"""Radians: how far apart two different patches land on a wave, as a standard deviation."""
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
    loudness = bands.sum(axis=1)
    usual = loudness <= np.sort(loudness)[int(_USUAL * len(loudness))]
    means = bands[usual].mean(axis=0)
    logs = np.log(bands + (_DEPTH_OF_BAND * means + _DEPTH_OF_ALL * means.mean() + np.float32(1e-12)))
    logs -= logs[usual].mean(axis=0)
    patches = np.lib.stride_tricks.sliding_window_view(logs, _FRAMES * _STRIDE, axis=0)[:, :, ::_STRIDE]
    middles = loudness[_FRAMES * _STRIDE // 2 :][: len(patches)]
    # The louder half: noise and echoes cover the rest.
    patches = patches[middles >= np.sort(middles)[len(middles) // 2]].reshape(-1, _BANDS * _FRAMES)
    waves, phases = _waves()
    scale = np.float32(_SPREAD / (math.sqrt(_BANDS * _FRAMES) * max(float(logs[usual].std()), 1e-3)))
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
    stream = hashlib.shake_256(b"govconsole voice fingerprint 2").digest(count + 2 * BITS)
    signs = np.unpackbits(np.frombuffer(stream[:count], np.uint8)).reshape(-1, BITS)
    phases = np.frombuffer(stream[count:], ">u2").astype(np.float32) * np.float32(2 * np.pi / 65536)
    return signs.astype(np.float32) * 2 - 1, phases
