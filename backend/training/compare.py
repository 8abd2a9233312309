"""NeMo beside the export on the same clips: their error rates, and by how much their numbers differ.

Runs in .venv-nemo. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from govd.voice.calibration import measured, trials_of
from govd.voice.encoder import nemo
from govd.voice.encoder.onnx import session, unit
from training.calibrate import embedded
from training.export import by_nemo, by_onnx

if TYPE_CHECKING:
    from numpy.typing import NDArray


def main() -> int:
    """Embed everything with both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="the folder that training.synthesise wrote")
    parser.add_argument("models", type=Path, help="the folder of titanet-demo.nemo, .onnx and .json")
    chosen = parser.parse_args()
    card = json.loads((chosen.models / "titanet-demo.json").read_text(encoding="utf-8"))
    model = nemo.restored(chosen.models / "titanet-demo.nemo")
    running = session((chosen.models / "titanet-demo.onnx").read_bytes())
    worst = 0.0

    def both(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal worst
        theirs = by_nemo(model, pcm)
        worst = max(worst, float(np.abs(theirs - by_onnx(running, pcm)).max()))
        return unit(theirs)

    trials = trials_of(embedded(chosen.corpus / "report.json", both))
    found = measured(trials, card["threshold"], trials.spread).as_card()
    print(json.dumps({"nemo": found, "max_diff": worst}))  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
