"""An enrollment on its way through the wizard: which step it is on, and what can be done there.

Imports no toolkit. Must never skip the consent, nor the check with a fresh sample.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from govd.contract.voice import Draft, DraftCheck, DraftSample, SpeakerView, Voices


class Step(StrEnum):
    """The steps, in order."""

    CONSENT = "consent"
    SOURCE = "source"
    RECORD = "record"
    AGREEMENT = "agreement"
    CHECK = "check"
    SAVED = "saved"


STEPS: Final = tuple(Step)
_ELSEWHERE: Final = "not in this step"
_TAKES: Final = (Step.RECORD, Step.CHECK)


@dataclass
class Taking:
    """Where clips come from, and what is being done for one now. `doing`: in words, or nothing."""

    sources: tuple[str, ...] = ()
    chosen: int = 0
    looking: bool = False
    """Microphones are looked for: beside what is done, and for as long as it takes."""
    recording: bool = False
    doing: str = ""
    page: str = ""
    """The address of a page that is open for a clip, or nothing."""

    @property
    def busy(self) -> str:
        """What has to end before anything else begins, in words; empty: nothing."""
        return self.doing or ("microphones are looked for" if self.looking else "")

    @property
    def microphone(self) -> bool:
        """Whether one can record here with what is chosen."""
        return 0 <= self.chosen < len(self.sources)

    def choose(self, by: int, extra: int) -> None:
        """Another source; `extra`: how many there are beside the microphones."""
        count = len(self.sources) + extra
        self.chosen = max(0, min(self.chosen + by, count - 1))


@dataclass
class Enrollment:
    """One enrollment.

    Args:
        name: Whose voice.
        voices: What the backend asks for: consent, prompts, how much.
        mine: It is the operator's own voice.
    """

    name: str
    voices: Voices
    mine: bool = False
    step: Step = Step.CONSENT
    draft: Draft | None = None
    last: DraftSample | None = None
    checked: DraftCheck | None = None
    speaker: SpeakerView | None = None
    at: int = 0
    """The number of the sample under the cursor; 0: none."""
    wrong: str = ""
    """What was wrong with the last thing that was tried."""
    sent: set[str] = field(default_factory=set)
    """SHA-256 of each file that was sent from here, or recorded by a page that was opened from here."""
    taking: Taking = field(default_factory=Taking)

    @classmethod
    def of(cls, draft: Draft, voices: Voices) -> Enrollment:
        """One that was begun elsewhere: consent was given there, and what is heard with is chosen here."""
        found = cls(draft.name, voices, draft.mine)
        found.began(draft)
        return found

    # What is known

    @property
    def kept(self) -> list[DraftSample]:
        """The samples that count."""
        return [one for one in self.draft.samples if one.kept] if self.draft else []

    @property
    def prompt(self) -> str:
        """What to say for the next sample."""
        prompts = self.voices.prompts
        place = len(self.kept) + (1 if self.step is Step.CHECK else 0)
        return prompts[place % len(prompts)] if prompts else ""

    @property
    def target(self) -> float:
        """Seconds of speech to aim at in a sample: enough of them make an enrollment."""
        if self.step is Step.CHECK:
            return self.voices.minimum_net_seconds / self.voices.minimum_samples / 2
        return self.voices.minimum_net_seconds / self.voices.minimum_samples

    @property
    def missing(self) -> str:
        """What is missing before it can go on to the agreement; empty: nothing."""
        count, net = len(self.kept), self.draft.net_seconds if self.draft else 0.0
        if count < self.voices.minimum_samples:
            more = self.voices.minimum_samples - count
            return f"{more} more sample{'s' * (more != 1)}"
        if net < self.voices.minimum_net_seconds:
            return f"{self.voices.minimum_net_seconds - net:.0f} s more of speech"
        return "" if self.draft is not None and self.draft.ready else "samples that agree"

    @property
    def full(self) -> bool:
        """Whether no further sample is taken."""
        return len(self.kept) >= self.voices.maximum_samples

    # What happens

    def began(self, draft: Draft) -> None:
        """The consent was taken."""
        self.drafted(draft)
        self.step = Step.SOURCE

    def drafted(self, draft: Draft) -> None:
        """The draft as it stands."""
        self.draft = draft
        numbers = [one.number for one in self.kept]
        if self.at not in numbers:
            self.at = numbers[-1] if numbers else 0
        if not draft.ready and self.step in (Step.AGREEMENT, Step.CHECK):
            self.step = Step.RECORD

    def move(self, by: int) -> None:
        """The cursor over the samples, or over the sources."""
        numbers = [one.number for one in self.kept]
        if numbers:
            place = numbers.index(self.at) if self.at in numbers else 0
            self.at = numbers[max(0, min(place + by, len(numbers) - 1))]

    def forward(self) -> None:
        """The next step, where `can` lets it."""
        if self.step is not Step.SAVED:
            self.step = STEPS[STEPS.index(self.step) + 1]
        self.wrong = ""

    def back(self) -> None:
        """The step before; the consent was given once and for all of it."""
        if self.step in (Step.RECORD, Step.AGREEMENT, Step.CHECK):
            self.step = STEPS[STEPS.index(self.step) - 1]
        self.wrong = ""

    # What can be done

    def can(self) -> Mapping[str, str]:
        """For each action why it does not work now; empty: it does."""
        taking, step = self.taking, self.step
        busy = taking.busy or ("it is recording" if taking.recording else "")
        takes = "" if step in _TAKES else _ELSEWHERE
        if step is Step.RECORD and self.full:
            takes = f"{self.voices.maximum_samples} samples are enough"
        record = ("" if step is Step.SOURCE else takes) or (
            "" if taking.microphone else "no microphone is chosen"
        )
        return {
            "accept": busy or ("" if step is Step.CONSENT else _ELSEWHERE),
            "mine": busy or ("" if step is Step.CONSENT else _ELSEWHERE),
            "record": taking.busy or record,
            "file": busy or takes,
            "page": busy or takes,
            "next": busy or self._next(),
            "previous": busy or ("" if step in (Step.RECORD, Step.AGREEMENT, Step.CHECK) else _ELSEWHERE),
            "drop": busy or self._drop(),
            "down": busy,
            "up": busy,
            "leave": "",
            "abandon": busy
            or ("" if self.draft is not None and self.speaker is None else "nothing was begun"),
            "help": "",
        }

    def _next(self) -> str:
        if self.step is Step.CONSENT:
            return "the consent comes first"
        if self.step is Step.RECORD and self.missing:
            return f"{self.missing} first"
        if self.step is Step.CHECK and not (self.checked is not None and self.checked.verified):
            return "a fresh sample that matches comes first"
        return ""

    def _drop(self) -> str:
        if self.step not in (Step.RECORD, Step.AGREEMENT):
            return _ELSEWHERE
        return "" if self.at else "no sample is there"
