"""What is speech in 16 kHz audio, and what it is like. Runs in the decoder's process alone.

Must never open anything, and never decide: it gives numbers, and `rules` says what they mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import webrtcvad

from govd.voice.intake.wireform import RATE, Measures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    Mask = NDArray[np.bool_]

HOP: Final = 160
"""Samples between two frames: 10 ms."""
WINDOW: Final = 512
"""Samples that a frame looks at: 32 ms, two periods of a low voice."""
_MIDDLE: Final = (WINDOW - HOP) // 2
"""A frame speaks for the HOP samples in its middle."""

_VAD_FRAME: Final = 320
"""20 ms; webrtcvad takes 10, 20 or 30."""
_VAD_MODE: Final = 2
_VAD_RMS: Final = 0.1
"""-20 dBFS: to this the loud half of a clip is raised for webrtcvad, whose own gates are absolute."""
_VAD_GAIN: Final = 31.6
"""30 dB at most: what is quieter still is the sound card's own noise, and must not be raised to speech."""

_FLOOR_RMS: Final = 1e-3
"""-60 dBFS: nothing below it is speech."""
_BELOW_LOUD: Final = 10 ** (-35 / 20)
"""Speech lies within 35 dB of its own loud parts."""
_FLAT: Final = 0.42
"""Spectral flatness from which a stretch is noise. White noise has 0.56 = exp(-0.577), vowels below 0.1."""
_FLAT_FRAMES: Final = 21
"""Over so many frames: a fricative is as flat, and over in 0.1 s."""
_GAP: Final = 20
"""Frames: a shorter pause (a stop, a breath) stays in."""
_BURST: Final = 8
"""Frames: a shorter sound is a click."""

_FINE_WINDOW: Final = 1024
"""64 ms: harmonics of a voice lie apart in it."""
_FINE_HOP: Final = 4 * HOP
_FINE_LAG: Final = 2
"""Of these, 0.08 s: a voice has moved on by then, a note has not. After 0.12 s a short note has too."""
_FINE_BINS: Final = slice(14, 226)
"""Of these windows: 220 Hz to 3.5 kHz, where harmonics are."""
_HISS_BINS: Final = slice(192, None)
"""From 3 kHz on: sibilants."""
_HISS_PERCENTILE: Final = 95
_TOP: Final = 0.8
_TOP_PERCENTILE: Final = 99.9
_TINY: Final = 1e-10
_AT_ONCE: Final = 32
"""Frames that are computed together."""


@dataclass(frozen=True)
class Frames:
    """A clip frame by frame, n of them. `power`: `(n, 257)`; `rms`: linear; `speech`: which of them are."""

    power: Samples
    rms: Samples
    flatness: Samples
    speech: Mask


