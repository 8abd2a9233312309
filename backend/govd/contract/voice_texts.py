"""The six sentences that agents say about voices, as the skill of old had them; a policy may change them.

Must never be put together from what an agent sent: the placeholders are a name, a percentage and a count.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT_ONLY: Final = (
    "I need to verify your identity before I can share that. Could you send me a voice note asking for it? "
    "Just say what you need — I'll verify your voice and then help you out."
)
"""An admin request without a valid voice session."""

NO_MATCH: Final = "I couldn't verify your identity. Please send a clearer voice note asking again."
"""A voice note that matches nobody, or another than the owner."""

NONE_ENROLLED: Final = (
    "Voice auth isn't set up yet. Send me 5-10 voice notes to enroll your voiceprint. Say anything naturally "
    "— different topics, moods, and lengths work best."
)
"""Nobody is enrolled."""

LOW_CONFIDENCE: Final = (
    "Your voice matched but confidence was lower than usual ({percent}%). If you're in a noisy environment, "
    "try again from a quieter spot."
)
"""It matched, below the model's value for a sure match."""

UNAVAILABLE: Final = (
    "The voice verification service is down, so I can't process sensitive requests right now. Check that the "
    "voice-auth service is running: `systemctl --user status voice-auth`"
)
"""No model, no worker, no decoder."""

ENROLLED: Final = (
    "Got it! You're enrolled with {samples} voice samples. I'll now recognize your voice for admin requests."
)
"""An enrollment is complete."""

MESSAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "text_only": TEXT_ONLY,
        "no_match": NO_MATCH,
        "none_enrolled": NONE_ENROLLED,
        "low_confidence": LOW_CONFIDENCE,
        "unavailable": UNAVAILABLE,
        "enrolled": ENROLLED,
    }
)
"""By their names in the policy's `voice.messages`."""

PLACEHOLDERS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"low_confidence": frozenset({"percent"}), "enrolled": frozenset({"samples"})}
)
"""What each text may have filled in; the others are said as they are."""


def filled(text: str, **values: str) -> str:
    """A text with its placeholders filled, and nothing else in it interpreted."""
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text
