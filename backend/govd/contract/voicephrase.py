"""Phrases on the wire: what is to be said aloud, for which job, and until when.

Must never carry what was heard: a transcription is somebody else's text, and is compared where it arrives.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pydantic import Field

from govd.contract.voice import Chat
from govd.contract.wire import Id, Timestamp, Wire

LASTS: Final = timedelta(minutes=3)
"""How long a phrase can be said, by the governed clock."""


class PhraseRequest(Wire):
    """Asks for the phrase of a held job. `chat`: where it will be said, which is where the job came from."""

    job: Id
    chat: Chat = ""


class VoicePhrase(Wire):
    """A phrase, good once. An operator's own step-up has no `job`.

    `phrase`: what to say, to the word; a job's begins with the names of what it opens. `intents`: what of the
    job it is for, and nothing that comes later.
    """

    id: Id
    phrase: str
    job: Id | None = None
    chat: Chat = ""
    intents: list[Id] = Field(default_factory=list)
    expires_at: Timestamp
