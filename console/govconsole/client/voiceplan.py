"""A voice that is to be enrolled or forgotten: what is shown of it, and signed, are one and the same.

Must never sign another picture than the one that was shown (threats T12, T24).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from govconsole.client.document import Document, Line, Span, blank, field_line, line
from govd.contract.voicechange import clips, deleting, enrolling, signed, told

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from govd.contract.voice import Draft, Voices
    from govd.contract.voicechange import Told, VoiceChangeSubmission

_WIDTH = 13


@dataclass(frozen=True)
class VoicePlan:
    """One change of a voice.

    Args:
        name: Whose.
        voices: The picture as it was shown.
        draft: What is saved, as it was shown; None: the voice is forgotten.
        sent: SHA-256 of each file that was sent from here.
    """

    name: str
    voices: Voices
    draft: Draft | None = None
    sent: frozenset[str] = frozenset()

    @property
    def foreign(self) -> int:
        """How many of the clips behind it were not sent from here."""
        return 0 if self.draft is None else len({one.text for one in clips(self.draft)} - self.sent)

    def told(self) -> list[Told]:
        """All that is signed, member by member."""
        return told(self.name, self.voices, self.draft)

    def signed(self, operator: str, key: Ed25519PrivateKey, at: datetime) -> VoiceChangeSubmission:
        """The statement, signed."""
        salt = secrets.token_hex(16)
        if self.draft is None:
            change = deleting(self.name, self.voices, salt, operator, at)
        else:
            change = enrolling(self.draft, self.voices, salt, operator, at)
        return signed(change, salt, key)


def plan_document(plan: VoicePlan, operator: str) -> Document:
    """What is signed, as a dialog shows it; a clip that was not sent from here is marked."""
    enrolls = plan.draft is not None
    word = Span("Enroll the voice of ", "good") if enrolls else Span("Forget the voice of ", "bad")
    found: Document = [
        line(word, Span(plan.name, "title"), hang=2),
        line(Span(f"You sign this with your vote key, as {operator}:", "dim")),
        blank(),
        *(_line(one, plan.sent) for one in plan.told()),
    ]
    if plan.foreign:
        count = len(clips(plan.draft)) if plan.draft is not None else 0
        said = f"{plan.foreign} of {count} clips were not sent from here: do you know where they come from?"
        found[2:2] = [line(Span("⚠ ", "warn"), Span(said, "warn"), hang=2)]
    if not enrolls:
        gone = "It cannot be undone: the template's key is destroyed, in every copy of the database too. "
        found += [blank(), line(gone + "Sessions of this voice end now.")]
    return found


def _line(one: Told, sent: frozenset[str]) -> Line:
    if not one.digest:
        return field_line(one.label, one.text, width=_WIDTH, indent=1)
    # Beside a narrow column of its own: 64 digits and no more fit on a row of 80.
    known = not one.clip or one.text in sent
    mark = Span("  ") if not one.clip else Span("✓ ", "good") if known else Span("⚠ ", "warn")
    return line(mark, Span(f"{one.label:<6}", "dim"), Span(one.text, "dim" if known else "warn"), indent=1)
