"""What the Voices screen lists, and where its cursor stands: by what it is, never by its place.

Must never hold a sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.contract.voice import Draft, LockView, SessionView, SpeakerView, Voices, WaitingSample

T = TypeVar("T")
Kind = Literal["", "model", "draft", "speaker", "waiting", "session", "lock"]


@dataclass(frozen=True)
class Entry:
    """One thing in the list."""

    kind: Kind
    key: str


NONE = Entry("", "")


class VoiceList:
    """The voices as they last came, and the cursor."""

    def __init__(self) -> None:
        self.voices: Voices | None = None
        self.unknown = ""
        """Why there are none to list, where the backend answered."""
        self._at = NONE
        self._place = 0
        self._expected = NONE

    def take(self, voices: Voices | None) -> None:
        """The backend answered; the cursor stays on what it was on, else near where that was.

        `voices`: None: it knows of none.
        """
        self.voices = voices
        self.unknown = "" if voices is not None else "this backend knows no voices: it is an older govd"
        self._settle()

    def _settle(self) -> None:
        entries = self.entries
        if self._expected in entries:
            self._at, self._expected = self._expected, NONE
        if self._at in entries:
            self._place = entries.index(self._at)
        elif entries:
            self._place = max(0, min(self._place, len(entries) - 1))
            self._at = entries[self._place]
        else:
            self._at = NONE

    @property
    def entries(self) -> list[Entry]:
        """All of them, in the order of the screen."""
        voices = self.voices
        if voices is None:
            return []
        return [
            *(Entry("draft", one.id) for one in voices.drafts),
            *(Entry("speaker", one.name) for one in voices.speakers),
            *(Entry("waiting", one.id) for one in voices.waiting),
            *(Entry("session", one.id) for one in voices.sessions),
            *(Entry("lock", f"{one.agent} {one.chat}") for one in voices.locks),
            Entry("model", "model"),
        ]

    @property
    def at(self) -> Entry:
        """What the cursor is on."""
        return self._at

    def select(self, entry: Entry) -> None:
        """Put the cursor there, if it is still there."""
        if entry in self.entries:
            self._at = entry
            self._settle()

    def expect(self, entry: Entry) -> None:
        """Put the cursor there when it comes."""
        self._expected = entry
        self._settle()

    def move(self, by: int) -> None:
        """Move the cursor."""
        entries = self.entries
        if entries:
            self._place = max(0, min(self._place + by, len(entries) - 1))
            self._at = entries[self._place]

    # What it is on

    @property
    def draft(self) -> Draft | None:
        """The enrollment under way that is under the cursor."""
        return self._found("draft", self.voices.drafts if self.voices else (), "id")

    @property
    def speaker(self) -> SpeakerView | None:
        """The speaker under the cursor."""
        return self._found("speaker", self.voices.speakers if self.voices else (), "name")

    @property
    def waiting(self) -> WaitingSample | None:
        """The waiting sample under the cursor."""
        return self._found("waiting", self.voices.waiting if self.voices else (), "id")

    @property
    def session(self) -> SessionView | None:
        """The session under the cursor."""
        return self._found("session", self.voices.sessions if self.voices else (), "id")

    @property
    def lock(self) -> LockView | None:
        """The lock under the cursor."""
        locks = self.voices.locks if self.voices else ()
        return next(
            (one for one in locks if self._at == Entry("lock", f"{one.agent} {one.chat}")),
            None,
        )

    def _found(self, kind: Kind, items: Sequence[T], name: str) -> T | None:
        if self._at.kind != kind:
            return None
        return next((one for one in items if getattr(one, name) == self._at.key), None)
