"""Error rates against a reference that counts one by one, and the bounds against what the tables say."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govd.voice.calibration import Rate, equal_error, rates_at

# A few values, so that many scores are alike.
scores = st.lists(st.integers(-20, 20).map(lambda number: number / 20), min_size=1, max_size=40)


def counted(genuine: list[float], impostor: list[float]) -> float:
    """The lowest half-way rate where both errors are nearest to one another, by trying every threshold."""
    best = None
    edges = [-2.0, *sorted({*genuine, *impostor}), 2.0]
    for threshold in [*edges, *((low + high) / 2 for low, high in pairwise(edges))]:
        matches = Fraction(len([score for score in impostor if score >= threshold]), len(impostor))
        misses = Fraction(len([score for score in genuine if score < threshold]), len(genuine))
        found = (abs(matches - misses), (matches + misses) / 2)
        best = found if best is None else min(best, found)
    assert best is not None
    return float(best[1])


@given(genuine=scores, impostor=scores)
def test_the_equal_error_rate_is_what_trying_every_threshold_finds(
    genuine: list[float], impostor: list[float]
) -> None:
    rate, threshold = equal_error(genuine, impostor)
    assert rate == pytest.approx(counted(genuine, impostor))
    assert min(*genuine, *impostor) <= threshold <= max(*genuine, *impostor)


@given(genuine=scores, impostor=scores, threshold=st.floats(-1, 1))
def test_rates_count_each_trial_once(genuine: list[float], impostor: list[float], threshold: float) -> None:
    matches, misses = rates_at(genuine, impostor, threshold)
    assert matches.trials == len(impostor)
    assert misses.trials == len(genuine)
    assert matches.errors == len([score for score in impostor if not score < threshold])
    assert misses.errors == len([score for score in genuine if not score >= threshold])


@given(genuine=scores, impostor=scores, low=st.floats(-1, 1), high=st.floats(-1, 1))
def test_a_higher_threshold_never_lets_more_strangers_in(
    genuine: list[float], impostor: list[float], low: float, high: float
) -> None:
    low, high = sorted((low, high))
    looser, stricter = rates_at(genuine, impostor, low), rates_at(genuine, impostor, high)
    assert stricter[0].errors <= looser[0].errors
    assert stricter[1].errors >= looser[1].errors


def test_speakers_who_are_told_apart_have_no_error_and_a_threshold_between_them() -> None:
    rate, threshold = equal_error([0.8, 0.9], [0.1, 0.3])
    assert rate == 0.0
    assert threshold == pytest.approx(0.55)


def test_without_trials_there_is_no_rate() -> None:
    with pytest.raises(ValueError, match="no trials"):
        equal_error([], [0.1])
    assert math.isnan(Rate(0, 0).share)
    assert Rate(0, 0).bound == 1.0


@given(trials=st.integers(1, 20_000))
def test_zero_errors_support_three_over_n_and_no_better(trials: int) -> None:
    assert Rate(0, trials).bound == min(1.0, 3 / trials)


@pytest.mark.parametrize(
    ("errors", "trials", "bound"),
    # One-sided 95 %, from the quantiles of the beta distribution.
    [(1, 10, 0.3942), (5, 100, 0.1023), (10, 1000, 0.0169), (500, 1000, 0.5265), (9, 10, 0.9949)],
)
def test_some_errors_have_the_exact_binomial_bound(errors: int, trials: int, bound: float) -> None:
    assert Rate(errors, trials).bound == pytest.approx(bound, abs=2e-4)


@given(errors=st.integers(0, 50), more=st.integers(0, 500))
def test_a_bound_is_never_below_what_was_measured(errors: int, more: int) -> None:
    rate = Rate(errors, errors + more + 1)
    assert rate.share <= rate.bound <= 1.0


def test_a_rate_says_its_count_and_its_bound() -> None:
    assert str(Rate(0, 600)) == "0.00% (0 of 600 trials; at most 0.50%)"
