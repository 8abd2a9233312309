"""A worker that misbehaves: `voice_worker.py MODE STARTS`; STARTS gets a line for each time that it ran."""

from __future__ import annotations

import os
import signal
import struct
import sys
from pathlib import Path

from govd.voice.encoder.frames import MAX_REQUEST, Kind, pack, read

DIMENSION = 4
GOOD = struct.pack("<4f", 1.0, 0.0, 0.0, 0.0)
ANSWERS = {
    "good": pack(Kind.VECTOR, GOOD),
    "short": pack(Kind.VECTOR, GOOD[:8]),
    "long": pack(Kind.VECTOR, struct.pack("<4f", 2.0, 0.0, 0.0, 0.0)),
    "nan": pack(Kind.VECTOR, struct.pack("<4f", float("nan"), 0.0, 0.0, 0.0)),
    "noise": b"\xff" * 64,
    "twice": pack(Kind.VECTOR, GOOD) * 2,
    "endless": pack(Kind.VECTOR, GOOD)[:1] + struct.pack("<I", 1 << 30),
    "refused": pack(Kind.REFUSED, b"too short"),
    "failed": pack(Kind.FAILED, b"no direction"),
}


def main() -> None:
    """Behave as told."""
    mode, starts = sys.argv[1], Path(sys.argv[2])
    with starts.open("a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    first = len(starts.read_text(encoding="ascii").splitlines()) == 1
    if mode == "stillborn":
        os._exit(3)
    ready = b"[]" if mode == "unready" else b'{"dimension": %d}' % DIMENSION
    sys.stdout.buffer.write(pack(Kind.READY, ready))
    sys.stdout.buffer.flush()
    if mode == "deaf":
        # Also with a pipe full of its request.
        signal.pause()
    while (frame := read(sys.stdin.buffer, MAX_REQUEST)) is not None:
        if mode == "hang":
            signal.pause()
        if mode == "crash" or (mode == "crash-once" and first):
            os.kill(os.getpid(), signal.SIGSEGV)
        assert frame[0] is Kind.EMBED
        sys.stdout.buffer.write(ANSWERS.get(mode, ANSWERS["good"]))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
