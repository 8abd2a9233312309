"""Puts the rooms of voice together. Must never start a process: that happens with the first clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from govd.contract.voice_limits import NEAR_DUPLICATE_BITS
from govd.voice.enrollment.drafts import Drafts
from govd.voice.enrollment.enrolling import Speakers
from govd.voice.enrollment.requests import Requests
from govd.voice.enrollment.settling import Settling
from govd.voice.hearing import Hearing
from govd.voice.matching import Gallery
from govd.voice.phrases.challenges import Challenges
from govd.voice.phrases.phrasing import Phrasing
from govd.voice.replays import Replays
from govd.voice.service import Parts, Voices
from govd.voice.settings import settings_of

if TYPE_CHECKING:
    from govd.decisions.service import Decisions
    from govd.identities.service import Directory
    from govd.policy.service import Policies
    from govd.sealing import StateKey
    from govd.storage.ledger import Ledger
    from govd.voice.model import Captures, Encoder, Intake
    from govd.voice.phrases.phrasing import Elsewhere
    from govd.voice.settings import VoiceSettings


@dataclass(frozen=True)
class Machines:
    """What has processes of its own.

    Attributes:
        intakes: Of agents, and of operators: no agent's file keeps an operator waiting.
        encoder: Embeds for both.
    """

    intakes: tuple[Intake, Intake]
    encoder: Encoder


def build(
    *,
    ledger: Ledger,
    state_key: StateKey,
    policies: Policies,
    directory: Directory,
    decisions: Decisions,
    machines: Machines,
    captures: Captures | None,
    phrases: Elsewhere,
) -> Voices:
    """The service.

    Args:
        ledger: Where everything is written.
        state_key: Wraps the speakers' keys.
        policies: The policy in force.
        directory: Who is there.
        decisions: Declares what agents ask for.
        machines: What decodes and embeds.
        captures: What capture pages have recorded; None: there are none.
        phrases: What phrases need from elsewhere.
    """

    def settings() -> VoiceSettings:
        return settings_of(policies.current)

    encoder = machines.encoder
    replays = Replays(NEAR_DUPLICATE_BITS, state_key.mac)
    speakers = Speakers(state_key, settings)
    return Voices(
        Parts(
            ledger=ledger,
            encoder=encoder,
            hearing=Hearing(machines.intakes[0], encoder, state_key),
            operators_hearing=Hearing(machines.intakes[1], encoder, state_key),
            gallery=Gallery(state_key),
            replays=replays,
            speakers=speakers,
            requests=Requests(state_key, decisions, directory, speakers, replays, lambda: encoder.model),
            settling=Settling(speakers, settings, lambda: encoder.model),
            phrasing=Phrasing(
                state_key, Challenges(ledger.now), phrases, settings=settings, log_name=speakers.log_name
            ),
            drafts=Drafts(ledger.now),
            settings=settings,
            captures=captures,
        )
    )
