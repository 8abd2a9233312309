"""Clips of voices as a gate sends them: read once, bounded, and never named by where they lie.

Must never decide by a voice: govd keeps what was verified, and asks again at each intent.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from govd.contract import votekey
from govd.contract.channels import ChannelWord, clip_sha256
from govd.contract.channels import signed as signed_line
from govd.contract.errors import BodyTooLargeError, UsageError
from govd.contract.text import visible
from govd.contract.voice import Chat, SpeakerName
from govd.contract.voice_limits import MAX_CLIP_BYTES
from govd.contract.wire import Id
from govgate import calls
from govgate.calls import Form

if TYPE_CHECKING:
    from govd.contract.voice import Enrolled, Verification, VoiceSession
    from govd.contract.voicephrase import VoicePhrase
    from govgate.calls import Call

STDIN: Final = Path("-")
_ENDING: Final = re.compile(r"\.[A-Za-z0-9]{1,8}")
_CHATS: Final[TypeAdapter[str]] = TypeAdapter(Chat)
_NAMES: Final[TypeAdapter[str]] = TypeAdapter(SpeakerName)
_IDS: Final[TypeAdapter[str]] = TypeAdapter(Id)
_SHOWN: Final = 200


def verify(clip: str | Path | bytes, chat: str = "", signed: str = "", job: str = "") -> Call[Verification]:
    """Whose voice a clip is.

    Args:
        clip: Its file, or what stands in it.
        chat: Which chat it came from.
        signed: What the chat's channel has signed about it, where the policy names channels; see `sign`.
        job: Whose phrase is said in it; see `phrase`.

    Raises:
        UsageError: there is no such file, or no such chat or job can be.
        BodyTooLargeError: it is larger than any clip may be.
    """
    values = {"chat": _checked(_CHATS, chat, "chat")} | ({"signed": signed} if signed else {})
    values |= {"job": _checked(_IDS, job, "job")} if job else {}
    return calls.verify_voice(_form(clip, values))


def phrase(job: str, chat: str = "") -> Call[VoicePhrase]:
    """The phrase that opens a held job, to be said by the owner in a voice note of that chat.

    Raises:
        UsageError: no such chat or job can be.
    """
    return calls.voice_phrase(_checked(_IDS, job, "job"), _checked(_CHATS, chat, "chat"))


def sign(clip: str | Path | bytes, key: Path, *, agent: str, chat: str, sender: str) -> str:
    """What a channel's adapter hands to the agent beside a voice note, so that it counts (threats T23).

    Args:
        clip: The note as it came in, to the byte.
        key: The adapter's own key, as `ssh-keygen -t ed25519 -N ''` writes it, which the agent cannot read.
        agent: Which agent may use the note.
        chat: The NAME of the origin `channel:NAME`.
        sender: Who sent it, as the channel knows him.

    Raises:
        UsageError: there is no such file, or no such agent, chat or sender can be.
        ForbiddenError: the key cannot be read, may be read by others, or is none.
    """
    data = _bounded(clip if isinstance(clip, bytes) else _read(Path(clip)))
    try:
        word = ChannelWord(
            agent=agent, chat=chat, sender=sender, clip_sha256=clip_sha256(data), sent_at=datetime.now(UTC)
        )
    except ValidationError as error:
        raise UsageError(f"no such {error.errors()[0]['loc'][0]} can be") from None
    return signed_line(word, votekey.load(key, None))


def enroll(clip: str | Path | bytes, name: str) -> Call[Enrolled]:
    """Ask that a sample is taken in. Raises as `verify`."""
    return calls.enroll_voice(_form(clip, {"name": _checked(_NAMES, name, "name")}))


def session(chat: str = "") -> Call[VoiceSession]:
    """Whether a chat is verified.

    Raises:
        UsageError: no such chat can be.
    """
    return calls.voice_session(_checked(_CHATS, chat, "chat"))


def _form(clip: str | Path | bytes, values: dict[str, str]) -> Form:
    if isinstance(clip, bytes):
        return Form(_bounded(clip), "clip", values)
    path = Path(clip)
    # Where a file lies is nobody's business; its ending may help the decoder.
    ending = path.suffix if _ENDING.fullmatch(path.suffix) else ""
    return Form(_bounded(_read(path)), "clip" + ending, values)


def _read(path: Path) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read(MAX_CLIP_BYTES + 1)
    try:
        with path.open("rb") as file:
            return file.read(MAX_CLIP_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{visible(str(path), _SHOWN)}: {error.strerror}") from None


def _bounded(clip: bytes) -> bytes:
    if len(clip) > MAX_CLIP_BYTES:
        raise BodyTooLargeError(f"a clip has at most {MAX_CLIP_BYTES // 2**20} MiB")
    return clip


def _checked(adapter: TypeAdapter[str], value: str, what: str) -> str:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        raise UsageError(f"{visible(value, _SHOWN)} is no {what}") from None
