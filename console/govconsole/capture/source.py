"""The seam between a microphone and whoever records: chunks of sound, until somebody says stop.

Must never decode a file: what is not plain PCM goes to govd as it is.
"""

from __future__ import annotations

import io
import struct
import wave
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from govconsole.state.meter import RATE, WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK: Final = RATE // 10 * WIDTH
"""A tenth of a second in bytes: how often a meter moves."""

_RIFF: Final = struct.Struct("<4sI4s")
_PART: Final = struct.Struct("<4sI")
_FORMAT: Final = struct.Struct("<HHIIHH")
_PCM, _EXTENSIBLE = 1, 0xFFFE


class SoundSource(Protocol):
    """A running microphone, or what stands in for one."""

    def chunks(self) -> Iterator[bytes]:
        """Little-endian 16 bits, mono, 16 kHz, as it comes, until it ends or is stopped. Blocks.

        Raises:
            NotFoundError: nothing can be heard; the detail says what the system says.
        """
        ...

    def stop(self) -> None:
        """Have `chunks` end soon. For any thread, and any number of times."""
        ...


@dataclass(frozen=True)
class Microphone:
    """A way to hear something on this machine. `name`: told; `open`: begins a recording."""

    name: str
    open: Callable[[], SoundSource]


class Studio(Protocol):
    """What this machine has for sound."""

    def microphones(self) -> list[Microphone]:
        """The ways to record here, the best first. May take a while: for a thread."""
        ...

    def play(self, wav: bytes) -> str:
        """Let somebody hear it; returns what was done, in words. Blocks."""
        ...


def wav_of(pcm: bytes) -> bytes:
    """PCM as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(WIDTH)
        file.setframerate(RATE)
        file.writeframes(pcm)
    return out.getvalue()


def pcm_start(head: bytes) -> int | None:
    """Where the sound begins in a stream that begins with these bytes; None: more bytes are needed to say.

    A stream that is no WAV is raw, and begins at 0.

    Raises:
        ValueError: it is a WAV of another kind than 16 bits, mono, 16 kHz; says which.
    """
    if len(head) < _RIFF.size:
        return 0 if not b"RIFF".startswith(head[:4]) else None
    riff, _, kind = _RIFF.unpack_from(head)
    if (riff, kind) != (b"RIFF", b"WAVE"):
        return 0
    at, good = _RIFF.size, False
    while len(head) >= at + _PART.size:
        name, size = _PART.unpack_from(head, at)
        at += _PART.size
        if name == b"data":
            if not good:
                raise ValueError("a WAV without a format")
            return at
        if name == b"fmt ":
            if len(head) < at + _FORMAT.size:
                return None
            _check(*_FORMAT.unpack_from(head, at))
            good = True
        at += size + size % 2
    return None


def _check(kind: int, channels: int, rate: int, _bytes: int, _block: int, bits: int) -> None:
    if kind not in (_PCM, _EXTENSIBLE) or (channels, rate, bits) != (1, RATE, 8 * WIDTH):
        raise ValueError(f"a WAV of {channels} channels, {rate} Hz, {bits} bits")
