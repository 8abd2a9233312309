"""A machine with microphones as tests want them: what they hear is written down, and when they end too."""

from __future__ import annotations

import math
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from govconsole.capture.source import CHUNK, Microphone
from govconsole.state.meter import RATE
from govd.contract.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator


def tone(seconds: float, amplitude: float = 8000.0, hertz: float = 220.0) -> bytes:
    """PCM that is as loud as speech."""
    count = int(seconds * RATE)
    wave = (int(amplitude * math.sin(2 * math.pi * hertz * at / RATE)) for at in range(count))
    return struct.pack(f"<{count}h", *wave)


def silence(seconds: float) -> bytes:
    """PCM of a quiet room."""
    return struct.pack(f"<{int(seconds * RATE)}h", *(at % 7 - 3 for at in range(int(seconds * RATE))))


class ScriptedSource:
    """Hands over its sound at once, and then waits until it is stopped."""

    def __init__(self, pcm: bytes, *, broken: str = "", waits: bool = True) -> None:
        self._pcm = pcm
        self._broken = broken
        self._stopped = threading.Event()
        if not waits:
            self._stopped.set()

    def chunks(self) -> Iterator[bytes]:
        if self._broken:
            raise NotFoundError(self._broken)
        yield from (self._pcm[at : at + CHUNK] for at in range(0, len(self._pcm), CHUNK))
        self._stopped.wait(120)

    def stop(self) -> None:
        self._stopped.set()


@dataclass
class ScriptedStudio:
    """Microphones by name with what each hears; `broken`: what they say in its place."""

    heard: dict[str, bytes] = field(default_factory=lambda: {"desk microphone": tone(3.0)})
    broken: str = ""
    played: list[bytes] = field(default_factory=list)

    def microphones(self) -> list[Microphone]:
        return [Microphone(name, lambda pcm=pcm: self._open(pcm)) for name, pcm in self.heard.items()]  # type: ignore[misc]

    def _open(self, pcm: bytes) -> ScriptedSource:
        return ScriptedSource(pcm, broken=self.broken)

    def play(self, wav: bytes) -> str:
        self.played.append(wav)
        return "played"
