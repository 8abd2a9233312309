"""Phrases in the log: each given and then said once, and what was approved by one it was said for.

Must never let an approval pass for which no phrase stands before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from govd.audit.rules import Parsed

    _Purpose = tuple[str | None, str | None, tuple[str, ...]]
    """To which agent it was given, for which job and which of its intents."""

GIVEN: Final = "voice.phrase_given"
SAID: Final = "voice.phrase_said"


class Phrases:
    """Follows them through a log, from its first entry."""

    def __init__(self) -> None:
        self._given: dict[str, _Purpose] = {}
        self._said: dict[str, set[tuple[str | None, str | None]]] = {}
        """By the id of a phrase that was said: what it may approve, and has not so far (job, intent)."""

    def unspoken(self, parsed: Parsed) -> str:
        """What is wrong with an entry that a phrase was given or said; empty: nothing."""
        phrase, intents = parsed.details.get("phrase"), parsed.details.get("intents")
        if not isinstance(phrase, str) or not isinstance(intents, list):
            return "it names no phrase, or nothing that it is for"
        found = parsed.agent, parsed.job, tuple(map(str, intents))
        if parsed.type == GIVEN:
            if phrase in self._given:
                return "its phrase was given before"
            self._given[phrase] = found
            return ""
        if phrase in self._said or self._given.get(phrase) != found:
            return "its phrase was not given before it for this, or was said before"
        self._said[phrase] = {(parsed.job, str(intent)) for intent in intents}
        return ""

    def unasked(self, parsed: Parsed) -> str:
        """What is wrong with an approval that names a phrase; empty: nothing."""
        open_ = self._said.get(str(parsed.details.get("phrase")), set())
        if (parsed.job, parsed.intent) not in open_:
            return "it names a phrase that was not said before it for this intent, or approved it before"
        open_.discard((parsed.job, parsed.intent))
        return ""
