"""One recording: a source is drained in a thread, measured as it comes, and becomes a clip.

Must never run on without end: it stops by itself where a clip is as long as it may be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.capture.source import wav_of
from govconsole.client.voices import Take
from govconsole.state.meter import RATE, WIDTH, Meter

if TYPE_CHECKING:
    from govconsole.capture.source import SoundSource
    from govconsole.state.meter import Heard

LONGEST: Final = 30.0
"""Seconds of one recording: by then everything is said."""


class Recorder:
    """A recording.

    Args:
        source: Where the sound comes from.
        longest: So many seconds at most; by samples, for a source may be faster than time.
    """

    def __init__(self, source: SoundSource, longest: float = LONGEST) -> None:
        self._source = source
        self._most = int(longest * RATE) * WIDTH
        self._meter = Meter()
        self.running = True

    @property
    def heard(self) -> Heard:
        """What came so far."""
        return self._meter.now

    def run(self) -> Take:
        """Record until it is stopped, ends, or is long enough. Blocks: for a thread.

        Raises:
            NotFoundError: nothing could be heard.
        """
        pcm = bytearray()
        try:
            for chunk in self._source.chunks():
                piece = chunk[: self._most - len(pcm)]
                pcm += piece
                self._meter.feed(piece)
                if len(pcm) >= self._most or not self.running:
                    break
        finally:
            self.running = False
            self._source.stop()
        return Take(audio=wav_of(bytes(pcm)))

    def stop(self) -> None:
        """Have `run` end soon with what it has."""
        self.running = False
        self._source.stop()
