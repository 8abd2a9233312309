"""From a file's bytes to 16 kHz mono, block by block. Runs in the decoder's process alone.

Must never hold a decoded file whole: 25 MiB of FLAC can be 49 hours. Only what the caps allow is ever kept.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import soxr

from govd.contract import voice_limits as limits
from govd.voice.intake.wireform import RATE, Format, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import AudioFrame
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

_BLOCK: Final = 16_384
"""Sample frames at once; 8 channels of it are half a megabyte."""
_SOUNDFILE: Final = {
    Format.WAV: frozenset({"WAV", "WAVEX", "RF64"}),
    Format.FLAC: frozenset({"FLAC"}),
    Format.MP3: frozenset({"MP3"}),
    Format.OGG: frozenset({"OGG"}),
}
_PYAV: Final = {
    Format.M4A: ("mov", frozenset({"aac", "alac", "mp3", "opus"})),
    Format.WEBM: ("matroska", frozenset({"opus", "vorbis"})),
    Format.AMR: ("amr", frozenset({"amr_nb", "amr_wb"})),
}


class RefusedError(Exception):
    """This clip is not taken: which outcome, and the number that shows why."""

    def __init__(self, outcome: Outcome, figure: float = 0.0) -> None:
        super().__init__(outcome.name)
        self.outcome, self.figure = outcome, figure


def decode(data: bytes, kind: Format) -> Samples:
    """The clip, mono, 16 kHz, within -1 to 1, its mean removed; `(n,)`.

    Raises:
        RefusedError: it cannot be decoded, or not within the caps.
    """
    blocks = by_pyav(data, *_PYAV[kind]) if kind.extra else _by_soundfile(data, kind)
    audio = np.concatenate([np.zeros(0, np.float32), *_resampled(blocks)])
    if not len(audio):
        raise RefusedError(Outcome.EMPTY)
    audio -= audio.mean(dtype=np.float64).astype(np.float32)
    return audio


def _resampled(blocks: Iterator[tuple[int, Samples]]) -> Iterator[Samples]:
    """Mono blocks at 16 kHz, until the file ends or is too long."""
    stream, frames = None, 0
    for rate, block in blocks:
        if stream is None and rate != RATE:
            stream = soxr.ResampleStream(rate, RATE, 1, dtype="float32")
        frames += len(block)
        if frames > limits.MAX_CLIP_SECONDS * rate:
            raise RefusedError(Outcome.TOO_LONG, limits.MAX_CLIP_SECONDS)
        mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
        if not np.isfinite(mono).all():
            raise RefusedError(Outcome.NOT_NUMBERS)
        mono = np.clip(mono, -1.0, 1.0)
        yield mono if stream is None else stream.resample_chunk(mono)
    if stream is not None:
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _checked(rate: int, channels: int) -> int:
    if not limits.MIN_SAMPLE_RATE <= rate <= limits.MAX_SAMPLE_RATE:
        raise RefusedError(Outcome.BAD_RATE, rate)
    if not 1 <= channels <= limits.MAX_CHANNELS:
        raise RefusedError(Outcome.BAD_CHANNELS, channels)
    return rate


def _by_soundfile(data: bytes, kind: Format) -> Iterator[tuple[int, Samples]]:
    """The rate and a block `(frames, channels)`, each time."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.format not in _SOUNDFILE[kind]:
                raise RefusedError(Outcome.UNDECODABLE)
            rate = _checked(file.samplerate, file.channels)
            while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
                yield rate, block
    except (soundfile.SoundFileError, TypeError, ValueError, OSError) as error:
        raise RefusedError(Outcome.UNDECODABLE) from error


def by_pyav(data: bytes, container: str, codecs: frozenset[str]) -> Iterator[tuple[int, Samples]]:
    """The same of what soundfile does not read; in that container, and with one of these codecs alone."""
    import av

    try:
        with av.open(io.BytesIO(data), "r", format=container) as file:
            if not file.streams.audio:
                raise RefusedError(Outcome.EMPTY)
            stream = file.streams.audio[0]
            if stream.codec_context.codec.canonical_name not in codecs:
                raise RefusedError(Outcome.BAD_CODEC)
            stream.codec_context.thread_count = 1
            rate = _checked(stream.codec_context.sample_rate, stream.codec_context.channels)
            for frame in file.decode(stream):
                if frame.sample_rate != rate:
                    raise RefusedError(Outcome.UNDECODABLE)
                _checked(rate, frame.layout.nb_channels)
                yield rate, _floats(frame)
    except (av.error.FFmpegError, TypeError, ValueError, OSError) as error:
        raise RefusedError(Outcome.UNDECODABLE) from error


def _floats(frame: AudioFrame) -> Samples:
    """A frame's samples, `(frames, channels)`, whole numbers scaled to -1 to 1."""
    data: Any = frame.to_ndarray()
    if not frame.format.is_planar:
        data = data.reshape(-1, frame.layout.nb_channels).T
    scale = 1.0 if data.dtype.kind == "f" else 1.0 / (np.iinfo(data.dtype).max + 1)
    return np.ascontiguousarray(data.T, np.float32) * np.float32(scale)
