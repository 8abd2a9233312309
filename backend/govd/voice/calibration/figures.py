"""Error rates of a verification, and what so many trials support. Pure arithmetic."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE: Final = 0.95
_STEPS: Final = 60


@dataclass(frozen=True)
class Rate:
    """So many errors in so many trials."""

    errors: int
    trials: int

    @property
    def share(self) -> float:
        """What was measured, 0 to 1."""
        return self.errors / self.trials if self.trials else math.nan

    @property
    def bound(self) -> float:
        """What the trials support with 95 % confidence: the true share is at most this.

        Zero errors in N trials support 3/N and no better (the rule of three, Hanley and Lippman-Hand, 1983);
        otherwise it is Clopper and Pearson's exact upper bound (1934). Both take trials for independent,
        which those of one speaker are not: it is the least that has to be granted.
        """
        if not self.trials or self.errors >= self.trials:
            return 1.0
        if self.errors == 0:
            return min(1.0, 3.0 / self.trials)
        low, high = self.share, 1.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if _at_most(self.errors, self.trials, middle) > 1 - CONFIDENCE:
                low = middle
            else:
                high = middle
        return high

    def __str__(self) -> str:
        """Share, count and bound, for people."""
        return f"{self.share:.2%} ({self.errors} of {self.trials} trials; at most {self.bound:.2%})"


def _at_most(errors: int, trials: int, share: float) -> float:
    """The probability of at most so many errors."""
    if share >= 1.0:
        return 0.0
    log_share, log_rest = math.log(share), math.log1p(-share)
    whole = math.lgamma(trials + 1)
    return math.fsum(
        math.exp(
            whole
            - math.lgamma(count + 1)
            - math.lgamma(trials - count + 1)
            + count * log_share
            + (trials - count) * log_rest
        )
        for count in range(errors + 1)
    )


def rates_at(genuine: Sequence[float], impostor: Sequence[float], threshold: float) -> tuple[Rate, Rate]:
    """False matches and false non-matches where a score from `threshold` on is a match.

    Returns:
        FMR, over the impostor trials, and FNMR, over the genuine ones.
    """
    false_matches = sum(score >= threshold for score in impostor)
    false_misses = sum(score < threshold for score in genuine)
    return Rate(false_matches, len(impostor)), Rate(false_misses, len(genuine))


def equal_error(genuine: Sequence[float], impostor: Sequence[float]) -> tuple[float, float]:
    """Where false matches are as frequent as false non-matches.

    Of all thresholds that tell these scores apart, those are taken at which FMR and FNMR are nearest to one
    another, of these those with the lowest mean of both, and of these the lowest run.

    Returns:
        The equal error rate (the mean of FMR and FNMR there), and the threshold: in the middle of the scores
        between which it can lie.

    Raises:
        ValueError: there are no genuine or no impostor trials.
    """
    if not genuine or not impostor:
        raise ValueError("there are no trials")
    own, others = sorted(genuine), sorted(impostor)
    # A threshold in (scores[i - 1], scores[i]] gives the same errors wherever it lies.
    scores = sorted({*own, *others})
    best: tuple[int, int] | None = None
    below, above = scores[0], scores[0]
    for index, score in enumerate([*scores, math.inf]):
        # Shares over one denominator, so that equal ones are equal.
        misses = bisect_left(own, score) * len(others)
        matches = (len(others) - bisect_left(others, score)) * len(own)
        found = (abs(misses - matches), misses + matches)
        if best is None or found < best:
            best = found
            below = scores[max(0, index - 1)]
            above = scores[min(index, len(scores) - 1)]
    assert best is not None  # noqa: S101 - there is at least one score
    return best[1] / (2 * len(own) * len(others)), (below + above) / 2
