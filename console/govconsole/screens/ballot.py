"""From a verb to a cast vote: the review of what is shown, the dialog, the passphrase, the signature.

Must never let the review that is signed be another one than the dialog showed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from govconsole.client.review import Prepared, Words, prepare
from govconsole.messages import Refused, VoteCast
from govconsole.screens.passphrase import PassphraseDialog
from govconsole.screens.vote import VoteDialog
from govd.contract.errors import GovError

if TYPE_CHECKING:
    from textual.screen import Screen

    from govconsole.session import Session
    from govd.contract.jobs import JobDetail
    from govd.contract.votes import Verdict


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
        if words is None:
            return
        if self.session.keys.unlocked:
            self.screen.run_worker(self._cast(words), group="verbs")
            return

        def opened(passphrase: str | None) -> None:
            if passphrase is not None:
                self.screen.run_worker(self._cast(words, passphrase), group="verbs")

        self.screen.app.push_screen(PassphraseDialog(self.session.operator, self.session.clock), opened)

    async def _cast(self, words: Words, passphrase: str | None = None) -> None:
        shown = self.session.clock.monotonic() - self.since
        try:
            detail = await self.session.vote(self.prepared, self.verdict, words, shown, passphrase)
        except GovError as error:
            self.screen.post_message(Refused(self.prepared.detail.id, error))
        else:
            self.screen.post_message(VoteCast(self.verdict, detail))


def votable(detail: JobDetail) -> bool:
    """Whether a verb makes sense: also on an altered action, since the verb itself says why it is refused."""
    try:
        prepare(detail)
    except GovError:
        return detail.hold is not None and str(detail.state) == "held"
    return True
