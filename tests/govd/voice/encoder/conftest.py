"""A small model to embed with, clips, a pool around it, and timers that a test turns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from govd.contract.voice import ModelView
from govd.voice.encoder.model import Choice
from govd.voice.encoder.pool import EncoderPool
from tests.support import onnxmodel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def choice_of(path: Path, dimension: int = onnxmodel.DIMENSION, **changed: str) -> Choice:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    view = ModelView(
        id=path.stem,
        runtime="onnx",
        sha256=sha256,
        dimension=dimension,
        threshold=0.5,
        low_confidence=0.6,
    )
    return Choice(view, path, changed.get("sha256", sha256))


@pytest.fixture
def choice(tmp_path: Path) -> Choice:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(onnxmodel.model())
    return choice_of(path)


def noise(seconds: float = 0.5, seed: int = 1) -> bytes:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * 16_000))
    return (samples * 0.1).astype("<f4").tobytes()


@dataclass
class HandTimers:
    """Timers that go off when a test says so."""

    waiting: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def after(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        entry = (seconds, action)
        self.waiting.append(entry)

        def call_off() -> None:
            if entry in self.waiting:
                self.waiting.remove(entry)

        return call_off

    def go_off(self) -> None:
        while self.waiting:
            self.waiting.pop()[1]()


@pytest.fixture
def timers() -> HandTimers:
    return HandTimers()


@pytest.fixture
def pool(choice: Choice, timers: HandTimers) -> Iterator[EncoderPool]:
    opened = EncoderPool(lambda: choice, timers=timers)
    yield opened
    opened.close()
