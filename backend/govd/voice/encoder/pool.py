"""Keeps one encoder worker: started when it is needed, again after a crash, gone when nobody speaks.

Must never give out a vector that is not of length 1 and of the model's dimension, nor wait without end.
"""

from __future__ import annotations

import array
import contextlib
import math
import sys
import threading
from typing import TYPE_CHECKING, Final

from govd.contract.errors import ClipRefusedError, VoiceUnavailableError
from govd.voice.encoder import process
from govd.voice.encoder.frames import MAX_REQUEST
from govd.voice.encoder.process import MEND, Worker, WorkerDiedError, WorkerSlowError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from govd.contract.voice import ModelView
    from govd.voice.encoder.model import Choice, Chooser, Timers

IDLE_S: Final = 600.0
DEADLINE_S: Final = 30.0
RETRY_S: Final = 15.0
"""For so long `degraded` names a worker that did not start; then the next clip tries again."""
START_S: Final = {"onnx": 30.0, "nemo": 180.0}
_TRIES: Final = 2
_SAMPLE_BYTES: Final = 4
_LENGTH_TOLERANCE: Final = 1e-3


class ThreadTimers:
    """Timers of the standard library."""

    def after(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` once in so many seconds; what is returned calls it off."""
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()
        return timer.cancel


class EncoderPool:
    """The encoder, as the rest of govd has it (`govd.voice.model.Encoder`).

    Args:
        choose: Says which model; asked at each use.
        idle_s: After so many seconds without a clip the worker ends.
        deadline_s: A worker that embeds longer than this is ended, and the clip is not tried again.
        timers: What calls later.
        command: What starts a worker.
    """

    def __init__(
        self,
        choose: Chooser,
        *,
        idle_s: float = IDLE_S,
        deadline_s: float = DEADLINE_S,
        timers: Timers | None = None,
        command: Callable[[Choice, float], Sequence[str]] = process.command,
    ) -> None:
        self._choose = choose
        self._idle_s = idle_s
        self._deadline_s = deadline_s
        self._timers = timers or ThreadTimers()
        self._command = command
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._held: Choice | None = None
        self._uses = 0
        self._call_off: Callable[[], None] | None = None
        self._failed: tuple[Choice, VoiceUnavailableError] | None = None
        self._closed = False

    @property
    def model(self) -> ModelView | None:
        """The model in use; None: there is none."""
        try:
            return self._choose().view
        except VoiceUnavailableError:
            return None

    @property
    def degraded(self) -> tuple[str, str] | None:
        """Why nobody can be verified and the command that mends it; None: all is well."""
        try:
            choice = self._choose()
        except VoiceUnavailableError as error:
            return error.detail, error.hint or MEND
        failed = self._failed
        if failed is not None and failed[0] == choice:
            return failed[1].detail, failed[1].hint or MEND
        return None

    @property
    def pid(self) -> int | None:
        """The worker's process id; None: there is none now."""
        worker = self._worker
        return None if worker is None or not worker.alive else worker.pid

    def warm(self) -> None:
        """Let the worker start while others work, the intake on the clip that has come; returns at once."""
        if self.pid is None:
            threading.Thread(target=self._warm, daemon=True).start()

    def _warm(self) -> None:
        # Whatever keeps it from starting, `embed` will find it again and say it.
        with contextlib.suppress(VoiceUnavailableError):
            choice = self._choose()
            with self._lock:
                if not self._closed:
                    try:
                        self._started(choice)
                    finally:
                        self._rest()

    def embed(self, pcm: bytes) -> bytes:
        """The embedding, little-endian float32 of length 1 (L2-normalised). Blocks; called from a thread.

        Args:
            pcm: Little-endian float32, mono, 16 kHz.

        Raises:
            ClipRefusedError: no clip of a length that can be embedded, or samples that are no numbers.
            VoiceUnavailableError: no model, or the worker does not start, failed twice over this clip, or was
                too slow with it.
        """
        if not pcm or len(pcm) % _SAMPLE_BYTES or len(pcm) > MAX_REQUEST:
            raise ClipRefusedError(
                f"a clip of {len(pcm)} bytes is none of float32 samples, at most {MAX_REQUEST} bytes"
            )
        choice = self._choose()
        with self._lock:
            if self._closed:
                raise VoiceUnavailableError("govd is stopping")
            try:
                return self._asked(choice, pcm)
            finally:
                self._rest()

    def _asked(self, choice: Choice, pcm: bytes) -> bytes:
        why = ""
        for _ in range(_TRIES):
            worker = self._started(choice)
            try:
                return _checked(worker.embed(pcm, self._deadline_s), choice)
            except WorkerDiedError as error:
                self._end()
                why = str(error)
            except WorkerSlowError as error:
                # Not once more: whatever took that long would take it again.
                self._end()
                raise VoiceUnavailableError(f"the encoder was ended: {error}", hint=MEND) from None
        # One clip's doing, as far as anybody knows: the next one finds a fresh worker.
        raise VoiceUnavailableError(f"the encoder failed {_TRIES} times in a row: {why}", hint=MEND)

    def _started(self, choice: Choice) -> Worker:
        """The worker for that model, tried twice.

        Raises:
            VoiceUnavailableError: it does not start. Until it is tried again, `degraded` says so.
        """
        why = ""
        for _ in range(_TRIES):
            try:
                worker = self._ready(choice)
            except WorkerDiedError as error:
                why = str(error)
            except WorkerSlowError as error:
                why = str(error)
                break
            except VoiceUnavailableError as error:
                raise self._degrading(choice, error) from None
            else:
                self._failed = None
                return worker
        raise self._degrading(choice, VoiceUnavailableError(f"the encoder does not start: {why}", hint=MEND))

    def _degrading(self, choice: Choice, error: VoiceUnavailableError) -> VoiceUnavailableError:
        """Remember for a while that the worker does not start; the first clip afterwards tries it again."""
        failed = (choice, error)
        self._failed = failed

        def forget() -> None:
            if self._failed is failed:
                self._failed = None

        self._timers.after(RETRY_S, forget)
        return error

    def _ready(self, choice: Choice) -> Worker:
        """The worker for that model: the one that runs, if it is that one's."""
        if self._worker is not None and (self._held != choice or not self._worker.alive):
            self._end()
        if self._worker is None:
            self._worker = Worker(self._command(choice, self._deadline_s), START_S[choice.view.runtime])
            self._held = choice
            if self._worker.dimension != choice.view.dimension:
                found = self._worker.dimension
                self._end()
                raise VoiceUnavailableError(
                    f"{choice.view.id} gives {found} numbers, and its card says {choice.view.dimension}",
                    hint=MEND,
                )
        return self._worker

    def _rest(self) -> None:
        """Begin to count the idle time anew."""
        self._uses += 1
        if self._call_off is not None:
            self._call_off()
            self._call_off = None
        if self._worker is not None:
            uses = self._uses
            self._call_off = self._timers.after(self._idle_s, lambda: self._idle(uses))

    def _idle(self, uses: int) -> None:
        with self._lock:
            # A clip may have come between the timer's end and the lock.
            if uses == self._uses:
                self._end()

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.end()
            self._worker = None
            self._held = None

    def close(self) -> None:
        """End the worker; nothing is embedded any more."""
        with self._lock:
            self._closed = True
            if self._call_off is not None:
                self._call_off()
            self._end()


def _checked(body: bytes, choice: Choice) -> bytes:
    """The vector, if it is one of this model's.

    Raises:
        WorkerDiedError: it is not.
    """
    if len(body) != choice.view.dimension * _SAMPLE_BYTES:
        raise WorkerDiedError("it gave a vector of another dimension")
    numbers = array.array("f", body)
    if sys.byteorder == "big":
        numbers.byteswap()
    length = math.sqrt(math.fsum(number * number for number in numbers))
    # Also false where a number is none.
    if not abs(length - 1.0) < _LENGTH_TOLERANCE:
        raise WorkerDiedError("it gave a vector that is not of length 1")
    return body
