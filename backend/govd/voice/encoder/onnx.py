"""A speaker model as NeMo exports it to ONNX, run by onnxruntime.

Must never be imported by govd's own process. Threads are few and do not spin: beside a busy neighbour,
unbounded spinning threads made one embedding 90 times slower (tried).
"""

from __future__ import annotations

import os
from typing import Final

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray  # noqa: TC002 - beside numpy, which is here anyway

from govd.voice.encoder import mel

INPUTS: Final = ("audio_signal", "length")
OUTPUT: Final = "embs"
MAX_THREADS: Final = 2
_QUIET: Final = 4
_RANK: Final = 3


def threads() -> int:
    """How many threads a session computes with: what this process may use, and never more than two."""
    return max(1, min(MAX_THREADS, len(os.sched_getaffinity(0))))


def prepare() -> None:
    """Load what is loaded late, for a process that can open no file any more afterwards."""
    threads()
    mel.features(np.zeros(mel.SAMPLE_RATE, dtype=np.float32))


def session(weights: bytes) -> onnxruntime.InferenceSession:
    """A session with bounded threads.

    Raises:
        ValueError: onnxruntime does not take this for a model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = _QUIET
    try:
        return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions share no other base
        raise ValueError(f"onnxruntime does not load it: {_line(error)}") from None


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same direction with length 1.

    Raises:
        RuntimeError: it has none: zero, or no numbers.
    """
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not np.isfinite(length) or length == 0.0:
        raise RuntimeError("the model's answer is no direction")
    return (vector / length).astype(np.float32)


class OnnxEncoder:
    """An exported model.

    Args:
        weights: The file's content, checked by the caller.

    Raises:
        ValueError: not a model, or not one of this form: its inputs, outputs and their shapes are NeMo's.
    """

    def __init__(self, weights: bytes) -> None:
        self._session = session(weights)
        self._dimension = self._examined()

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return self._dimension

    def _examined(self) -> int:
        inputs = {item.name: item for item in self._session.get_inputs()}
        if set(inputs) != set(INPUTS):
            raise ValueError(f"its inputs are {', '.join(sorted(inputs))}, not {' and '.join(INPUTS)}")
        shape = inputs[INPUTS[0]].shape
        if len(shape) != _RANK or shape[1] != mel.MELS or inputs[INPUTS[0]].type != "tensor(float)":
            raise ValueError(f"its {INPUTS[0]} is not float (1, {mel.MELS}, frames)")
        if isinstance(shape[2], int):
            # A fixed count of frames would be another model for every other length.
            raise ValueError(f"its {INPUTS[0]} takes clips of {shape[2]} frames alone")  # noqa: TRY004 - its content
        if inputs[INPUTS[1]].type != "tensor(int64)":
            raise ValueError(f"its {INPUTS[1]} is not int64")
        outputs = {item.name: item for item in self._session.get_outputs()}
        if OUTPUT not in outputs:
            raise ValueError(f"it has no output {OUTPUT}")
        size = outputs[OUTPUT].shape[-1] if outputs[OUTPUT].shape else None
        if not isinstance(size, int):
            raise ValueError(f"its {OUTPUT} has no fixed length")  # noqa: TRY004 - its content
        return size

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The embedding of one clip (mono, 16 kHz, shape `(samples,)`), of length 1; shape `(dimension,)`.

        Raises:
            ValueError: the clip is too short, or its samples are no numbers.
            RuntimeError: the model cannot be run, or its answer is no direction.
        """
        frames = mel.features(samples)
        feed = {INPUTS[0]: frames[None], INPUTS[1]: np.array([frames.shape[1]], dtype=np.int64)}
        try:
            found = self._session.run([OUTPUT], feed)[0]
        except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions share no other base
            raise RuntimeError(f"onnxruntime does not run it: {_line(error)}") from None
        if found.shape != (1, self._dimension):
            raise RuntimeError(f"its answer has the shape {found.shape}, not (1, {self._dimension})")
        return unit(found[0])


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
