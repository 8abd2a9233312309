"""A speaker model run by NeMo itself. The export gives the same answers for a tenth of the memory.

Must never be imported by govd's own process, and never load a file that the model store did not check: a
`.nemo` file is an archive of a configuration that names classes and of a pickle.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from govd.voice.encoder import mel
from govd.voice.encoder.onnx import threads, unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_OPSET: Final = 17


def restored(weights: Path) -> Any:  # noqa: ANN401 - NeMo has no types
    """NeMo's model of that file, on the processor, not to be trained.

    Raises:
        ValueError: NeMo does not take it, or it is no speaker model.
    """
    with _quiet():
        import torch
        from nemo.collections.asr.models import EncDecSpeakerLabelModel
        from nemo.core.connectors.save_restore_connector import SaveRestoreConnector

        class WeightsAlone(SaveRestoreConnector):  # type: ignore[misc,unused-ignore] # Any, where NeMo is missing
            """NeMo lets the environment switch the safe unpickler off; this one does not."""

            @staticmethod
            def _load_state_dict_from_disk(model_weights: str, map_location: str = "cpu") -> Any:  # noqa: ANN401
                return torch.load(model_weights, map_location=map_location, weights_only=True)

        torch.set_num_threads(threads())
        try:
            model = EncDecSpeakerLabelModel.restore_from(
                str(weights), map_location="cpu", strict=True, save_restore_connector=WeightsAlone()
            )
        except Exception as error:  # noqa: BLE001 - NeMo, Hydra, torch and tarfile share no other base
            raise ValueError(f"NeMo does not load it: {_line(error)}") from None
        if not isinstance(model, EncDecSpeakerLabelModel):
            raise ValueError(f"it is a {type(model).__name__} and no speaker model")  # noqa: TRY004 - its content
        model.freeze()
        return model.eval()


def export(weights: Path, target: Path) -> None:
    """Write the same model for onnxruntime; what goes in are features, as `mel.features` makes them.

    Raises:
        ValueError: NeMo does not load it, or cannot export it.
    """
    model = restored(weights)
    with _quiet():
        try:
            # NeMo would compare a trace of its own 16-frame padding, and fail for that alone.
            model.export(str(target), check_trace=False, onnx_opset_version=_OPSET)
        except Exception as error:  # noqa: BLE001 - as above
            raise ValueError(f"NeMo cannot export it: {_line(error)}") from None


def prepare() -> None:
    """Load what `export` loads late, for a process that can read no file of Python's any more afterwards."""
    with _quiet():
        import torch
        from nemo.collections.asr.models import EncDecSpeakerLabelModel  # noqa: F401 - loaded, that is all

        torch.onnx.export(
            torch.jit.script(torch.nn.Linear(2, 2)), (torch.zeros(1, 2),), io.BytesIO(), dynamo=False
        )
        import onnx  # noqa: F401 - NeMo looks at what it wrote


class NemoEncoder:
    """A `.nemo` file, run by NeMo with its own front end.

    Args:
        weights: The file, checked by the caller.

    Raises:
        ValueError: NeMo does not take it, or it is no speaker model.
    """

    def __init__(self, weights: Path) -> None:
        self._model = restored(weights)
        self._dimension = len(self._raw(np.zeros(mel.SAMPLE_RATE, dtype=np.float32)))

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return self._dimension

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The embedding of one clip (mono, 16 kHz, shape `(samples,)`), of length 1; shape `(dimension,)`.

        Raises:
            ValueError: the clip is too short, or its samples are no numbers.
            RuntimeError: the model cannot be run, or its answer is no direction.
        """
        if samples.ndim != 1 or len(samples) < mel.MIN_SAMPLES:
            raise ValueError(f"a clip of at least {mel.MIN_SAMPLES} samples is needed")
        if not np.isfinite(samples).all():
            raise ValueError("there are samples that are no numbers")
        return unit(self._raw(samples))

    def _raw(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Before it is scaled to length 1."""
        # A copy: torch wants to own what it writes to, and this may be a view of what was received.
        vector, _ = self._model.infer_segment(np.array(samples, dtype=np.float32))
        return np.asarray(vector[0].numpy(), dtype=np.float32)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """NeMo and what it loads talk a lot, and warn about themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
