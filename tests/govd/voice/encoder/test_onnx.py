"""The ONNX runtime: what it takes for a speaker model, and with how many threads it runs one."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from govd.voice.encoder.onnx import OnnxEncoder, threads
from tests.support import onnxmodel

SOUND = np.random.default_rng(4).standard_normal(8_000).astype(np.float32)


def test_an_embedding_has_length_one_and_is_the_same_each_time():
    encoder = OnnxEncoder(onnxmodel.model())

    first, again = encoder.embed(SOUND), encoder.embed(SOUND)

    assert encoder.dimension == onnxmodel.DIMENSION
    assert first.shape == (onnxmodel.DIMENSION,)
    assert np.linalg.norm(first) == pytest.approx(1.0)
    assert np.array_equal(first, again)


@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        (b"", "does not load"),
        (onnxmodel.model()[:-200], "does not load"),
        (b"\x00" * 5_000, "does not load"),
        (onnxmodel.model(signal=("batch", 64, "frames"), output="embs"), "does not load|not float"),
        (onnxmodel.model(signal=("batch", 80, 500)), "clips of 500 frames alone"),
        (onnxmodel.model(output="logits"), "no output embs"),
        (onnxmodel.model(nodes=(onnxmodel.node("Nonsense", ["m"], ["n"]),)), "does not load"),
    ],
)
def test_what_is_no_speaker_model_is_refused(hostile, why):
    with pytest.raises(ValueError, match=why):
        OnnxEncoder(hostile)


def test_a_vector_without_direction_is_the_models_fault():
    with pytest.raises(RuntimeError, match="no direction"):
        OnnxEncoder(onnxmodel.model(scale=0.0)).embed(SOUND)


def test_threads_are_two_at_most_and_never_more_than_there_are_processors():
    assert 1 <= threads() <= min(2, len(os.sched_getaffinity(0)))


def test_a_session_starts_no_more_threads_than_that(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(onnxmodel.model())
    program = f"""
import os, numpy
from govd.voice.encoder.onnx import OnnxEncoder
before = len(os.listdir("/proc/self/task"))
encoder = OnnxEncoder(open({str(path)!r}, "rb").read())
encoder.embed(numpy.ones(8000, dtype=numpy.float32))
print(len(os.listdir("/proc/self/task")) - before)
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True, timeout=60
    )

    # The caller's own thread computes too; onnxruntime adds one that waits for work.
    assert int(done.stdout) <= 2
