"""The mel front end against a plain reading of its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from govd.voice.encoder import mel


def hertz(value: float) -> float:
    """Slaney's scale, one value at a time."""
    return value * 200 / 3 if value < 15 else 1000 * math.exp((value - 15) * math.log(6.4) / 27)


def spelled_out(samples: np.ndarray) -> np.ndarray:
    """The same features in float64, frame by frame, filter by filter."""
    emphasised = [samples[0], *(samples[1:] - 0.97 * samples[:-1])]
    padded = np.concatenate([np.zeros(256), emphasised, np.zeros(256)])
    window = np.zeros(512)
    window[56:456] = [0.5 - 0.5 * math.cos(2 * math.pi * i / 399) for i in range(400)]
    top = 15 + 27 * math.log(8) / math.log(6.4)
    edges = [hertz(i * top / 81) for i in range(82)]
    rows = []
    for low, mid, high in zip(edges, edges[1:], edges[2:], strict=False):
        weights = []
        for k in range(257):
            at = k * 8000 / 256
            weights.append(max(0.0, min((at - low) / (mid - low), (high - at) / (high - mid))))
        rows.append(np.array(weights) * 2 / (high - low))
    out = []
    for i in range(len(samples) // 160):
        power = np.abs(np.fft.rfft(padded[i * 160 : i * 160 + 512] * window)) ** 2
        out.append([math.log(float(row @ power) + 2.0**-24) for row in rows])
    logs = np.array(out).T
    return (logs - logs.mean(axis=1, keepdims=True)) / (logs.std(axis=1, ddof=1, keepdims=True) + 1e-5)


@pytest.mark.parametrize("length", [4_000, 4_079, 5_001])
def test_features_are_what_the_definition_says(length):
    time = np.arange(length) / 16_000
    sound = 0.1 * np.random.default_rng(2).standard_normal(length) + 0.3 * np.sin(2 * np.pi * 300 * time)

    found = mel.features(sound.astype(np.float32))

    assert found.shape == (80, length // 160)
    assert found.dtype == np.float32
    assert np.abs(found - spelled_out(sound.astype(np.float32).astype(np.float64))).max() < 1e-3


def test_loudness_does_not_matter():
    sound = np.random.default_rng(3).standard_normal(8_000).astype(np.float32)

    quiet, loud = mel.features(sound * np.float32(0.5)), mel.features(sound)

    assert np.abs(quiet - loud).max() < 0.05


def test_silence_gives_numbers():
    assert np.isfinite(mel.features(np.zeros(1_600, dtype=np.float32))).all()


def test_two_frames_are_the_least():
    assert mel.features(np.ones(mel.MIN_SAMPLES, dtype=np.float32)).shape == (80, 2)
    with pytest.raises(ValueError, match="at least 320 samples"):
        mel.features(np.ones(mel.MIN_SAMPLES - 1, dtype=np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(value):
    sound = np.zeros(1_600, dtype=np.float32)
    sound[7] = value

    with pytest.raises(ValueError, match="no numbers"):
        mel.features(sound)


def test_stereo_is_refused():
    with pytest.raises(ValueError, match="samples"):
        mel.features(np.zeros((2, 1_600), dtype=np.float32))
