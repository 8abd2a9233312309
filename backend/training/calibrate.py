"""Chooses the demo model's threshold on speakers that it never heard, and measures it on yet others.

Embeds what the intake calls speech with the ONNX runtime, as the service does. Must never measure on
speakers that the threshold was chosen on, nor on any that the model learned from.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import soundfile

from govd.voice.calibration import chosen, measured, trials_of
from govd.voice.intake import measuring
from govd.voice.model import SAMPLE_RATE
from govd.voice.parts import embedded as parts_of
from govd.voice.parts import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from govd.voice.calibration import Calibration

MOST_AGREEMENT: Final = 0.7
"""Of two different speakers, on average: above it the model tells nobody apart, as random weights do not."""


def embedded(
    manifest: Path, embed: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> dict[str, list[bytes]]:
    """The embeddings of each speaker in a manifest, in its order: in parts, as the service embeds."""

    def in_bytes(part: bytes) -> bytes:
        return embed(np.frombuffer(part, dtype="<f4")).astype("<f4").tobytes()

    found: dict[str, list[bytes]] = {}
    for line in manifest.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        pcm, _ = soundfile.read(row["audio_filepath"], dtype="float32")
        pcm -= pcm.mean()
        speech = measuring.cut_silence(pcm, measuring.frames(pcm))
        parts = parts_of(speech.astype("<f4").tobytes(), SAMPLE_RATE, in_bytes)
        found.setdefault(row["label"], []).append(together(parts))
    return found


def figures(
    corpus: Path, embed: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> tuple[Calibration, Calibration]:
    """What was measured on the speakers that chose the threshold, and on the others, who count.

    Raises:
        RuntimeError: all speakers are alike to it.
    """
    choosing = trials_of(embedded(corpus / "choose.json", embed))
    agreement = sum(choosing.impostor) / len(choosing.impostor)
    if agreement > MOST_AGREEMENT:
        raise RuntimeError(f"it tells nobody apart: two speakers agree by {agreement:.2f} on average")
    threshold = chosen(choosing)
    reporting = trials_of(embedded(corpus / "report.json", embed))
    return (
        measured(choosing, threshold, choosing.spread),
        measured(reporting, threshold, choosing.spread),
    )


def main() -> int:
    """Print the figures, and write them for the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="the folder that training.synthesise wrote")
    parser.add_argument("model", type=Path, help="the .onnx file")
    parser.add_argument("figures", type=Path, help="the .json file to write")
    options = parser.parse_args()
    from govd.voice.encoder.onnx import OnnxEncoder

    weights = options.model.read_bytes()
    encoder = OnnxEncoder(weights)
    choosing, reporting = figures(options.corpus, encoder.embed)
    print("On the speakers that chose it:", *choosing.lines(), sep="\n  ")  # noqa: T201
    print("On others:", *reporting.lines(), sep="\n  ")  # noqa: T201
    found = {
        "sha256": hashlib.sha256(weights).hexdigest(),
        "choose": choosing.as_card(),
        "report": reporting.as_card(),
    }
    options.figures.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
