"""Trials as verification makes them: one sample held against the centroid of a few others.

Must never compare a sample with a centroid that it is part of.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, Final

from govd.contract.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ENROLLED: Final = 5
"""Samples in a centroid: what an enrollment has at least, and so the hardest case."""
_LEAST_SPEAKERS: Final = 2
_LEAST_SAMPLES: Final = 3


@dataclass(frozen=True)
class Trials:
    """Scores of one set of speakers.

    Attributes:
        genuine: Cosines of samples with their own speaker's centroid.
        impostor: Cosines of samples with other speakers' centroids.
        spread: By how much the genuine scores of one speaker differ: the standard deviation about each
            speaker's own mean, over all speakers.
        speakers: How many.
        samples: How many, of all speakers together.
    """

    genuine: tuple[float, ...]
    impostor: tuple[float, ...]
    spread: float
    speakers: int
    samples: int


def trials_of(embeddings: Mapping[str, Sequence[bytes]], *, enrolled: int = ENROLLED) -> Trials:
    """Every trial that these samples allow.

    A sample is held against the centroid of the `enrolled` samples of its speaker that follow it (the first
    follows the last), and against the centroid of the first `enrolled` of each other speaker.

    Args:
        embeddings: For each speaker the embeddings of his samples: little-endian float32, of length 1.
        enrolled: Samples in a centroid, at most; fewer where a speaker has fewer.

    Raises:
        InvalidRequestError: fewer than two speakers, one with fewer than three samples, or an embedding that
            is no direction or of another length than the rest.
    """
    if len(embeddings) < _LEAST_SPEAKERS:
        raise InvalidRequestError(f"at least {_LEAST_SPEAKERS} speakers are needed, not {len(embeddings)}")
    voices = {name: [_unit(item, name) for item in items] for name, items in sorted(embeddings.items())}
    for name, vectors in voices.items():
        if len(vectors) < _LEAST_SAMPLES:
            raise InvalidRequestError(f"at least {_LEAST_SAMPLES} samples are needed of {name}")
    if len({len(vector) for vectors in voices.values() for vector in vectors}) != 1:
        raise InvalidRequestError("the embeddings are of different lengths: two models made them")
    own = {name: _own_scores(vectors, enrolled) for name, vectors in voices.items()}
    templates = {name: _centroid(vectors[:enrolled]) for name, vectors in voices.items()}
    impostor = tuple(
        _cosine(vector, template)
        for name, vectors in voices.items()
        for other, template in templates.items()
        if other != name
        for vector in vectors
    )
    return Trials(
        genuine=tuple(score for scores in own.values() for score in scores),
        impostor=impostor,
        spread=_spread(own.values()),
        speakers=len(voices),
        samples=sum(len(vectors) for vectors in voices.values()),
    )


def _own_scores(vectors: list[list[float]], enrolled: int) -> list[float]:
    count = len(vectors)
    scores = []
    for index, vector in enumerate(vectors):
        others = [vectors[(index + step) % count] for step in range(1, min(enrolled, count - 1) + 1)]
        scores.append(_cosine(vector, _centroid(others)))
    return scores


def _spread(groups: Iterable[list[float]]) -> float:
    squares, freedom = 0.0, 0
    for scores in groups:
        mean = math.fsum(scores) / len(scores)
        squares += math.fsum((score - mean) ** 2 for score in scores)
        freedom += len(scores) - 1
    return math.sqrt(squares / freedom)


def _unit(data: bytes, name: str) -> list[float]:
    if not data or len(data) % 4:
        raise InvalidRequestError(f"an embedding of {name} is no row of float32")
    return _scaled([value for (value,) in struct.iter_unpack("<f", data)], name)


def _scaled(values: list[float], name: str) -> list[float]:
    length = math.sqrt(math.fsum(value * value for value in values))
    if not math.isfinite(length) or length == 0.0:
        raise InvalidRequestError(f"an embedding of {name} is no direction")
    return [value / length for value in values]


def _centroid(vectors: Sequence[Sequence[float]]) -> list[float]:
    mean = [math.fsum(column) / len(vectors) for column in zip(*vectors, strict=True)]
    return _scaled(mean, "several samples together")


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return max(-1.0, min(1.0, math.fsum(map(mul, one, other))))
