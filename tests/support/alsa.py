"""A machine whose one microphone hears a file: ALSA's `file` plugin over `null`. Must never touch a real one.

The plugin gives samples as fast as they are asked for, so that a recording ends by their count.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tests.support import speech

if TYPE_CHECKING:
    from pathlib import Path

_HEAD: Final = 44
_CONFIGURATION: Final = """
pcm.!default {{
    type file
    slave.pcm {{ type null }}
    file /dev/null
    infile {infile}
    format raw
}}
"""


def pcm(wav: bytes) -> bytes:
    """The samples of a WAV file as `speech` makes it, little-endian, 16 bits each."""
    return wav[_HEAD:]


def hearing(folder: Path, wav: bytes) -> dict[str, str]:
    """The environment of a program whose microphone hears that, once.

    Args:
        folder: For the two files that ALSA reads.
        wav: Mono, 16 bits, `speech.RATE`.
    """
    raw, configuration = folder / "heard.raw", folder / "asound.conf"
    raw.write_bytes(pcm(wav))
    configuration.write_text(_CONFIGURATION.format(infile=raw), encoding="utf-8")
    return {**os.environ, "ALSA_CONFIG_PATH": str(configuration)}


def count(wav: bytes) -> int:
    """How many samples it has."""
    return len(speech.samples(wav))
