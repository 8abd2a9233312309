"""Votes on what was asked for with the owner's voice: not once that session was taken back.

Must never refuse a denial, nor what waited longer than its session stood.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from govd.contract.errors import ForbiddenError
from govd.policy.voicing import spoken
from govd.voice import channels, rules, sessions
from govd.voice.model import Party

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from govd.intents.content import Content
    from govd.reviews.service import BeforeApproval
    from govd.storage.ledger import Transaction
    from govd.voice.settings import VoiceSettings


def before_approval(settings: Callable[[], VoiceSettings]) -> BeforeApproval:
    """What is asked of each vote that approves. `settings`: what the policy says, asked at each use."""

    def check(transaction: Transaction, _operator: str, contents: Sequence[Content]) -> None:
        """Refuse an approval of requests whose voice session counts no more.

        Raises:
            ForbiddenError: some stand on a session that an operator ended, whose speaker was deleted, or that
                no channel of the policy vouches for any more.
        """
        counts, taken_back = partial(channels.counts, settings()), 0
        for found in contents:
            voice, declared = spoken(found.decision), found.declared
            if voice is not None:
                party = Party(agent=declared.agent, chat=rules.chat_of(declared.origin))
                taken_back += sessions.revoked(transaction.connection, party, voice.speaker, counts)
        if taken_back:
            raise _taken_back(taken_back, len(contents))

    return check


def _taken_back(count: int, of: int) -> ForbiddenError:
    return ForbiddenError(
        f"{count} of {of} requests were asked for in a voice session that was taken back since: revoked, the "
        "speaker deleted or enrolled anew, another model or voice in its place, or its channel dropped from "
        "the policy",
        hint="deny them, or let the owner show his voice in that chat again",
    )
