"""The threshold of a model, chosen from trials, and what is known of it."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.voice.calibration.figures import Rate, equal_error, rates_at
from govd.voice.calibration.trials import ENROLLED, trials_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from govd.voice.calibration.trials import Trials

ALLOWED_FMR: Final = 0.01
"""Of a hundred strangers' samples one may match: a voice is never the only factor."""
_DECIMALS: Final = 1000


@dataclass(frozen=True)
class Calibration:
    """A threshold and its figures.

    Attributes:
        threshold: A score from this cosine on is a match.
        low_confidence: A match below this one is named weak: another clip of the same person could as well
            have missed, since his scores differ by that much from clip to clip.
        eer: The equal error rate, 0 to 1.
        fmr: False matches at the threshold.
        fnmr: False non-matches at the threshold.
        speakers: How many spoke.
        samples: How many samples there were.
    """

    threshold: float
    low_confidence: float
    eer: float
    fmr: Rate
    fnmr: Rate
    speakers: int
    samples: int

    @property
    def trials(self) -> int:
        """Genuine and impostor trials together."""
        return self.fmr.trials + self.fnmr.trials

    def as_card(self) -> dict[str, object]:
        """The fields of a model's card that follow from it."""
        return {
            "threshold": self.threshold,
            "low_confidence": self.low_confidence,
            "eer": round(self.eer, 6),
            "fmr": round(self.fmr.share, 6),
            "fnmr": round(self.fnmr.share, 6),
            "trials": self.trials,
            "calibration": {
                "speakers": self.speakers,
                "samples": self.samples,
                "samples_in_a_centroid": ENROLLED,
                "impostor_trials": self.fmr.trials,
                "false_matches": self.fmr.errors,
                "fmr_at_most": round(self.fmr.bound, 6),
                "genuine_trials": self.fnmr.trials,
                "false_non_matches": self.fnmr.errors,
                "fnmr_at_most": round(self.fnmr.bound, 6),
            },
        }

    def lines(self) -> list[str]:
        """The figures for people."""
        return [
            f"{self.speakers} speakers, {self.samples} samples, {self.trials} trials",
            f"threshold {self.threshold:.3f}; a match below {self.low_confidence:.3f} is named weak",
            f"equal error rate {self.eer:.2%}",
            f"false matches at the threshold {self.fmr}",
            f"false non-matches at the threshold {self.fnmr}",
            "Zero errors in N trials support 3/N and no better; trials of one speaker are not independent.",
        ]


def calibrate(embeddings: Mapping[str, Sequence[bytes]], *, allowed_fmr: float = ALLOWED_FMR) -> Calibration:
    """Choose a threshold on these speakers, and say what was measured on them.

    The threshold is the lowest one, in thousandths, at which no more than `allowed_fmr` of the impostor
    trials match, and never below the one of the equal error rate. Figures on the very samples that it was
    chosen on flatter; `measured` gives them on others.

    Args:
        embeddings: For each speaker the embeddings of his samples: little-endian float32.
        allowed_fmr: Share of impostor trials that may match, 0 to 1.

    Raises:
        InvalidRequestError: too few speakers or samples, or embeddings that are none.
    """
    trials = trials_of(embeddings)
    return measured(trials, chosen(trials, allowed_fmr), trials.spread)


def chosen(trials: Trials, allowed_fmr: float = ALLOWED_FMR) -> float:
    """The threshold that follows from these trials."""
    others = sorted(trials.impostor)
    # So many may match; the next one below them must not, and so the threshold lies above it.
    refused = others[len(others) - math.floor(allowed_fmr * len(others)) - 1] if allowed_fmr < 1 else -1.0
    threshold = _up(max(equal_error(trials.genuine, trials.impostor)[1], refused))
    while (len(others) - bisect_left(others, threshold)) / len(others) > allowed_fmr and threshold < 1.0:
        threshold = round(threshold + 1 / _DECIMALS, 3)
    return threshold


def measured(trials: Trials, threshold: float, spread: float) -> Calibration:
    """What these trials show of a threshold that is given.

    Args:
        trials: On speakers who had no part in choosing it, if the figures are to be honest.
        threshold: The cosine from which on a score is a match.
        spread: By how much one speaker's scores differ from clip to clip, of the trials that chose it.
    """
    fmr, fnmr = rates_at(trials.genuine, trials.impostor, threshold)
    return Calibration(
        threshold=threshold,
        low_confidence=min(1.0, _up(threshold + spread)),
        eer=equal_error(trials.genuine, trials.impostor)[0],
        fmr=fmr,
        fnmr=fnmr,
        speakers=trials.speakers,
        samples=trials.samples,
    )


def _up(score: float) -> float:
    """To thousandths, upwards: stricter and never looser."""
    return max(-1.0, min(1.0, math.ceil(score * _DECIMALS) / _DECIMALS))
