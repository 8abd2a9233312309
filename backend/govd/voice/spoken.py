"""Votes on what was asked for with the owner's voice: not once that session was taken back.

Must never refuse a denial, nor what waited longer than its session stood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govd.contract.errors import ForbiddenError
from govd.policy.voicing import spoken
from govd.voice import rules, sessions
from govd.voice.model import Party

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.intents.content import Content
    from govd.storage.ledger import Transaction


def before_approval(transaction: Transaction, _operator: str, contents: Sequence[Content]) -> None:
    """Refuse an approval of requests whose voice session an operator ended, or whose speaker was deleted.

    Raises:
        ForbiddenError: some stand on a session that was taken back.
    """
    taken_back = 0
    for found in contents:
        voice, declared = spoken(found.decision), found.declared
        if voice is not None:
            party = Party(agent=declared.agent, chat=rules.chat_of(declared.origin))
            taken_back += sessions.revoked(transaction.connection, party, voice.speaker)
    if taken_back:
        raise ForbiddenError(
            f"{taken_back} of {len(contents)} requests were asked for in a voice session that was taken back "
            "since: revoked, the speaker deleted or enrolled anew, or another model or voice in its place",
            hint="deny them, or let the owner show his voice in that chat again",
        )
