"""What a phrase that was said opens: what it has named, and nothing else. Pure.

Must never let a phrase stand for an intent that was not asked about, or for more of one than was named aloud.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from govd.policy.voicing import capabilities_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from govd.contract.decisions import DecisionView
    from govd.policy.model import VoiceFacts


@dataclass(frozen=True)
class Said:
    """That the phrase of a job was said.

    Attributes:
        phrase: Its id.
        voice: By whom, and who vouches for it.
        opens: For which intents, by their ids, and which capabilities of each it has named.
    """

    phrase: str
    voice: VoiceFacts
    opens: Mapping[str, tuple[str, ...]]

    def covers(self, intent: str, decision: DecisionView) -> bool:
        """Whether all that this intent needs a voice for was named aloud; what needs none was not asked."""
        needed = capabilities_of(decision)
        return bool(needed) and set(needed) <= set(self.opens.get(intent, ()))
