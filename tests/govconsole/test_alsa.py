"""A microphone of this machine, as ALSA's `file` plugin plays it: what both programs hear is what was said.

The plugin gives samples as fast as they are asked for, so that a recording ends by their count.
"""

from __future__ import annotations

import ctypes.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from govconsole.capture.arecord import ARGUMENTS
from tests.support import alsa, needs, speech

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 2.0
RECORD = f"""
import json, shutil
from govconsole.capture.recorder import Recorder
from govconsole.capture.studio import LocalStudio
takes = {{one.name: Recorder(one.open(), {SECONDS}).run().audio for one in LocalStudio().microphones()}}
print(json.dumps({{name: audio.hex() for name, audio in takes.items()}}))
"""


def spoken() -> bytes:
    return speech.speak("gb-f4", speech.TEXTS[2])


@pytest.fixture
def with_microphone(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run a program on a machine whose one microphone hears a sentence."""
    env = alsa.hearing(tmp_path, spoken())

    def run(*argv: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(argv, env=env, check=True, capture_output=True, timeout=60, **options)

    return run


def test_portaudio_and_arecord_hear_what_is_said(
    with_microphone: Callable[..., subprocess.CompletedProcess[bytes]],
):
    needs.program("arecord")
    if ctypes.util.find_library("portaudio") is None:
        needs.skip("PortAudio is not installed")

    heard = json.loads(with_microphone(sys.executable, "-c", RECORD).stdout)

    said = alsa.pcm(spoken())
    assert sorted(heard) == [
        "microphone of this machine, by arecord",
        "microphone of this machine: default",
    ]
    for audio in heard.values():
        pcm = alsa.pcm(bytes.fromhex(audio))
        assert len(pcm) == SECONDS * speech.RATE * 2
        assert pcm == said[: len(pcm)]


def test_the_source_asks_arecord_for_what_govd_takes(
    with_microphone: Callable[..., subprocess.CompletedProcess[bytes]],
):
    program = needs.program("arecord")

    pcm = with_microphone(program, "-s", str(speech.RATE), *ARGUMENTS).stdout

    assert pcm == alsa.pcm(spoken())[: 2 * speech.RATE]
