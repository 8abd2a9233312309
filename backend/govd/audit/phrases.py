"""Phrases in the log: each given and then said once, and what was approved by one it was said for.

Must never let an approval pass for which no phrase stands before it: of its chat, in time, vouched for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from govd.contract.voicephrase import LASTS

if TYPE_CHECKING:
    from datetime import datetime

    from govd.audit.rules import Parsed

GIVEN: Final = "voice.phrase_given"
SAID: Final = "voice.phrase_said"


@dataclass
class _Phrase:
    """A phrase that was given.

    Attributes:
        purpose: To which agent, for which job and intents, and in which chat, as the log writes it.
        ends: From when on nobody can have said it.
        said: Whether it was.
        open: What it may approve and has not (job, intent): nothing until it was said and vouched for.
    """

    purpose: tuple[str | None, str | None, tuple[str, ...], str]
    ends: datetime
    said: bool = False
    open: set[tuple[str | None, str | None]] = field(default_factory=set)


class Phrases:
    """Follows them through a log, from its first entry."""

    def __init__(self) -> None:
        self._given: dict[str, _Phrase] = {}

    def unspoken(self, parsed: Parsed) -> str:
        """What is wrong with an entry that a phrase was given or said; empty: nothing."""
        id_, intents = parsed.details.get("phrase"), parsed.details.get("intents")
        if not isinstance(id_, str) or not isinstance(intents, list):
            return "it names no phrase, or nothing that it is for"
        purpose = parsed.agent, parsed.job, tuple(map(str, intents)), str(parsed.details.get("chat", ""))
        found = self._given.get(id_)
        if parsed.type == GIVEN:
            if found is not None:
                return "its phrase was given before"
            self._given[id_] = _Phrase(purpose, parsed.moment + LASTS)
            return ""
        if found is None or found.said or found.purpose != purpose:
            return "its phrase was not given before it for this, or was said before"
        found.said = True
        if parsed.moment >= found.ends:
            return "its phrase was over by then"
        if parsed.details.get("vouched") is True:
            found.open = {(parsed.job, str(intent)) for intent in intents}
        return ""

    def unasked(self, parsed: Parsed) -> str:
        """What is wrong with an approval that names a phrase; empty: nothing."""
        found = self._given.get(str(parsed.details.get("phrase")))
        intent = parsed.job, parsed.intent
        if found is None or intent not in found.open or parsed.moment >= found.ends:
            return _UNASKED
        found.open.discard(intent)
        return ""


_UNASKED: Final = (
    "it names a phrase that was not said before it for this intent, in its time and vouched for, "
    "or approved it before"
)
