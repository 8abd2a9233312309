"""Votes that need the operator's own voice: `voice: required` in the policy that holds.

Must never ask it of a denial, nor take a voice for a vote: the signature stays the stronger factor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from govd.intents.content import Content
    from govd.storage.ledger import Transaction

MEND: Final = "govconsole voices step-up FILE"


def voice_asked(
    stepped_up: Callable[[Connection, str], bool],
) -> Callable[[Transaction, str, Sequence[Content]], None]:
    """The check of a vote that approves.

    Args:
        stepped_up: Whether that operator's voice was verified, and the session still stands.

    Raises (from the check):
        ForbiddenError: a rule asks for his voice, and no step-up of his stands.
    """

    def check(transaction: Transaction, operator: str, contents: Sequence[Content]) -> None:
        if not any(content.decision.voice for content in contents):
            return
        if not stepped_up(transaction.connection, operator):
            raise ForbiddenError(
                "the policy asks for your voice beside this approval, and no step-up of yours stands",
                hint=MEND,
                voice_required=True,
            )

    return check
