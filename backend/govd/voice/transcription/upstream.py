"""The transcription upstream as an operator has set it, and its token. OpenAI's shape.

Must never hold a token longer than a call, nor take one from a file that others can read.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.connecting import Target, target
from govd.contract.errors import VoiceUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from govd.settings import Settings

_MOST_TOKEN: Final = 4096
_OTHERS: Final = 0o077
_MEND: Final = "govd doctor"


@dataclass(frozen=True)
class Upstream:
    """What an operator has set. `timeout`: seconds for all of it, from the name to the last byte."""

    target: Target
    model: str
    language: str
    token: Path | None
    authority: Path | None
    timeout: float


def upstream_of(settings: Settings) -> Upstream | None:
    """What the settings say; None: there is no upstream."""
    if settings.transcription_url is None:
        return None
    return Upstream(
        target(settings.transcription_url),
        settings.transcription_model,
        settings.transcription_language,
        settings.transcription_token,
        settings.transcription_ca,
        settings.transcription_timeout,
    )


def bearer(path: Path | None) -> str:
    """The token in a file that nobody else can read; empty: none is set.

    Raises:
        VoiceUnavailableError: there is no such file, others can read it, or it is no token.
    """
    if path is None:
        return ""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode) or info.st_mode & _OTHERS:
                raise failed(f"has a token that others can read: {path}", mend=f"chmod 600 {path}")
            raw = file.read(_MOST_TOKEN + 1)
    except OSError as error:
        raise failed(f"has no token: {path}: {error.strerror}") from None
    text = raw.decode("ascii", "replace").strip()
    if not text or len(raw) > _MOST_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
        raise failed(f"has no token: {path} is not one line of printable ASCII")
    return text


def failed(why: str, *, mend: str = _MEND) -> VoiceUnavailableError:
    """The upstream has no answer that counts. `why`: what it does, in our words and never in its own."""
    return VoiceUnavailableError(f"no phrase can be checked: the transcription upstream {why}", hint=mend)
