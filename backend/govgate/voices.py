"""Clips of voices as a gate sends them: read once, bounded, and never named by where they lie.

Must never decide by a voice: govd keeps what was verified, and asks again at each intent.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from govd.contract.errors import BodyTooLargeError, UsageError
from govd.contract.text import visible
from govd.contract.voice import Chat, SpeakerName
from govd.contract.voice_limits import MAX_CLIP_BYTES
from govgate import calls
from govgate.calls import Form

if TYPE_CHECKING:
    from govd.contract.voice import Enrolled, Verification, VoiceSession
    from govgate.calls import Call

STDIN: Final = Path("-")
_ENDING: Final = re.compile(r"\.[A-Za-z0-9]{1,8}")
_CHATS: Final[TypeAdapter[str]] = TypeAdapter(Chat)
_NAMES: Final[TypeAdapter[str]] = TypeAdapter(SpeakerName)
_SHOWN: Final = 200


def verify(clip: str | Path | bytes, chat: str = "") -> Call[Verification]:
    """Whose voice a clip is.

    Raises:
        UsageError: there is no such file, or no such chat can be.
        BodyTooLargeError: it is larger than any clip may be.
    """
    return calls.verify_voice(_form(clip, {"chat": _checked(_CHATS, chat, "chat")}))


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
