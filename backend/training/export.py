"""Exports the trained model to ONNX, and holds the export against NeMo before anybody else does.

Must never write an export that differs: the two runtimes have to give the same scores.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from govd.voice.encoder import mel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DIFFERENCE: Final = 1e-3
"""Of any number in an embedding before it is scaled to length 1; about 3e-5 is usual."""
SECONDS: Final = (1.0, 2.37, 5.0, 9.99)


def exported(model: Any, target: Path) -> None:  # noqa: ANN401 - NeMo has no types
    """Write the ONNX file: features and their count in, `embs` out."""
    # NeMo's check of the trace compares with its own 16-frame padding, and fails for that alone.
    model.export(str(target), check_trace=False)


def speech_like(seconds: float, seed: int) -> NDArray[np.float32]:
    """Pulses through moving resonances: enough like speech for comparing two runtimes; `(samples,)`."""
    draw = np.random.default_rng(seed)
    count = int(seconds * mel.SAMPLE_RATE)
    time = np.arange(count) / mel.SAMPLE_RATE
    pitch = 120 + 40 * np.sin(2 * np.pi * 1.7 * time + draw.uniform(0, 6))
    phase = np.cumsum(pitch) / mel.SAMPLE_RATE
    sound = sum(
        np.sin(2 * np.pi * harmonic * phase) / harmonic * (1 + np.sin(2 * np.pi * draw.uniform(1, 5) * time))
        for harmonic in range(1, 30)
    )
    pcm: NDArray[np.float32] = (0.05 * sound + 0.002 * draw.standard_normal(count)).astype(np.float32)
    return pcm


def by_nemo(model: Any, pcm: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: ANN401 - NeMo has no types
    """The embedding by NeMo's own front end and network, not scaled; `(dimension,)`."""
    import torch

    with torch.no_grad():
        found, _ = model.infer_segment(pcm)
    return np.asarray(found[0].cpu().numpy(), dtype=np.float32)


def by_onnx(session: Any, pcm: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: ANN401 - onnxruntime has no types
    """The embedding by our own front end and onnxruntime, not scaled; `(dimension,)`."""
    frames = mel.features(pcm)
    feed = {"audio_signal": frames[None], "length": np.array([frames.shape[1]], dtype=np.int64)}
    return np.asarray(session.run(["embs"], feed)[0][0], dtype=np.float32)


def difference(model: Any, session: Any, clips: list[NDArray[np.float32]]) -> float:  # noqa: ANN401 - as above
    """The largest difference of any number in these clips' embeddings, not scaled."""
    return max(float(np.abs(by_nemo(model, pcm) - by_onnx(session, pcm)).max()) for pcm in clips)


def main() -> int:
    """Export and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="the .nemo file")
    parser.add_argument("target", type=Path, help="the .onnx file to write")
    chosen = parser.parse_args()
    from nemo.collections.asr.models import EncDecSpeakerLabelModel

    from govd.voice.encoder.onnx import session

    def restored() -> Any:  # noqa: ANN401 - NeMo has no types
        return EncDecSpeakerLabelModel.restore_from(str(chosen.model), map_location="cpu").eval()

    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "model.onnx"
        exported(restored(), fresh)
        content = fresh.read_bytes()
    clips = [speech_like(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    # Restored once more: exporting takes the masks out of the model that it exports.
    found = difference(restored(), session(content), clips)
    if found > MAX_DIFFERENCE:
        raise SystemExit(f"the export differs from NeMo by {found:.1e}, more than {MAX_DIFFERENCE:.0e}")
    chosen.target.write_bytes(content)
    print(f"the export differs from NeMo by {found:.1e} at most")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
