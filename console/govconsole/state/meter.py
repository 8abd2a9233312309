"""What a microphone hears while it hears it: level, peak, which moments are speech, how much of it came.

Pure Python and no toolkit. Must never decide about a clip: govd measures it again, and its word holds.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections import deque
from dataclasses import dataclass
from typing import Final

RATE: Final = 16_000
"""Samples a second, mono, 16 bits: what every source hands over."""

WIDTH: Final = 2
FRAME: Final = 320
"""20 ms: as long as a sound of speech stands still."""

SILENCE_DBFS: Final = -90.0
"""What digital silence is told as: one step of 16 bits is 90 dB below full scale."""

CELLS: Final = 400
"""How many tenths of a second the lane remembers."""

_FULL: Final = 32_768.0
_CLIPPED: Final = 32_700
_OVER_FLOOR_DB: Final = 9.0
_LEAST_DBFS: Final = -55.0
_FLOOR_FRAMES: Final = 150
_FLOOR_PART: Final = 10
_HANG_FRAMES: Final = 5
_FRAMES_A_CELL: Final = 5


@dataclass(frozen=True)
class Heard:
    """A moment of a recording.

    `level`, `peak`: dB of full scale, of the last tenth of a second. `seconds`: since it began. `net`: of
    them, speech. `clipped`: the share of samples at full scale so far. `lane`: for each tenth of a second
    its level, and whether somebody spoke. `hushed`: for how long nobody has spoken, in seconds.
    """

    level: float = SILENCE_DBFS
    peak: float = SILENCE_DBFS
    seconds: float = 0.0
    net: float = 0.0
    clipped: float = 0.0
    lane: tuple[tuple[float, bool], ...] = ()
    hushed: float = 0.0


def dbfs(amplitude: float) -> float:
    """An amplitude of 0 to 32768 in dB of full scale, from -90 up."""
    return max(20.0 * math.log10(amplitude / _FULL), SILENCE_DBFS) if amplitude > 0 else SILENCE_DBFS


def samples(pcm: bytes) -> array[int]:
    """Little-endian 16 bits as numbers; an odd byte at the end is left out."""
    found = array("h", pcm[: len(pcm) // WIDTH * WIDTH])
    if sys.byteorder == "big":
        found.byteswap()
    return found


class Meter:
    """Is fed by whoever records and read by whoever draws: `now` is replaced as a whole, never changed."""

    def __init__(self) -> None:
        self.now = Heard()
        self._rest = b""
        self._levels: deque[float] = deque(maxlen=_FLOOR_FRAMES)
        self._lane: deque[tuple[float, bool]] = deque(maxlen=CELLS)
        self._cell: list[tuple[float, int, bool]] = []
        self._last: list[tuple[float, int, bool]] = []
        self._frames = 0
        self._speech = 0
        self._clipped = 0
        self._since = _HANG_FRAMES + 1

    def feed(self, pcm: bytes) -> None:
        """Take what came, in pieces of any size."""
        data = self._rest + pcm
        size = FRAME * WIDTH
        whole = len(data) // size * size
        self._rest = data[whole:]
        for at in range(0, whole, size):
            self._frame(samples(data[at : at + size]))
        if whole:
            self._tell()

    def _frame(self, frame: array[int]) -> None:
        level = dbfs(math.sqrt(sum(one * one for one in frame) / len(frame)))
        lowest, highest = min(frame), max(frame)
        highest = max(highest, -lowest)
        if highest >= _CLIPPED:
            self._clipped += sum(one >= _CLIPPED or one <= -_CLIPPED for one in frame)
        self._levels.append(level)
        # The floor is what the quietest tenth of the last seconds reaches: a room is never digital silence.
        floor = sorted(self._levels)[len(self._levels) // _FLOOR_PART]
        loud = level > max(floor + _OVER_FLOOR_DB, _LEAST_DBFS)
        # Before there was a pause to measure the room by, what is clearly loud counts as speech.
        loud = loud or (level > _LEAST_DBFS + 2 * _OVER_FLOOR_DB and floor > level - _OVER_FLOOR_DB)
        self._since = 0 if loud else self._since + 1
        spoken = self._since <= _HANG_FRAMES
        self._frames += 1
        self._speech += spoken
        self._cell.append((level, highest, spoken))
        if len(self._cell) == _FRAMES_A_CELL:
            top = max(one for one, _, _ in self._cell)
            self._lane.append((top, sum(spoken for _, _, spoken in self._cell) * 2 > _FRAMES_A_CELL))
            self._last, self._cell = self._cell, []

    def _tell(self) -> None:
        recent = (self._last + self._cell)[-_FRAMES_A_CELL:]
        second = RATE / FRAME
        self.now = Heard(
            level=max((one for one, _, _ in recent), default=SILENCE_DBFS),
            peak=dbfs(max((highest for _, highest, _ in recent), default=0)),
            seconds=self._frames / second,
            net=self._speech / second,
            clipped=self._clipped / max(self._frames * FRAME, 1),
            lane=tuple(self._lane),
            hushed=self._since / second,
        )
