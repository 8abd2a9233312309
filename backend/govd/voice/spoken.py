"""Votes on what was asked for with the owner's voice: not once that session was taken back.

Nor before the phrase of the job was said, where the policy asks for one; and what a phrase alone has approved
does not run once its ground is gone. Must never refuse a denial, nor what
waited longer than its session stood.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from govd.contract.errors import ForbiddenError
from govd.policy.voicing import lacks_phrase, spoken
from govd.voice import channels, rules, sessions, store
from govd.voice.model import Party

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from govd.attestations.service import PhraseStands
    from govd.intents.content import Content
    from govd.intents.model import Declared
    from govd.policy.model import VoiceFacts
    from govd.reviews.service import BeforeApproval
    from govd.storage.ledger import Transaction
    from govd.voice.settings import VoiceSettings


def before_approval(settings: Callable[[], VoiceSettings]) -> BeforeApproval:
    """What is asked of each vote that approves. `settings`: what the policy says, asked at each use."""

    def check(transaction: Transaction, _operator: str, contents: Sequence[Content]) -> None:
        """Refuse an approval of requests whose voice session counts no more.

        Raises:
            ForbiddenError: some stand on a session that an operator ended, whose speaker was deleted, or that
                no channel of the policy vouches for any more; or the job's phrase is required, and unsaid.
        """
        if settings().phrase == "required" and any(lacks_phrase(one.decision) for one in contents):
            raise _unsaid(contents[0].declared)
        counts, taken_back = partial(channels.counts, settings()), 0
        for found in contents:
            voice, declared = spoken(found.decision), found.declared
            if voice is not None:
                party = Party(agent=declared.agent, chat=rules.chat_of(declared.origin))
                taken_back += sessions.revoked(transaction.connection, party, voice.speaker, counts)
        if taken_back:
            raise _taken_back(taken_back, len(contents))

    return check


def still_stands(settings: Callable[[], VoiceSettings]) -> PhraseStands:
    """Whether what a phrase has approved may run: its enrollment stands, and its session was not taken back.

    Args:
        settings: What the policy says, asked at each use.
    """

    def check(connection: Connection, declared: Declared, voice: VoiceFacts) -> bool:
        party = Party(agent=declared.agent, chat=rules.chat_of(declared.origin))
        counts = partial(channels.counts, settings())
        enrolled = store.standing(connection, voice.speaker or "") == voice.enrolment
        return enrolled and not sessions.revoked(connection, party, voice.speaker, counts)

    return check


def _unsaid(declared: Declared) -> ForbiddenError:
    chat = rules.chat_of(declared.origin)
    return ForbiddenError(
        "the policy asks for the phrase of this job, said by the owner in its chat, and it was not said",
        hint=f"the agent asks for it: govgate voice phrase {declared.job}{f' --chat {chat}' if chat else ''}",
    )


def _taken_back(count: int, of: int) -> ForbiddenError:
    return ForbiddenError(
        f"{count} of {of} requests were asked for in a voice session that was taken back since: revoked, the "
        "speaker deleted or enrolled anew, another model or voice in its place, or its channel dropped from "
        "the policy",
        hint="deny them, or let the owner show his voice in that chat again",
    )
