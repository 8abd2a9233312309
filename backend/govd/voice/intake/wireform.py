"""What govd and a decoder's process say to each other: frames of a length and bytes, numbers in fixed places.

Both sides are ours, and the decoder is not believed: whatever comes back is checked here, and no text of
its making reaches a person. Must never import a decoder or pydantic: the worker starts fast by that.
"""

from __future__ import annotations

import math
import struct
from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import Final

from govd.contract import voice_limits as limits

RATE: Final = 16_000
"""Hz of what comes back."""

REQUEST: Final = struct.Struct("!BI")
"""Format, and how many bytes of file follow."""

PRINT_BYTES: Final = 32
"""Of a fingerprint: a print of one stretch of speech."""
MAX_PRINTS: Final = 60
"""In one fingerprint, at most."""

_NUMBERS: Final = 10
ANSWER: Final = struct.Struct(f"!B{_NUMBERS}dB{MAX_PRINTS * PRINT_BYTES}s32sI")
"""Outcome, the measures, how many prints, the prints, SHA-256, and how many bytes of samples follow."""

MAX_PCM: Final = int((limits.MAX_CLIP_SECONDS + 1) * RATE) * 4
"""Bytes of float32 that an answer may carry."""


class Format(IntEnum):
    """What a file is, told by its first bytes. From `M4A` on PyAV reads it."""

    WAV = 1
    FLAC = 2
    MP3 = 3
    OGG = 4
    M4A = 5
    WEBM = 6
    AMR = 7

    @property
    def extra(self) -> bool:
        """Whether it needs the extra `formats`."""
        return self >= Format.M4A


class Outcome(IntEnum):
    """How a clip fared. All but the first refuse it; zeros are no answer."""

    TAKEN = 1
    UNDECODABLE = 2
    EMPTY = 3
    TOO_LONG = 4
    BAD_RATE = 5
    BAD_CHANNELS = 6
    NOT_NUMBERS = 7
    BAD_CODEC = 8
    TOO_BIG = 9
    """It took more memory than a clip may."""
    BROKEN = 10
    """The worker itself failed: not this clip's fault, as far as it can tell."""


@dataclass(frozen=True)
class Measures:
    """What the worker measured, in the order of the frame.

    `seconds` and `net_seconds`; `level_dbfs`: RMS of the speech; `snr_db`; `clipped`: share; `bandwidth_hz`;
    `flatness`: median spectral flatness, 0 (a tone) to 0.56 (white noise); `spread_db`: standard deviation of
    the level; `steadiness`: how alike the harmonics are to those 0.08 s earlier, median, -1 to 1; `hiss`: the
    share of the energy that lies above 3 kHz, where it is most (95th percentile): sibilants have 0.2 to 1.
    """

    seconds: float
    net_seconds: float
    level_dbfs: float
    snr_db: float
    clipped: float
    bandwidth_hz: float
    flatness: float
    spread_db: float
    steadiness: float
    hiss: float


@dataclass(frozen=True)
class Answer:
    """A worker's answer. `figure`: of a refusal, the number that crossed the line."""

    outcome: Outcome
    measures: Measures | None = None
    fingerprint: bytes = b""
    sha256: bytes = b""
    pcm: bytes = b""
    figure: float = 0.0


class NotAnAnswerError(ValueError):
    """The worker said something that it cannot have meant: it is not to be trusted with another clip."""


def refusal(outcome: Outcome, figure: float = 0.0) -> bytes:
    """The frame of a refused clip."""
    return ANSWER.pack(outcome, figure, *([0.0] * (_NUMBERS - 1)), 0, b"", b"", 0)


def taken(measures: Measures, fingerprint: bytes, sha256: bytes, pcm: bytes) -> bytes:
    """The frame of a clip."""
    prints = len(fingerprint) // PRINT_BYTES
    return ANSWER.pack(Outcome.TAKEN, *astuple(measures), prints, fingerprint, sha256, len(pcm)) + pcm


def head(data: bytes) -> tuple[Answer, int]:
    """An answer without its samples, and how many bytes of them follow.

    Raises:
        NotAnAnswerError: no worker of ours writes that.
    """
    code, *rest = ANSWER.unpack(data)
    numbers, (prints, fingerprint, sha256, length) = rest[:_NUMBERS], rest[_NUMBERS:]
    if code not in Outcome.__members__.values() or not all(map(math.isfinite, numbers)):
        raise NotAnAnswerError
    if length > MAX_PCM or length % 4:
        raise NotAnAnswerError
    if code != Outcome.TAKEN:
        if length:
            raise NotAnAnswerError
        return Answer(Outcome(code), figure=numbers[0]), 0
    measures = Measures(*numbers)
    if not 0 <= measures.net_seconds <= measures.seconds <= limits.MAX_CLIP_SECONDS + 1:
        raise NotAnAnswerError
    if not (0 <= measures.clipped <= 1 and 0 <= measures.hiss <= 1):
        raise NotAnAnswerError
    if abs(length / 4 / RATE - measures.net_seconds) > 1 / RATE:
        raise NotAnAnswerError
    if not 1 <= prints <= MAX_PRINTS:
        raise NotAnAnswerError
    return Answer(Outcome.TAKEN, measures, fingerprint[: prints * PRINT_BYTES], sha256), length
