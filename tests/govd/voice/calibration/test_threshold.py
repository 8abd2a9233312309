"""Trials against a reference in numpy, and the threshold that follows from them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govd.contract.errors import InvalidRequestError
from govd.voice.calibration import Trials, calibrate, chosen, measured, rates_at, trials_of


def people(
    seed: int, *, speakers: int, samples: int, spread: float, size: int = 12
) -> dict[str, list[bytes]]:
    """Synthetic embeddings: a direction for each speaker, and samples about it."""
    draw = np.random.default_rng(seed)
    found = {}
    for number in range(speakers):
        middle = draw.standard_normal(size)
        vectors = middle + spread * draw.standard_normal((samples, size))
        found[f"s{number}"] = [vector.astype("<f4").tobytes() for vector in vectors]
    return found


def reference(embeddings: dict[str, list[bytes]], enrolled: int) -> tuple[list[float], list[float]]:
    voices = {
        name: np.array([np.frombuffer(item, "<f4") for item in items], dtype=np.float64)
        for name, items in embeddings.items()
    }
    units = {name: rows / np.linalg.norm(rows, axis=1)[:, None] for name, rows in voices.items()}
    genuine, impostor = [], []
    for name, rows in units.items():
        for index, row in enumerate(rows):
            others = np.roll(rows, -index - 1, axis=0)[: min(enrolled, len(rows) - 1)].mean(axis=0)
            genuine.append(float(row @ others / np.linalg.norm(others)))
        for other, theirs in units.items():
            if other != name:
                middle = theirs[:enrolled].mean(axis=0)
                impostor += [float(row @ middle / np.linalg.norm(middle)) for row in rows]
    return genuine, impostor


@given(
    seed=st.integers(0, 2**32 - 1),
    speakers=st.integers(2, 5),
    samples=st.integers(3, 8),
    enrolled=st.integers(1, 6),
)
def test_trials_are_those_of_the_reference(seed: int, speakers: int, samples: int, enrolled: int) -> None:
    embeddings = people(seed, speakers=speakers, samples=samples, spread=0.7)
    trials = trials_of(embeddings, enrolled=enrolled)
    genuine, impostor = reference(embeddings, enrolled)
    assert sorted(trials.genuine) == pytest.approx(sorted(genuine))
    assert sorted(trials.impostor) == pytest.approx(sorted(impostor))
    assert (trials.speakers, trials.samples) == (speakers, speakers * samples)
    assert len(trials.impostor) == speakers * samples * (speakers - 1)
    assert trials.spread >= 0


cosines = st.lists(st.floats(-1, 1), min_size=1, max_size=60)


@given(genuine=cosines, impostor=cosines, allowed=st.floats(0, 0.5))
def test_no_more_strangers_match_than_are_allowed(
    genuine: list[float], impostor: list[float], allowed: float
) -> None:
    threshold = chosen(Trials(tuple(genuine), tuple(impostor), 0.0, 2, 6), allowed)
    fmr, _ = rates_at(genuine, impostor, threshold)
    # A threshold above 1 would be none: only a stranger who is the same to the last digit gets past.
    assert fmr.share <= allowed or threshold == 1.0
    assert -1.0 <= threshold <= 1.0
    assert threshold == round(threshold, 3)


def test_the_threshold_of_speakers_who_are_told_apart_lets_all_of_them_in_and_no_stranger() -> None:
    found = calibrate(people(3, speakers=6, samples=8, spread=0.2, size=48))
    assert (found.fmr.errors, found.fnmr.errors, found.eer) == (0, 0, 0.0)
    assert found.fmr.bound == 3 / found.fmr.trials
    assert found.trials == 6 * 8 + 6 * 8 * 5
    assert found.threshold < found.low_confidence < found.threshold + 0.2


def test_a_weak_match_lies_within_what_one_speaker_varies() -> None:
    trials = trials_of(people(4, speakers=4, samples=6, spread=0.5))
    found = measured(trials, 0.5, trials.spread)
    assert found.low_confidence == pytest.approx(0.5 + trials.spread, abs=0.001)
    assert measured(replace(trials, genuine=(1.0,)), 0.999, 0.5).low_confidence == 1.0


def test_speakers_who_are_all_alike_get_a_threshold_that_admits_nobody_cheaply() -> None:
    # What random weights do: every cosine is nearly 1. The figures must say that it tells nobody apart.
    draw = np.random.default_rng(5)
    alike = np.ones(16) + 1e-4 * draw.standard_normal((5, 6, 16))
    found = calibrate({f"s{n}": [v.astype("<f4").tobytes() for v in rows] for n, rows in enumerate(alike)})
    assert found.threshold == 1.0
    assert found.fnmr.share > 0.5
    assert found.eer > 0.2


def test_the_card_and_the_lines_say_the_same() -> None:
    found = calibrate(people(6, speakers=4, samples=6, spread=0.9))
    card = found.as_card()
    assert card["threshold"] == found.threshold
    assert card["trials"] == found.trials == 4 * 6 + 4 * 6 * 3
    assert f"threshold {found.threshold:.3f}" in "\n".join(found.lines())
    assert str(found.fmr) in "\n".join(found.lines())


@pytest.mark.parametrize(
    ("embeddings", "why"),
    [
        ({}, "at least 2 speakers"),
        ({"a": [b"\0\0\x80?" * 4] * 3}, "at least 2 speakers"),
        ({"a": [b"\0\0\x80?" * 4] * 3, "b": [b"\0\0\x80?" * 4] * 2}, "3 samples are needed of b"),
        ({"a": [b"\0\0\x80?" * 4] * 3, "b": [b"\0\0\x80?" * 8] * 3}, "different lengths"),
        ({"a": [b"\0\0\x80?" * 4] * 3, "b": [bytes(16)] * 3}, "b is no direction"),
        ({"a": [b"\0\0\x80?" * 4] * 3, "b": [np.array([math.nan] * 4, "<f4").tobytes()] * 3}, "no direction"),
        ({"a": [b"\0\0\x80?" * 4] * 3, "b": [b"\0\0\x80"] * 3}, "no row of float32"),
        ({"a": [b"\0\0\x80?" * 4] * 3, "b": [b""] * 3}, "no row of float32"),
    ],
)
def test_what_cannot_be_calibrated_on_is_refused_with_a_reason(
    embeddings: dict[str, list[bytes]], why: str
) -> None:
    with pytest.raises(InvalidRequestError, match=why):
        trials_of(embeddings)
