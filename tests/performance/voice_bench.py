"""The rows about voices: a verification beside the bare encoder, the first answer, memory.

The encoder has TitaNet-L's shape, whose weights cannot come along; the rows named demo use the small model
that does. A decision is what the service computes: intake, embedding, scores against a hundred speakers, and
each part of the clip against the best of them, as of a match.
"""

from __future__ import annotations

import hashlib
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from govd.contract.voice import ModelView
from govd.voice.encoder.model import Choice
from govd.voice.encoder.onnx import OnnxEncoder
from govd.voice.encoder.pool import EncoderPool
from govd.voice.intake.pool import ClipIntake
from govd.voice.model import SAMPLE_RATE
from govd.voice.modelstore.store import SHIPPED
from govd.voice.parts import all_of, embedded, together
from tests.performance import titanet_shape
from tests.performance.rows import Row
from tests.support import speech

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VOICE_ROWS: Final = (
    "encoder_5s",
    "verify_5s",
    "encoder_demo_5s",
    "verify_demo_5s",
    "voice_realtime_factor",
    "voice_cold_start",
    "voice_cold_start_demo",
    "voice_rss",
    "voice_rss_demo",
)
_SECONDS: Final = 5.0
_SPEAKERS: Final = 100
_WARM_UP: Final = 2
_SAID: Final = (
    "The quick brown fox jumps over the lazy dog while the farmer watches from the old wooden fence near the"
    " river bank, and nobody minds that the evening comes early in this part of the country."
)


@dataclass(frozen=True)
class _Subject:
    """A model under measurement, and a clip for it."""

    weights: Path
    dimension: int
    clip: bytes

    def choice(self) -> Choice:
        sha256 = hashlib.sha256(self.weights.read_bytes()).hexdigest()
        view = ModelView(
            id="bench",
            runtime="onnx",
            sha256=sha256,
            dimension=self.dimension,
            threshold=0.5,
            low_confidence=0.6,
        )
        return Choice(view, self.weights, sha256)


@dataclass(frozen=True)
class _Found:
    """Milliseconds and megabytes: the medians of the rounds."""

    bare: float
    verify: float
    cold: float
    rss: float


def _decision(
    intake: ClipIntake, encoder: EncoderPool, board: np.ndarray, clip: bytes
) -> tuple[int, float, bool]:
    """Who it is, how sure, and whether he says all of it: as the service finds it out."""
    taken = intake.take(clip)
    parts = embedded(taken.pcm, SAMPLE_RATE, encoder.embed)
    if len(parts) < 2:
        raise RuntimeError("the clip is too short to have parts: a match would cost more")
    scores = board @ np.frombuffer(together(parts), dtype="<f4")
    best = int(scores.argmax())
    # A threshold that everything passes: each part is looked at.
    alone = all_of(parts, taken.quality.net_seconds, board[best].tobytes(), -1.0)
    return best, float(scores[best]), alone


def _ms(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return (time.perf_counter() - before) * 1000


def _rss(pid: int) -> float:
    """Resident memory of a process in MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1000


def _board(dimension: int) -> np.ndarray:
    people = np.random.default_rng(3).standard_normal((_SPEAKERS, dimension)).astype(np.float32)
    board: np.ndarray = people / np.linalg.norm(people, axis=1, keepdims=True)
    return board


def _cold(subject: _Subject, choice: Choice, board: np.ndarray) -> float:
    """From nothing that runs to the first answer; the encoder loads while the intake works."""
    intake, encoder = ClipIntake(), EncoderPool(lambda: choice)

    def first() -> None:
        encoder.warm()
        _decision(intake, encoder, board, subject.clip)

    try:
        return _ms(first)
    finally:
        intake.close()
        encoder.close()


def _measured(subject: _Subject, rounds: int) -> _Found:
    choice, board = subject.choice(), _board(subject.dimension)
    intake, encoder = ClipIntake(), EncoderPool(lambda: choice)
    bare = OnnxEncoder(subject.weights.read_bytes())
    pcm = intake.take(subject.clip).pcm
    samples = np.frombuffer(pcm, dtype="<f4")
    if not np.allclose(bare.embed(samples), np.frombuffer(encoder.embed(pcm), dtype="<f4"), atol=1e-5):
        raise RuntimeError("the worker's embedding is not the bare encoder's")
    figures: dict[str, list[float]] = {"bare": [], "verify": [], "cold": []}
    try:
        for _ in range(_WARM_UP):
            bare.embed(samples)
            _decision(intake, encoder, board, subject.clip)
        decide = partial(_decision, intake, encoder, board, subject.clip)
        for _ in range(rounds):
            figures["bare"].append(_ms(lambda: bare.embed(samples)))
            figures["verify"].append(_ms(decide))
        if encoder.pid is None:
            raise RuntimeError("the worker has gone")
        rss = sum(_rss(pid) for pid in (encoder.pid, *intake.pids()))
    finally:
        intake.close()
        encoder.close()
    figures["cold"].extend(_cold(subject, choice, board) for _ in range(rounds))
    at = {name: statistics.median(values) for name, values in figures.items()}
    return _Found(at["bare"], at["verify"], at["cold"], rss)


def _subjects(folder: Path) -> Iterator[tuple[str, _Subject]]:
    said = speech.samples(speech.speak("us-m3", _SAID))[: round(_SECONDS * 16_000)]
    if len(said) < _SECONDS * 16_000:
        raise RuntimeError("what was said is shorter than 5 s")
    clip = speech.wav(said)
    large = folder / "shape.onnx"
    large.write_bytes(titanet_shape.model())
    yield "large", _Subject(large, titanet_shape.DIMENSION, clip)
    small = SHIPPED / "titanet-demo.onnx"
    yield "demo", _Subject(small, OnnxEncoder(small.read_bytes()).dimension, clip)


def voice_rows(rounds: int) -> dict[str, Row]:
    """Verification of a 5 s clip, warm and cold, and what the two processes hold in memory."""
    with tempfile.TemporaryDirectory(prefix="govd-bench-") as folder:
        found = {name: _measured(subject, rounds) for name, subject in _subjects(Path(folder))}
    large, demo = found["large"], found["demo"]
    return {
        "encoder_5s": Row(large.bare, "ms"),
        "verify_5s": Row(large.verify, "ms", large.bare, 1.3 * large.bare),
        "encoder_demo_5s": Row(demo.bare, "ms"),
        "verify_demo_5s": Row(demo.verify, "ms", demo.bare),
        "voice_realtime_factor": Row(large.verify / 1000 / _SECONDS, "", None, 1.0),
        "voice_cold_start": Row(large.cold, "ms", None, 1000),
        "voice_cold_start_demo": Row(demo.cold, "ms", None, 1000),
        "voice_rss": Row(large.rss, "MB"),
        "voice_rss_demo": Row(demo.rss, "MB"),
    }
