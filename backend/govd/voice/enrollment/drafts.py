"""Enrollments under way in the console: in memory, an hour at most, each its operator's own.

Must never keep audio, nor let through a sample that is not the same voice as the others.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from govd.contract.errors import ClipRefusedError, ConflictError, NotFoundError, QuotaError
from govd.contract.voice import Draft, DraftSample, Fault
from govd.ids import new_id
from govd.voice import rules
from govd.voice.rules import vector

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable
    from datetime import datetime

    from govd.contract.voice import DraftStart, ModelView
    from govd.voice.model import Heard

LIFETIME: Final = timedelta(hours=1)
MOST_OF_ONE: Final = 4
"""Drafts of one operator; one more takes the place of the oldest."""

MOST: Final = 64
MOST_TRIES: Final = 40
"""Samples that one draft lists, the refused ones included."""

_RETRY_S: Final = 600


@dataclass
class Attempt:
    """One sample as it came."""

    shown: DraftSample
    heard: Heard


@dataclass
class Open:
    """One enrollment under way."""

    id: str
    operator: str
    start: DraftStart
    began_at: datetime
    model: ModelView
    attempts: list[Attempt] = field(default_factory=list)
    checked: Heard | None = None
    confidence: float | None = None
    verified: bool = False
    numbers: int = 0

    @property
    def kept(self) -> list[Heard]:
        """The samples that would be saved."""
        return [item.heard for item in self.attempts if item.shown.kept]

    @property
    def centre(self) -> array[float]:
        """What a clip is held against, once it is saved."""
        return rules.mean([vector(item.embedding) for item in self.kept])

    def matches(self, heard: Heard) -> bool:
        """Whether a clip without faults sounds like those who would be saved."""
        return (
            self.ready
            and heard.model is not None
            and heard.model.sha256 == self.model.sha256
            and rules.cosine(vector(heard.embedding), self.centre) >= self.model.threshold
        )

    @property
    def net_seconds(self) -> float:
        """Speech in them."""
        return sum(item.quality.net_seconds for item in self.kept)

    @property
    def ready(self) -> bool:
        """Whether there is enough to be saved."""
        return rules.complete(len(self.kept), self.net_seconds)

    def view(self) -> Draft:
        """As the wizard sees it."""
        vectors = [vector(item.embedding) for item in self.kept]
        return Draft(
            id=self.id,
            name=self.start.name,
            mine=self.start.mine,
            model_sha256=self.model.sha256,
            samples=[item.shown for item in self.attempts],
            net_seconds=round(self.net_seconds, 2),
            matrix=[[round(value, 4) for value in row] for row in rules.matrix(vectors)],
            ready=self.ready,
            verified=self.verified,
            checked_sha256=None if self.checked is None else self.checked.sent_sha256,
            confidence=self.confidence,
            expires_at=self.began_at + LIFETIME,
        )


@dataclass(frozen=True)
class Finished:
    """What a draft would save: a copy, which nothing that comes later changes."""

    start: DraftStart
    began_at: datetime
    model: ModelView
    samples: tuple[Heard, ...]
    checked: Heard
    shown: Draft
    """The same as it was shown: what a signature covers."""


class Drafts:
    """Every enrollment under way.

    Args:
        now: The governed time.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._open: dict[str, Open] = {}

    def begin(self, operator: str, start: DraftStart, model: ModelView) -> Draft:
        """A new draft.

        Raises:
            QuotaError: too many are under way.
        """
        with self._lock:
            now = self._sweep()
            own = [item.id for item in self._open.values() if item.operator == operator]
            for gone in own[: max(0, len(own) - MOST_OF_ONE + 1)]:
                del self._open[gone]
            if len(self._open) >= MOST:
                raise QuotaError(f"{MOST} enrollments are under way", retry_after=_RETRY_S)
            made = Open(new_id(), operator, start, now, model)
            self._open[made.id] = made
            return made.view()

    def show(self, draft: str, operator: str) -> Draft:
        """One draft.

        Raises:
            NotFoundError: there is none, it is over, or it is another operator's.
        """
        with self._lock:
            return self.own(draft, operator).view()

    def of(self, operator: str) -> list[Draft]:
        """His own, whichever console began them; the latest last."""
        with self._lock:
            self._sweep()
            return [item.view() for item in self._open.values() if item.operator == operator]

    def own(self, draft: str, operator: str) -> Open:
        """The draft itself; see `show`."""
        with self._lock:
            self._sweep()
            found = self._open.get(draft)
            if found is None or found.operator != operator:
                raise NotFoundError(
                    "there is no such enrollment under way: it ends after an hour, and with govd"
                )
            return found

    def finished(self, draft: str, operator: str) -> Finished:
        """What it would save.

        Raises:
            ConflictError: there is not enough of it, or no fresh clip has matched.
        """
        with self._lock:
            found = self.own(draft, operator)
            if not found.ready:
                missing = rules.lacking(len(found.kept), found.net_seconds)
                raise ConflictError(f"the enrollment has {missing}: go on first")
            if not found.verified or found.checked is None:
                raise ConflictError("no fresh clip has matched these samples yet: check the enrollment first")
            return Finished(
                found.start, found.began_at, found.model, tuple(found.kept), found.checked, found.view()
            )

    def leave(self, draft: str, operator: str) -> Draft:
        """Forget it, with everything in it; what it was."""
        with self._lock:
            left = self.own(draft, operator).view()
            del self._open[draft]
            return left

    def forget_all_of(self, operator: str) -> None:
        """He has left."""
        with self._lock:
            for gone in [item.id for item in self._open.values() if item.operator == operator]:
                del self._open[gone]

    def add(
        self, draft: str, operator: str, heard: Heard, same: Callable[[Heard, Heard], bool]
    ) -> DraftSample:
        """Take a sample in, if it is good enough and the same voice as the others.

        Raises:
            ClipRefusedError: the recording is here already.
            ConflictError: there are enough samples, or another model is in use by now.
        """
        with self._lock:
            found = self.own(draft, operator)
            _check_model(found, heard)
            if len(found.kept) >= rules.MAXIMUM_SAMPLES:
                raise ConflictError(f"{rules.MAXIMUM_SAMPLES} samples are enough: take one out first")
            if len(found.attempts) >= MOST_TRIES:
                raise ConflictError(f"{MOST_TRIES} samples were tried: begin again")
            if any(same(heard, other) for other in found.kept):
                raise ClipRefusedError("this recording is a sample of this enrollment already")
            found.numbers += 1
            shown = self._judged(found, heard)
            found.attempts.append(Attempt(shown, heard))
            if shown.kept:
                found.verified, found.confidence, found.checked = False, None, None
            return shown

    @staticmethod
    def _judged(found: Open, heard: Heard) -> DraftSample:
        quality, agreement = heard.quality, None
        others = [vector(item.embedding) for item in found.kept]
        if not quality.faults and others:
            agreement = rules.cosine(vector(heard.embedding), rules.mean(others))
            if agreement < found.model.threshold:
                quality = quality.model_copy(update={"faults": [Fault.NOT_THE_SAME_VOICE]})
        return DraftSample(
            number=found.numbers,
            quality=quality,
            kept=not quality.faults,
            clip_sha256=heard.sent_sha256,
            print_sha256=hashlib.sha256(heard.embedding).hexdigest() if heard.embedding else None,
            agreement=None if agreement is None else round(agreement, 4),
        )

    def drop(self, draft: str, operator: str, number: int) -> Draft:
        """Take a sample out again."""
        with self._lock:
            found = self.own(draft, operator)
            left = [item for item in found.attempts if item.shown.number != number]
            if len(left) == len(found.attempts):
                raise NotFoundError("there is no sample of that number")
            found.attempts[:] = left
            found.verified, found.confidence, found.checked = False, None, None
            return found.view()

    def check(
        self, draft: str, operator: str, heard: Heard, same: Callable[[Heard, Heard], bool]
    ) -> tuple[bool, float]:
        """Hold a fresh sample against what would be saved: whether it matches, and how well.

        Raises:
            ConflictError: there is not enough to hold it against, or another model is in use by now.
            ClipRefusedError: it is one of the samples, and says nothing.
        """
        with self._lock:
            found = self.own(draft, operator)
            _check_model(found, heard)
            if not found.ready:
                missing = rules.lacking(len(found.kept), found.net_seconds)
                raise ConflictError(f"the enrollment has {missing}: go on first")
            if any(same(heard, other) for other in found.kept):
                raise ClipRefusedError("this recording is a sample of this enrollment: record a fresh one")
            score = -1.0
            if not heard.quality.faults:
                score = rules.cosine(vector(heard.embedding), found.centre)
                found.verified = score >= found.model.threshold
                found.confidence, found.checked = round(score, 4), heard
            return found.verified and not heard.quality.faults, max(score, 0.0)

    def _sweep(self) -> datetime:
        now = self._now()
        for gone in [item.id for item in self._open.values() if item.began_at + LIFETIME <= now]:
            del self._open[gone]
        return now


def _check_model(found: Open, heard: Heard) -> None:
    if heard.model is not None and heard.model.sha256 != found.model.sha256:
        raise ConflictError("another model is in use by now: begin the enrollment again")
