"""The dialog before votes on several jobs: what is signed for each of them, what is left out and why.

Must never sign anything but the reviews that it shows: it holds those reviews, not the jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govconsole.client.batch import WORDS, batch_document
from govconsole.screens.signing import Ask, SigningDialog, Typed

if TYPE_CHECKING:
    from govconsole.client.batch import Batch
    from govconsole.clock import Clock


class BatchDialog(SigningDialog):
    """Asks for votes, and where something cannot be undone, for the number of jobs in writing."""

    def __init__(self, batch: Batch, operator: str, clock: Clock) -> None:
        count = len(batch.ready)
        ask = Ask(
            batch_document(batch, operator),
            batch.verdict,
            f"Sign {count} vote{'s' * (count != 1)}: {WORDS[batch.verdict]}",
            reader="what each agent reads",
            reason="sealed, for each of the jobs",
            typed=_typed(batch, count) if batch.verdict == "approve" and batch.irreversible else None,
        )
        super().__init__(ask, clock)
        self.asked = batch


def _typed(batch: Batch, count: int) -> Typed:
    return Typed(
        f"◆ {batch.irreversible} cannot be undone: type {count}, the number of jobs",
        str(count),
        "Type the number of jobs: what cannot be undone is among them.",
    )
