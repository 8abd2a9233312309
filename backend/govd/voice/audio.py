"""A clip as a file that a person can listen to. Must never be asked for anything but what an intake made."""

from __future__ import annotations

import struct

from govd.voice.model import SAMPLE_RATE

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM, _MONO, _BITS = 1, 1, 16


def wav(pcm: bytes) -> bytes:
    """Little-endian float32 samples, mono, 16 kHz, as a WAV file with 16 bits a sample."""
    import numpy as np

    samples = np.nan_to_num(np.frombuffer(pcm, dtype="<f4"))
    data: bytes = (np.clip(samples, -1.0, 1.0) * 32_767).astype("<i2").tobytes()
    width = _BITS // 8
    return (
        _HEADER.pack(
            b"RIFF",
            36 + len(data),
            b"WAVE",
            b"fmt ",
            16,
            _PCM,
            _MONO,
            SAMPLE_RATE,
            SAMPLE_RATE * width,
            width,
            _BITS,
            b"data",
            len(data),
        )
        + data
    )
