"""What the policy in force says of voices, with the defaults where it says nothing.

Must never come from a caller: thresholds are the model's, everything else the operator's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from govd.contract.voice_texts import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from govd.policy.model import CompiledChannel, CompiledPolicy

SESSION: Final = timedelta(hours=2)


@dataclass(frozen=True)
class VoiceSettings:
    """The policy's `voice:` block as this room needs it.

    Attributes:
        owner: The one speaker with admin scope; None: nobody has it.
        session: How long a verification stands.
        low_confidence: Below it a match is named weak; None: the model's own value.
        messages: The six texts by name.
        used: Whether the policy has the block.
        channels: The chats that can be verified, and who vouches for each; none: all, and nobody has to.
        phrase: What the phrase of a job is to an admin request.
    """

    owner: str | None = None
    session: timedelta = SESSION
    low_confidence: float | None = None
    messages: Mapping[str, str] = field(default_factory=lambda: dict(MESSAGES))
    used: bool = False
    channels: Mapping[str, CompiledChannel] = field(default_factory=dict)
    phrase: Literal["required", "optional", "approves"] = "optional"


def settings_of(policy: CompiledPolicy) -> VoiceSettings:
    """The settings of a compiled policy."""
    block: Any = getattr(policy, "voice", None)
    if block is None:
        return VoiceSettings()
    return VoiceSettings(
        block.owner,
        block.session,
        block.low_confidence,
        dict(block.messages),
        used=True,
        channels=block.channels,
        phrase=block.phrase,
    )
