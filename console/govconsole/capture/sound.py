"""A microphone through PortAudio, where the extra `microphone` and the system's library are there.

Must never be imported to ask whether it is there: importing it loads a library that may be missing.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from govconsole.capture.source import CHUNK
from govconsole.state.meter import RATE, WIDTH
from govd.contract.errors import NotFoundError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK: Final = CHUNK // WIDTH
_SHOWN: Final = 200


def load() -> Any | None:  # noqa: ANN401 - a module without types
    """The module `sounddevice` with a library behind it, or None."""
    try:
        import sounddevice
    except (ImportError, OSError):
        return None
    return sounddevice


def input_name() -> str | None:
    """The name of the default microphone; None: there is none, or no PortAudio."""
    module = load()
    if module is None:
        return None
    try:
        return visible(str(module.query_devices(kind="input")["name"]), _SHOWN)
    except (module.PortAudioError, ValueError, KeyError):
        return None


class SoundDeviceSource:
    """A recording by PortAudio's default input."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def chunks(self) -> Iterator[bytes]:
        """Blocks of a tenth of a second."""
        module = load()
        if module is None:
            raise NotFoundError("no PortAudio is here", hint="pip install 'govconsole[microphone]'")
        try:
            with module.RawInputStream(
                samplerate=RATE, channels=1, dtype="int16", blocksize=_BLOCK
            ) as stream:
                while not self._stopped.is_set():
                    data, _ = stream.read(_BLOCK)
                    yield bytes(data)
        except module.PortAudioError as error:
            raise NotFoundError(f"the microphone fails: {visible(str(error), _SHOWN)}") from None

    def stop(self) -> None:
        """End after the block that is being read."""
        self._stopped.set()


def play(wav: bytes) -> bool:
    """Play a WAV of 16 bits by the default output; whether that worked. Blocks."""
    import io
    import wave

    module = load()
    if module is None:
        return False
    try:
        with (
            wave.open(io.BytesIO(wav)) as file,
            module.RawOutputStream(
                samplerate=file.getframerate(), channels=file.getnchannels(), dtype="int16"
            ) as stream,
        ):
            if file.getsampwidth() != WIDTH:
                return False
            while data := file.readframes(_BLOCK):
                stream.write(data)
    except (module.PortAudioError, wave.Error, EOFError):
        return False
    return True
