"""What this machine has for sound: its microphones, and a way to let a person hear a clip.

Must never leave a clip where others may read it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from govconsole.capture import sound
from govconsole.capture.arecord import ArecordSource
from govconsole.capture.source import Microphone
from govd.contract.errors import UsageError
from govd.contract.text import visible

_PLAYING: Final = 180.0


class LocalStudio:
    """This machine."""

    def microphones(self) -> list[Microphone]:
        """PortAudio's default input, and `arecord`, where they are."""
        found: list[Microphone] = []
        if (name := sound.input_name()) is not None:
            found.append(Microphone(f"microphone of this machine: {name}", sound.SoundDeviceSource))
        if (program := shutil.which("arecord")) is not None:
            found.append(Microphone("microphone of this machine, by arecord", lambda: ArecordSource(program)))
        return found

    def play(self, wav: bytes) -> str:
        """By `aplay`, else by PortAudio, else as a file of the operator's own."""
        if (program := shutil.which("aplay")) is not None and _played(program, wav):
            return "played"
        if sound.play(wav):
            return "played"
        path = kept(wav)
        return f"nothing here plays sound: it lies in {path}, for you alone; delete it when you have heard it"


def _played(program: str, wav: bytes) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - a path that was looked up, and constants
            [program, "-q", "-"], input=wav, capture_output=True, timeout=_PLAYING, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def kept(wav: bytes) -> Path:
    """The clip in a new folder and file that only this user reads, in memory where the system has such."""
    memory = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(
        tempfile.mkdtemp(prefix="govconsole-", dir=memory if memory and Path(memory).is_dir() else None)
    )
    path = folder / "sample.wav"
    keep_as(path, wav)
    return path


def keep_as(path: Path, wav: bytes) -> None:
    """The clip in a new file that only this user reads.

    Raises:
        UsageError: there is one already, or it cannot be made.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(wav)
    except OSError as error:
        raise UsageError(f"{visible(str(path))} cannot be made: {error.strerror}") from None
