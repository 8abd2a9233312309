"""From a verb to a cast vote: the review of what is shown, the dialog, the passphrase, the signature.

Must never let the review that is signed be another one than the dialog showed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from govconsole.client.batch import Batch, sort_out
from govconsole.client.known import known
from govconsole.messages import BatchCast, BatchGathered, Refused, VoteCast
from govconsole.screens.batch import BatchDialog
from govconsole.screens.passphrase import unlocked
from govconsole.screens.vote import VoteDialog
from govd.contract.errors import GovError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.screen import Screen

    from govconsole.client.known import Known
    from govconsole.client.review import Prepared, Words
    from govconsole.session import Session
    from govd.contract.jobs import JobDetail
    from govd.contract.votes import Verdict

_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Ballot:
    """One verdict on one review, on its way.

    Args:
        screen: Where the dialogs open, and which takes the messages.
        session: Signs and casts.
        prepared: The review, taken when the verb was called.
        verdict: What is voted.
        since: When the job came onto the screen, by the session's monotonic clock.
    """

    screen: Screen[None]
    session: Session
    prepared: Prepared
    verdict: Verdict
    since: float

    def ask(self) -> None:
        """Show what will be signed, and go on if it is confirmed."""
        dialog = VoteDialog(self.prepared, self.verdict, self.session.operator, self.session.clock)
        self.screen.app.push_screen(dialog, self._worded)

    def _worded(self, words: Words | None) -> None:
        if words is not None:
            unlocked(
                self.screen,
                self.session,
                lambda: self.screen.run_worker(self._cast(words), group="verbs"),
            )

    async def _cast(self, words: Words) -> None:
        shown = self.session.clock.monotonic() - self.since
        try:
            detail = await self.session.vote(self.prepared, self.verdict, words, shown)
        except GovError as error:
            self.screen.post_message(Refused(self.prepared.detail.id, error))
        else:
            self.screen.post_message(VoteCast(self.verdict, detail))


@dataclass
class BatchBallot:
    """One verdict on several jobs: each is fetched anew, shown in one dialog, and gets a vote of its own.

    Args:
        screen: Where the dialog opens, and which takes the messages.
        session: Signs and casts.
        jobs: The jobs, by id, with the words that they are told by where they cannot be fetched.
        verdict: What is voted.
        opened: The tokens of the reviews that stood open before the operator, by job.
        voice: Whether the operator's own voice stands.
    """

    screen: Screen[None]
    session: Session
    jobs: Mapping[str, str]
    verdict: Verdict
    opened: Mapping[str, str]
    voice: bool = True
    _since: float = field(default=0.0)

    def gather(self) -> None:
        """Fetch the jobs; `BatchGathered` comes when they are there."""
        self.screen.run_worker(self._gather(), group="verbs")

    async def _gather(self) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(job: str) -> Known | tuple[str, str]:
            async with gate:
                try:
                    return known(await self.session.backend.job(job))
                except GovError as error:
                    return self.jobs[job], error.detail

        found = await asyncio.gather(*(one(job) for job in self.jobs))
        ready, left_out = sort_out(
            [item for item in found if not isinstance(item, tuple)],
            self.verdict,
            self.opened,
            voice=self.voice,
        )
        missed = [item for item in found if isinstance(item, tuple)]
        self.screen.post_message(BatchGathered(self, Batch(self.verdict, ready, [*left_out, *missed])))

    def ask(self, batch: Batch) -> None:
        """Show what will be signed for each job, and go on if it is confirmed."""
        self._since = self.session.clock.monotonic()

        def worded(words: Words | None) -> None:
            if words is not None:
                unlocked(
                    self.screen,
                    self.session,
                    lambda: self.screen.run_worker(self._cast(batch, words), group="verbs"),
                )

        self.screen.app.push_screen(BatchDialog(batch, self.session.operator, self.session.clock), worded)

    async def _cast(self, batch: Batch, words: Words) -> None:
        done: list[JobDetail] = []
        refused: list[tuple[str, GovError]] = []
        shown = self.session.clock.monotonic() - self._since
        for prepared in batch.ready:
            try:
                done.append(await self.session.vote(prepared, batch.verdict, words, shown))
            except GovError as error:
                refused.append((prepared.detail.title, error))
        self.screen.post_message(BatchCast(batch.verdict, done, refused))
