"""What whoever sent a clip is told of it. Pure. Must never say of a miss how near it came to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract.voice import UNKNOWN_SPEAKER, Verification
from govd.contract.voice_texts import filled

if TYPE_CHECKING:
    from govd.contract.voice import ModelView
    from govd.voice.matching import Match
    from govd.voice.model import Heard
    from govd.voice.settings import VoiceSettings

MISS_DIGITS: Final = 2
MATCH_DIGITS: Final = 4


def weak(match: Match, model: ModelView, settings: VoiceSettings) -> bool:
    """Whether a match is below what counts as sure."""
    return match.score < (
        model.low_confidence if settings.low_confidence is None else settings.low_confidence
    )


def hit(heard: Heard, model: ModelView, settings: VoiceSettings, match: Match) -> Verification:
    """A match."""
    low, score = weak(match, model, settings), round(match.score, MATCH_DIGITS)
    percent = str(round(match.score * 100))
    return Verification(
        verified=True,
        speaker=match.name,
        confidence=score,
        threshold=model.threshold,
        scores={match.name: score},
        message=filled(settings.messages["low_confidence"], percent=percent) if low else "",
        low_confidence=low,
        admin=settings.owner == match.name and match.heard,
        quality=heard.quality,
    )


def miss(heard: Heard, model: ModelView, settings: VoiceSettings, score: float = 0.0) -> Verification:
    """A miss. `score`: for an operator alone; how near an agent came would be a hill for it to climb."""
    return Verification(
        verified=False,
        speaker=UNKNOWN_SPEAKER,
        confidence=round(score, MISS_DIGITS),
        threshold=model.threshold,
        message=settings.messages["no_match"],
        quality=heard.quality,
    )
