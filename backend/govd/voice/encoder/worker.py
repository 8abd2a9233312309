"""`python -m govd.voice.encoder.worker`: holds one model and embeds what its supervisor sends.

Must never load weights whose SHA-256 is not the one it was told, load them as root, use the network, or
outlive its supervisor: it ends when its stdin does, and the kernel ends it when one embedding takes too long.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from govd.voice.encoder import confine
from govd.voice.encoder.frames import MAX_REQUEST, Kind, pack, read

if TYPE_CHECKING:
    from typing import BinaryIO

    from govd.voice.encoder.model import Runtime

_MEMORY: Final = {"onnx": 6 << 30, "nemo": 32 << 30}
_FILES: Final = {"onnx": 64, "nemo": 1024}
_FILE_SIZE: Final = {"onnx": 0, "nemo": 2 << 30}
OURS: Final = Path(__file__).resolve().parents[1] / "models" / "titanet-demo.nemo"
"""A model of our own to rehearse with."""
_SLACK_S: Final = 5
_CHUNK: Final = 1 << 20


def _verified(weights: Path, sha256: str) -> bytes:
    """The file's content, read once, so that what was hashed is what is loaded."""
    digest, parts = hashlib.sha256(), []
    with os.fdopen(os.open(weights, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            parts.append(chunk)
    if digest.hexdigest() != sha256:
        raise ValueError("the weights are not those that were imported: their SHA-256 differs")
    return b"".join(parts)


class _Reading(threading.Thread):
    """Reads and hashes the weights while the runtime is imported: a fifth of a second for a large model."""

    def __init__(self, weights: Path, sha256: str) -> None:
        super().__init__(daemon=True)
        self._asked = weights, sha256
        self._found: bytes | Exception = b""

    def run(self) -> None:
        try:
            self._found = _verified(*self._asked)
        except (ValueError, OSError, MemoryError) as error:
            self._found = error

    def content(self) -> bytes:
        """What was read.

        Raises:
            ValueError: another SHA-256.
            OSError: it cannot be read.
        """
        self.join()
        if isinstance(self._found, Exception):
            raise self._found
        found, self._found = self._found, b""
        return found


def _leave_root() -> None:
    """Where the machine does not let go of root (a container without that right), the other bounds hold."""
    with contextlib.suppress(OSError):
        confine.become_nobody()


def _onnx(reading: _Reading) -> Runtime:
    from govd.voice.encoder import onnx

    onnx.prepare()
    content = reading.content()
    _leave_root()
    # Nothing needs a file or a socket any more; what is open stays open.
    confine.limit(files=0)
    return onnx.OnnxEncoder(content)


def _nemo(reading: _Reading) -> Runtime:
    from govd.voice.encoder import nemo

    # NeMo reads a path, and unpacks it beside; this one nobody else can reach.
    with tempfile.TemporaryDirectory(prefix="govd-voice-") as folder:
        copy = Path(folder) / "model.nemo"
        copy.write_bytes(reading.content())
        if os.geteuid() == 0:
            # NeMo imports as it goes, and the interpreter may lie where nobody may read.
            if OURS.is_file():
                nemo.NemoEncoder(OURS)
            for path in (folder, copy):
                os.chown(path, confine.NOBODY, confine.NOBODY)
            tempfile.tempdir = folder
        _leave_root()
        return nemo.NemoEncoder(copy)


def _load(runtime: str, weights: Path, sha256: str) -> Runtime:
    """Read as whoever govd is, and load as nobody."""
    reading = _Reading(weights, sha256)
    reading.start()
    if runtime == "onnx":
        return _onnx(reading)
    if runtime == "nemo":
        return _nemo(reading)
    raise ValueError(f"there is no runtime {runtime}")


def _answer(encoder: Runtime, pcm: bytes) -> bytes:
    import numpy as np

    try:
        samples = np.frombuffer(pcm, dtype="<f4")
        vector = encoder.embed(samples)
    except ValueError as error:
        return pack(Kind.REFUSED, str(error).encode())
    except RuntimeError as error:
        return pack(Kind.FAILED, str(error).encode())
    return pack(Kind.VECTOR, vector.astype("<f4").tobytes())


def serve(encoder: Runtime, source: BinaryIO, sink: BinaryIO, deadline: int) -> None:
    """Answer until the source ends."""
    confine.end_within(0)
    sink.write(pack(Kind.READY, json.dumps({"dimension": encoder.dimension}).encode()))
    sink.flush()
    while (frame := read(source, MAX_REQUEST)) is not None:
        confine.end_within(deadline)
        reply = _answer(encoder, frame[1])
        confine.end_within(0)
        sink.write(reply)
        sink.flush()


def main() -> int:
    """Load, then answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("runtime", choices=("onnx", "nemo"))
    parser.add_argument("weights", type=Path)
    parser.add_argument("sha256")
    parser.add_argument("deadline", type=int, help="seconds after which one embedding is too slow")
    chosen = parser.parse_args()
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a library prints must not pass for a frame.
    os.dup2(2, 1)
    deadline = chosen.deadline + _SLACK_S
    confine.end_within(deadline * 10)
    confine.gain_nothing()
    confine.leave_network()
    name = chosen.runtime
    confine.limit(memory=_MEMORY[name], files=_FILES[name], file_size=_FILE_SIZE[name])
    try:
        encoder = _load(name, chosen.weights, chosen.sha256)
    except (ValueError, OSError, ImportError, MemoryError) as error:
        sink.write(pack(Kind.FAILED, f"{error or type(error).__name__}".encode()[:1000]))
        sink.flush()
        return 1
    serve(encoder, source, sink, deadline)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