def frames(audio: Samples) -> Frames:
    """Cut a clip into overlapping frames, and find the speech; one shorter than a window has none."""
    if len(audio) < WINDOW:
        none = np.zeros(0, np.float32)
        return Frames(np.zeros((0, WINDOW // 2 + 1), np.float32), none, none, none.astype(bool))
    cut = np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[::HOP]
    power = _power(cut)
    rms = np.sqrt(np.einsum("ij,ij->i", cut, cut) / WINDOW)
    flatness = _flatness(power)
    return Frames(power, rms, flatness, _speech(audio, rms, flatness))


def cut_silence(audio: Samples, found: Frames) -> Samples:
    """The speech alone, `(m,)`."""
    if not found.speech.any():
        return np.zeros(0, np.float32)
    slots = np.lib.stride_tricks.sliding_window_view(audio[_MIDDLE:], HOP)[::HOP][: len(found.speech)]
    return np.ascontiguousarray(slots[found.speech[: len(slots)]].reshape(-1), np.float32)


def measure(audio: Samples, found: Frames, speech: Samples) -> Measures:
    """The numbers of a clip; those of speech are 0 where there is none.

    A clip without speech is described by all of its sound, so that a reader learns what it was.
    """
    sounding = found.speech if found.speech.any() else found.rms > _FLOOR_RMS
    level = _decibels(float(np.mean(speech**2))) if len(speech) else _decibels(float(np.mean(audio**2)))
    shape = (0.0, 0.0, 0.0, 0.0, 0.0)
    if sounding.any():
        levels = 20 * np.log10(found.rms[sounding] + _TINY)
        shape = (
            _bandwidth(found.power[sounding]),
            float(np.median(found.flatness[sounding])),
            float(levels.std()),
            *_tunefulness(audio, sounding),
        )
    return Measures(len(audio) / RATE, len(speech) / RATE, level, _snr(found), _clipped(speech), *shape)


def _power(cut: Samples) -> Samples:
    """The power spectrum of each frame, some at a time.

    A child begins with no page of its own: whatever memory it touches first costs more than the arithmetic.
    """
    window = np.hanning(cut.shape[1]).astype(np.float32)
    power = np.empty((len(cut), cut.shape[1] // 2 + 1), np.float32)
    for at in range(0, len(cut), _AT_ONCE):
        spectrum = np.fft.rfft(cut[at : at + _AT_ONCE] * window, axis=1)
        power[at : at + _AT_ONCE] = spectrum.real**2 + spectrum.imag**2
    return power


def _flatness(power: Samples) -> Samples:
    """Geometric over arithmetic mean, 125 Hz to 7.8 kHz, of each frame."""
    flatness = np.empty(len(power), np.float32)
    for at in range(0, len(power), _AT_ONCE):
        inner = power[at : at + _AT_ONCE, 4:250] + np.float32(_TINY)
        flatness[at : at + _AT_ONCE] = np.exp(np.log(inner).mean(axis=1)) / inner.mean(axis=1)
    return flatness


def _decibels(power: float) -> float:
    return 10 * math.log10(max(power, 1e-12))


def _speech(audio: Samples, rms: Samples, flatness: Samples) -> Mask:
    loud = float(np.percentile(rms, 95))
    mask = _vad(audio, rms) & (rms > max(_FLOOR_RMS, loud * _BELOW_LOUD))
    around = np.pad(flatness, _FLAT_FRAMES // 2, mode="edge")
    stretch = np.lib.stride_tricks.sliding_window_view(around, _FLAT_FRAMES)
    mask &= np.median(stretch, axis=1) < _FLAT
    return _runs(~_runs(~mask, _GAP), _BURST)


def _vad(audio: Samples, rms: Samples) -> Mask:
    """What webrtcvad calls speech, frame by frame."""
    loud = np.sort(rms)[len(rms) // 2 :]
    gain = min(_VAD_RMS / max(math.sqrt(float(np.mean(loud**2))), 1e-6), _VAD_GAIN)
    pcm = (np.clip(audio * gain, -1, 1) * 32767).astype("<i2").tobytes()
    size = 2 * _VAD_FRAME
    vad = webrtcvad.Vad(_VAD_MODE)
    said = [vad.is_speech(pcm[at : at + size], RATE) for at in range(0, len(pcm) - size + 1, size)]
    middles = (np.arange(len(rms)) * HOP + WINDOW // 2) // _VAD_FRAME
    return np.array(said, bool)[np.minimum(middles, len(said) - 1)]


def _runs(mask: Mask, shortest: int) -> Mask:
    """The mask without those of its runs that are shorter; the ends of a clip count as such."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    out = mask.copy()
    for start, end in edges.reshape(-1, 2):
        if end - start < shortest:
            out[start:end] = False
    return out


def _snr(found: Frames) -> float:
    """Speech over what lies between the words; without pauses, over the quietest twentieth."""
    if not found.speech.any():
        return 0.0
    powers = found.rms.astype(np.float64) ** 2
    pauses = powers[~found.speech]
    enough = len(pauses) >= max(_GAP, len(powers) // 20)
    under = max(float(np.median(pauses) if enough else np.percentile(powers, 5)), 1e-10)
    return _decibels(max(float(powers[found.speech].mean()) - under, 1e-12) / under)


def _clipped(speech: Samples) -> float:
    """Share of samples in the top fifth of the clip's own height.

    Not at full scale: what was cut off stays so when it is made quieter, and codecs and resampling round the
    edges (a share at 0.98 of the top sees none of it after Opus).
    """
    if not len(speech):
        return 0.0
    height = np.abs(speech)
    return float(np.mean(height > _TOP * np.percentile(height, _TOP_PERCENTILE)))


def _bandwidth(power: Samples) -> float:
    """Hz below which 99 % of the energy lies, after a pre-emphasis: vowels would hide the rest."""
    tilt = np.abs(1 - 0.97 * np.exp(-2j * np.pi * np.arange(power.shape[1]) / WINDOW)) ** 2
    sums = np.cumsum(power.sum(axis=0, dtype=np.float64) * tilt)
    return float(np.searchsorted(sums, 0.99 * sums[-1]) * RATE / WINDOW)


def _tunefulness(audio: Samples, sounding: Mask) -> tuple[float, float]:
    """Steadiness and hiss, as `Measures` has them."""
    if len(audio) < _FINE_WINDOW + _FINE_LAG * _FINE_HOP:
        return 0.0, 0.0
    power = _power(np.lib.stride_tricks.sliding_window_view(audio, _FINE_WINDOW)[::_FINE_HOP])
    sounding = sounding[:: _FINE_HOP // HOP][: len(power)]
    power = power[: len(sounding)]
    both = sounding[_FINE_LAG:] & sounding[:-_FINE_LAG]
    if not both.any():
        return 0.0, 0.0
    there = power[sounding]
    hiss = there[:, _HISS_BINS].sum(axis=1) / (there[:, 8:].sum(axis=1) + np.float32(_TINY))
    return _steadiness(power[:, _FINE_BINS], both), float(np.percentile(hiss, _HISS_PERCENTILE))


def _steadiness(power: Samples, both: Mask) -> float:
    """Median correlation of the harmonics' pattern with the one before."""
    fine = np.log(power + 1e-4 * power.max(axis=1, keepdims=True) + np.float32(_TINY))
    sums = np.cumsum(np.pad(fine, ((0, 0), (1, 0))), axis=1)
    fine = fine[:, 6:-6] - (sums[:, 13:] - sums[:, :-13]) / 13
    fine -= fine.mean(axis=1, keepdims=True)
    size = np.sqrt(np.einsum("ij,ij->i", fine, fine)) + _TINY
    alike = np.einsum("ij,ij->i", fine[_FINE_LAG:], fine[:-_FINE_LAG]) / (
        size[_FINE_LAG:] * size[:-_FINE_LAG]
    )
    return float(np.median(alike[both]))
