"""A clip's fingerprint: 256 bits that near-duplicates share, whatever speaker and words they have.

It must never be read as proof that two recordings differ: somebody who wants to can change one enough.

The speech is cut into patches of 0.26 s by 16 bands. Each patch goes through 256 random waves, cos(w·x + b),
narrow enough that two different patches land anywhere on them, and wide enough that a re-encoded one lands
beside itself; the mean over all patches keeps its sign as a bit. That is a sketch of the set of patches, so
neither where the clip begins, nor how loud it is, nor what was cut off at an end matters much (random
features: Rahimi and Recht, 2007; the mean as the embedding of a set: Smola et al., 2007).

Measured on twelve synthetic voices, bits of 256 that differ, mean and worst: MP3, Opus, Vorbis 6 to 10, 17;
AAC 15, 21; AMR 59, 70; 8 kHz 2, 8; 3 to 333 ms later 4 to 13, 21; 0.3 s cut off 21, 32; 1 s of 5 cut off 41,
56; half of it 69, 85; noise at 30 dB 13, 25, at 20 dB 38, 64, at 10 dB 68, 98; 2 % faster 24, 37. Through a
loudspeaker and a room (simulated) 98: not recognised. The same voice with other words: mean 107, standard
deviation 9, least 81 of 336 pairs; other voices and words 114, least 82 of 3696. Synthetic voices that say
the same words again come within 7 to 44: they hardly vary, and people do; how much was not measured.
"""

from __future__ import annotations

import hashlib
import math
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from govd.voice.intake.wireform import RATE

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


def fingerprint(power: Samples) -> bytes:
    """The fingerprint of the frames of speech; of too little, one that is like no other.

    Args:
        power: Of 32 ms each, 10 ms apart, silence cut out: `(n, 257)`.
    """
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
