"""Sound from a pipe: `arecord … | govconsole enroll -`, raw or as WAV, and how it becomes samples.

Must never take a stream of another rate for speech: it would be somebody else's voice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from govconsole.capture.source import CHUNK, pcm_start
from govconsole.state.meter import RATE, WIDTH, Meter
from govd.contract.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND: Final = "arecord -f S16_LE -r 16000 -c 1 | govconsole enroll - --name NAME"
_HEAD: Final = 4096
_PAUSE: Final = 0.6
_LONGEST: Final = 30.0


class StdinSource:
    """A stream of PCM. `stream`: read until it ends."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._stopped = False

    def chunks(self) -> Iterator[bytes]:
        """What comes, without a WAV's head.

        Raises:
            InvalidRequestError: it is of another kind.
        """
        head = b""
        start: int | None = None
        while start is None:
            piece = self._stream.read(64)
            head += piece
            try:
                start = pcm_start(head)
            except ValueError as error:
                raise InvalidRequestError(
                    f"{error}: 16 bits, mono, 16 kHz are wanted", hint=COMMAND
                ) from None
            if start is None and (not piece or len(head) > _HEAD):
                raise InvalidRequestError("this is no sound", hint=COMMAND)
        yield head[start:]
        while not self._stopped and (chunk := self._stream.read(CHUNK)):
            yield chunk

    def stop(self) -> None:
        """End after what is being read."""
        self._stopped = True


def split(chunks: Iterator[bytes], net_seconds: float) -> Iterator[bytes]:
    """The stream in samples: each has that much speech, and ends in a pause or after half a minute."""
    meter, sample = Meter(), bytearray()
    odd = b""
    for chunk in chunks:
        data = odd + chunk
        whole = len(data) // WIDTH * WIDTH
        data, odd = data[:whole], data[whole:]
        meter.feed(data)
        sample += data
        heard = meter.now
        if (heard.net >= net_seconds and heard.hushed >= _PAUSE) or len(sample) >= _LONGEST * RATE * WIDTH:
            yield bytes(sample)
            meter, sample = Meter(), bytearray()
    if meter.now.net > 0:
        yield bytes(sample)
