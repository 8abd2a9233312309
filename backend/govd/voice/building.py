"""Puts the rooms of voice together. Must never start a process: that happens with the first clip."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from govd.contract.errors import VoiceUnavailableError
from govd.contract.voice_limits import NEAR_DUPLICATE_BITS
from govd.voice.drafts import Drafts
from govd.voice.enrolling import Speakers
from govd.voice.hearing import Hearing
from govd.voice.matching import Gallery
from govd.voice.replays import Replays
from govd.voice.requests import Requests
from govd.voice.service import Parts, Voices
from govd.voice.settings import settings_of
from govd.voice.settling import Settling

if TYPE_CHECKING:
    from govd.decisions.service import Decisions
    from govd.identities.service import Directory
    from govd.policy.service import Policies
    from govd.sealing import StateKey
    from govd.storage.ledger import Ledger
    from govd.voice.model import Captures, Clip, Encoder, Intake
    from govd.voice.settings import VoiceSettings


class LateIntake:
    """The intake, loaded with the first clip."""

    def __init__(self) -> None:
        self._made: Intake | None = None

    def take(self, data: bytes, *, name: str = "") -> Clip:
        """See `Intake`."""
        if self._made is None:
            try:
                module = importlib.import_module("govd.voice.intake.pool")
            except ImportError:
                raise VoiceUnavailableError("the decoder is not installed") from None
            self._made = module.ClipIntake()
        return self._made.take(data, name=name)

    def close(self) -> None:
        """See `Intake`."""
        if self._made is not None:
            self._made.close()


def build(
    *,
    ledger: Ledger,
    state_key: StateKey,
    policies: Policies,
    directory: Directory,
    decisions: Decisions,
    intake: Intake,
    encoder: Encoder,
    captures: Captures | None,
) -> Voices:
    """The service, over an intake and an encoder."""

    def settings() -> VoiceSettings:
        return settings_of(policies.current)

    replays = Replays(NEAR_DUPLICATE_BITS)
    speakers = Speakers(state_key, settings)
    return Voices(
        Parts(
            ledger=ledger,
            intake=intake,
            encoder=encoder,
            hearing=Hearing(intake, encoder, state_key),
            gallery=Gallery(state_key),
            replays=replays,
            speakers=speakers,
            requests=Requests(state_key, decisions, directory, speakers, replays, lambda: encoder.model),
            settling=Settling(speakers, settings, lambda: encoder.model),
            drafts=Drafts(ledger.now),
            settings=settings,
            captures=captures,
        )
    )
