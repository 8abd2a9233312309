"""How often a speaker model errs: trials, error rates with their bounds, and the threshold that follows.

Pure figures. Must never hear audio, store an embedding, or claim more than so many trials support.
"""

from __future__ import annotations

from govd.voice.calibration.figures import Rate, equal_error, rates_at
from govd.voice.calibration.threshold import ALLOWED_FMR, Calibration, calibrate, chosen, measured
from govd.voice.calibration.trials import ENROLLED, Trials, trials_of

__all__ = [
    "ALLOWED_FMR",
    "ENROLLED",
    "Calibration",
    "Rate",
    "Trials",
    "calibrate",
    "chosen",
    "equal_error",
    "measured",
    "rates_at",
    "trials_of",
]
