"""The decoder: a process with everything loaded, and a child of it for each clip, made before the clip comes.

The child may come into the hands of the file's author, so it hears one clip and ends, and no later clip
meets what it left. The one that makes them must never read a byte of a clip. Started by `process.Decoder` as
`python -m govd.voice.intake.worker KIND LIFELINE DONE IDLE_SECONDS`.

A fresh child owns no page of memory, and the 2,000 that a clip of 5 s writes to cost more than its
arithmetic: so the child touches them while nobody waits, by a rehearsal.
"""

from __future__ import annotations

import gc
import hashlib
import io
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Final

from govd.voice.intake import confine, wireform
from govd.voice.intake.wireform import Format, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY: Final = 384 * 2**20
"""Bytes beyond what the libraries take: three times what the largest file of the longest clip needs."""
CPU_SECONDS: Final = 20
"""For a clip. The longest takes one."""
_NO_CLIP: Final = 64
"""Exit code of a child that found the pipe closed, or for which no clip came."""
_TOUCHED: Final = 3 * 2**20
"""Bytes of heap that a clip of 5 s needs beyond the rehearsal's."""


def main() -> None:
    """Load the libraries, give up everything else, and make children until the pipe closes."""
    kind, lifeline, done, idle = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is govd's, which ends this one when it is done
    confine.die_with(lifeline)
    try:
        take, clip = _library(extra=kind == "extra"), _rehearsal(wireform.RATE)
        take(_rehearsal(8_000), Format.WAV)  # which must be resampled
        take(clip, Format.WAV)
    except Exception:  # noqa: BLE001 - whatever it is, nothing can be decoded, and govd is told so
        _write(wireform.refusal(Outcome.BROKEN))
        return
    confine.confine(memory=MEMORY)
    confine.cell()
    gc.disable()
    gc.freeze()
    while True:
        child = os.fork()
        if child == 0:
            os.close(done)  # which says that this child is gone, and so is not this child's
            confine.die_with(lifeline)
            if not _waiting(0):
                _warm(take, clip)
            os._exit(_one(take) if _waiting(idle) else _NO_CLIP)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == _NO_CLIP:
            return
        if code:
            _end_like(code)
        os.write(done, b"\1")


def _waiting(seconds: float) -> bool:
    """Whether a clip comes within that time, or the pipe is closed. Reads nothing of it."""
    return bool(select.select([0], [], [], seconds)[0])


def _warm(take: Callable[[bytes, Format], bytes], clip: bytes) -> None:
    """Write to the pages that a clip will write to."""
    take(clip, Format.WAV)
    touched = b"\1" * _TOUCHED  # the allocator keeps them: see `process._environment`
    del touched


def _one(take: Callable[[bytes, Format], bytes]) -> int:
    """One clip, in the child; the exit code."""
    confine.alone(cpu_seconds=CPU_SECONDS)
    request = _read(wireform.REQUEST.size)
    if len(request) < wireform.REQUEST.size:
        return _NO_CLIP
    code, length = wireform.REQUEST.unpack(request)
    _write(_outcome(take, _read(length), Format(code)))
    return 0


def _end_like(code: int) -> None:
    """As the child did: govd learns it from this one, and starts another."""
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(max(code, 1))


def _library(*, extra: bool) -> Callable[[bytes, Format], bytes]:
    """What turns a file into an answer, loaded to the last module: nothing can be opened later."""
    from govd.voice.intake import decoding, fingerprint, measuring

    def take(data: bytes, kind: Format) -> bytes:
        try:
            audio = decoding.decode(data, kind)
        except decoding.RefusedError as refused:
            return wireform.refusal(refused.outcome, refused.figure)
        found = measuring.frames(audio)
        speech = measuring.cut_silence(audio, found)
        return wireform.taken(
            measuring.measure(audio, found, speech),
            fingerprint.fingerprint(found.power[found.speech]),
            hashlib.sha256(audio.astype("<f4").tobytes()).digest(),
            speech.astype("<f4").tobytes(),
        )

    if extra:
        list(decoding.by_pyav(_rehearsal(8_000), "wav", frozenset({"pcm_s16le"})))
    return take


def _rehearsal(rate: int) -> bytes:
    """A second that sounds enough like a voice to go through every step."""
    import numpy as np
    import soundfile

    at = np.arange(rate) / rate
    voice = np.sin(40 * np.sin(9 * at) + 2 * np.pi * np.outer((1, 2, 3, 4), 150 * at)).sum(axis=0)
    out = io.BytesIO()
    soundfile.write(out, 0.1 * voice * (1 + np.sin(25 * at)), rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


def _outcome(take: Callable[[bytes, Format], bytes], data: bytes, kind: Format) -> bytes:
    try:
        return take(data, kind)
    except MemoryError:
        return wireform.refusal(Outcome.TOO_BIG)
    except Exception:  # noqa: BLE001 - a library may raise anything at a hostile file; it is undecodable
        return wireform.refusal(Outcome.UNDECODABLE)


def _read(length: int) -> bytes:
    """So many bytes from the pipe, or fewer where it ends."""
    parts, left = [], length
    while left and (part := os.read(0, min(left, 2**20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    main()
