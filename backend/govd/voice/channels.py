"""Who vouches for a chat, where the policy names channels: its adapter signs beside each clip.

Must never let a chat count that no channel has vouched for, once the policy names any (threats T23).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from govd.contract.channels import clip_sha256, opened, voucher
from govd.contract.errors import ForbiddenError
from govd.contract.voice import VoiceState
from govd.voice import sessions
from govd.voice.model import Party
from govd.voice.sessions import Standing

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from govd.voice.settings import VoiceSettings

FRESH: Final = timedelta(minutes=10)
"""How long after a note came in its line is good."""

AHEAD: Final = timedelta(minutes=1)
"""How far an adapter's clock may be ahead."""

_HINT: Final = "the channel's adapter signs: govgate voice sign; the agent passes it on: --signed LINE"


def vouched(settings: VoiceSettings, party: Party, data: bytes, signed: str, now: datetime) -> str:
    """By whom a clip is vouched for: what a session remembers; empty where the policy names no channels.

    Args:
        settings: The policy's.
        party: The agent and the chat that it says.
        data: The clip's file, as it was sent.
        signed: What came with it: see `ChannelWord`.
        now: The governed time.

    Raises:
        ForbiddenError: the policy names channels, and none of them vouches for this clip.
    """
    if not settings.channels:
        return ""
    named(settings, party.chat)
    channel = settings.channels[party.chat]
    if not signed:
        raise _refused("a clip of this chat counts with its channel's signature alone", settings)
    try:
        word = opened(signed, channel.key)
    except ForbiddenError as error:
        raise _refused(error.detail, settings) from None
    if (word.agent, word.chat, word.clip_sha256) != (party.agent, party.chat, clip_sha256(data)):
        raise _refused("the channel has signed another clip, or for another agent or chat", settings)
    if not -AHEAD <= now - word.sent_at <= FRESH:
        raise _refused("the channel's signature is not of the last ten minutes", settings)
    if word.sender not in channel.senders:
        raise _refused("the channel names a sender whose voice counts for nothing here", settings)
    return voucher(channel.key, word.sender)


def named(settings: VoiceSettings, chat: str) -> None:
    """Refuse a chat that nothing can verify.

    Raises:
        ForbiddenError: the policy names channels, and none of them is this chat's.
    """
    if settings.channels and chat not in settings.channels:
        raise _refused("the policy names the chats that can be verified, and this is none of them", settings)


def _refused(why: str, settings: VoiceSettings) -> ForbiddenError:
    return ForbiddenError(why, hint=_HINT, message=settings.messages["no_match"])


def counts(settings: VoiceSettings, chat: str, voucher_: str) -> bool:
    """Whether a session of that chat, begun with that voucher, counts by the policy of now."""
    if not settings.channels:
        return True
    channel = settings.channels.get(chat)
    return channel is not None and voucher_ in {voucher(channel.key, one) for one in channel.senders}


def standing(
    connection: Connection, settings: VoiceSettings, agent: str, chat: str, now: datetime
) -> Standing:
    """Where a chat stands: verified, and vouched for by the policy of now."""
    found = sessions.state(connection, Party(agent=agent, chat=chat), now)
    if found.state is VoiceState.VERIFIED and not counts(settings, chat, found.vouched):
        return Standing(VoiceState.EXPIRED)
    return found
