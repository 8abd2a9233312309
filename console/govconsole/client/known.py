"""A job as it was fetched for review, with the review that a vote would be on, computed once.

Must never be made of anything but the very models that are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from govconsole.client.review import prepare
from govd.contract.errors import GovError
from govd.contract.intents import IntentState

if TYPE_CHECKING:
    from govconsole.client.review import Prepared
    from govd.contract.intents import IntentDetail
    from govd.contract.jobs import JobDetail

NEW_RECIPIENT = "new-recipient"


@dataclass(frozen=True)
class Known:
    """A job as it was fetched. `why`: why nothing can be signed, where `prepared` is None."""

    detail: JobDetail
    prepared: Prepared | None
    why: GovError | None

    @property
    def held(self) -> list[IntentDetail]:
        """What is up for a vote."""
        return list(self.detail.hold.intents) if self.detail.hold else []

    @property
    def votable(self) -> bool:
        """Whether a verb makes sense: also on an altered action, for the verb says why it is refused."""
        return self.prepared is not None or (
            self.detail.hold is not None and str(self.detail.state) == "held"
        )

    @property
    def needs_voice(self) -> bool:
        """Whether whoever approves what is up for a vote has to have shown his voice."""
        return self.detail.hold is not None and self.detail.hold.voice_required

    @property
    def unresolved(self) -> list[IntentDetail]:
        """What was redeemed, and nobody knows whether it ran."""
        return [one for one in self.detail.settled if one.state is IntentState.UNKNOWN]

    @property
    def approved(self) -> list[IntentDetail]:
        """What is approved and not redeemed: it can still be taken back."""
        return [one for one in self.detail.settled if one.state is IntentState.APPROVED]

    @property
    def careful(self) -> bool:
        """Whether it must have stood open before it may be approved: for good, or to somebody new."""
        return any(is_irreversible(intent) or pays_new(intent) for intent in self.held)


def known(detail: JobDetail) -> Known:
    """What is to be known of a job as it was fetched."""
    try:
        return Known(detail, prepare(detail), None)
    except GovError as error:
        return Known(detail, None, error)


def is_irreversible(intent: IntentDetail) -> bool:
    """Whether nothing undoes it."""
    return intent.decision.effect == "irreversible"


def pays_new(intent: IntentDetail) -> bool:
    """Whether a rule found that it reaches a recipient for the first time."""
    return any(NEW_RECIPIENT in (finding.rule, finding.code) for finding in intent.decision.findings)
