"""The dialog before a vote on one job.

Must never sign anything but the review that it shows: it holds that review, not the job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govconsole.client.statement import VERBS, short_id, signed_document
from govconsole.screens.signing import Ask, SigningDialog, Typed

if TYPE_CHECKING:
    from govconsole.client.review import Prepared
    from govconsole.clock import Clock
    from govd.contract.votes import Verdict


class VoteDialog(SigningDialog):
    """Asks for a vote.

    Args:
        prepared: The review that is shown, and that is signed.
        verdict: What is voted.
        operator: Who signs.
        clock: For the moment in which it is deaf.
        typed: Whether the end of the job's id has to be typed too.
    """

    def __init__(
        self, prepared: Prepared, verdict: Verdict, operator: str, clock: Clock, *, typed: bool = False
    ) -> None:
        document = signed_document(prepared, verdict, operator)
        wanted = _typed(prepared) if typed else None
        super().__init__(Ask(document, verdict, f"Sign: {VERBS[verdict][0]}", typed=wanted), clock)
        self.prepared = prepared
        self.verdict = verdict


def _typed(prepared: Prepared) -> Typed:
    end = short_id(prepared.detail.id)
    return Typed(
        f"◆ Type {end}, the end of the job's id",
        end,
        f"Type {end}: so much is at stake that a key press is too little.",
    )
