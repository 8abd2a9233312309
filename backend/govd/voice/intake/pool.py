"""The intake as govd holds it: warm decoders, one clip each at a time, replaced when they die.

Must never decode anything in this process, nor let one clip harm the next.
"""

from __future__ import annotations

import contextlib
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from govd.contract import voice_limits as limits
from govd.voice.intake import rules
from govd.voice.intake.process import CLIPS, IDLE_SECONDS, Decoder, DiedError, IdleError, WillNotStartError
from govd.voice.intake.wireform import Outcome
from govd.voice.model import Clip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from govd.voice.intake.wireform import Answer, Format

_AT_ONCE: Final = 2
_DEADLINE: Final = 30.0
_WAIT: Final = 30.0


class ClipIntake:
    """The seam `govd.voice.model.Intake`, with processes behind it. For any number of threads.

    Args:
        at_once: Clips that are decoded at the same time; more wait.
        deadline: Seconds that a decoder has for a clip, its start included; then it is killed.
        wait: Seconds that a clip waits for a decoder.
        clips: After so many a process is replaced.
        idle: Seconds after which a process that has no clip ends by itself.
        extra: Whether the extra `formats` is there; None: look.
    """

    def __init__(
        self,
        *,
        at_once: int = _AT_ONCE,
        deadline: float = _DEADLINE,
        wait: float = _WAIT,
        clips: int = CLIPS,
        idle: float = IDLE_SECONDS,
        extra: bool | None = None,
    ) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._deadline = deadline
        self._wait = wait
        self._clips, self._idle_seconds = clips, idle
        self._extra = find_spec("av") is not None if extra is None else extra
        self._lock = threading.Lock()
        self._idle: list[Decoder] = []
        self._busy: set[Decoder] = set()
        self._closed = False

    def warm(self) -> None:
        """Start a decoder, if none is idle; returns at once, and it loads while others work."""
        with self._lock, contextlib.suppress(DiedError):
            if not self._closed and not any(not decoder.extra for decoder in self._idle):
                self._idle.append(Decoder(extra=False, idle=self._idle_seconds))

    def pids(self) -> list[int]:
        """The processes that are there now, for measurements."""
        with self._lock:
            return sorted(decoder.pid for decoder in (*self._idle, *self._busy))

    def take(self, data: bytes, *, name: str = "") -> Clip:
        """Decode and measure; see the seam. `name` is not looked at: a file is what its bytes say.

        Raises:
            BodyTooLargeError: more than `limits.MAX_CLIP_BYTES`.
            ClipRefusedError: it cannot be decoded within the caps, or its format is not taken here.
            VoiceUnavailableError: no decoder runs, or all are busy.
        """
        del name
        if len(data) > limits.MAX_CLIP_BYTES:
            raise rules.too_big(len(data))
        kind = rules.format_of(data)
        if kind is None:
            raise rules.unknown_format()
        if kind.extra and not self._extra:
            raise rules.needs_extra(kind)
        if not self._slots.acquire(timeout=self._wait):
            raise rules.busy(int(self._wait))
        try:
            answer = self._answer(data, kind)
        finally:
            self._slots.release()
        if answer.outcome is not Outcome.TAKEN or answer.measures is None:
            raise rules.refusal(answer.outcome, answer.figure)
        return Clip(answer.pcm, rules.quality_of(answer.measures), answer.fingerprint, answer.sha256.hex())

    def close(self) -> None:
        """End every process, also those that work."""
        with self._lock:
            self._closed = True
            idle, working = list(self._idle), list(self._busy)
            self._idle.clear()
        for decoder in working:
            decoder.kill()
        for decoder in idle:
            decoder.end()

    def _answer(self, data: bytes, kind: Format) -> Answer:
        """From a warm decoder, or if that one had ended for want of work, from a fresh one."""
        try:
            try:
                return self._asked(data, kind, fresh=False)
            except IdleError:
                return self._asked(data, kind, fresh=True)
        except (WillNotStartError, IdleError) as death:
            raise rules.no_decoder() from death
        except DiedError as death:
            if self._closed:
                raise rules.no_decoder() from death
            raise rules.crashed(str(death)) from death

    def _asked(self, data: bytes, kind: Format, *, fresh: bool) -> Answer:
        with self._decoder(extra=kind.extra, fresh=fresh) as decoder:
            return decoder.take(data, kind, seconds=self._deadline)

    @contextlib.contextmanager
    def _decoder(self, *, extra: bool, fresh: bool) -> Iterator[Decoder]:
        """One for this clip alone; it goes back only if the clip went well."""
        with self._lock:
            if self._closed:
                raise rules.no_decoder()
            found = next((d for d in self._idle if d.extra == extra and not fresh), None)
            if found is None:
                found = Decoder(extra=extra, idle=self._idle_seconds)
            else:
                self._idle.remove(found)
            self._busy.add(found)
        try:
            yield found
        except BaseException:
            self._gone(found)
            raise
        with self._lock:
            self._busy.discard(found)
            keep = found.clips < self._clips and not self._closed
            if keep:
                self._idle.append(found)
        if not keep:
            self._gone(found)

    def _gone(self, decoder: Decoder) -> None:
        """End it; a spare takes its place before the next clip asks."""
        with self._lock:
            self._busy.discard(decoder)
        decoder.end()
        self.warm()
