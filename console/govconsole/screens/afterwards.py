"""After a decision: the dialogs in which an operator resolves an unknown outcome, or revokes an approval.

Must never sign anything but what the dialog showed: it holds the action, or the job, and fetches none anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from govconsole.client.review import checked_sha256
from govconsole.client.settling import ENDS, resolution_document, revocation_document
from govconsole.messages import Refused, Settled
from govconsole.screens.passphrase import unlocked
from govconsole.screens.signing import Ask, Choice, SigningDialog
from govd.contract.errors import GovError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from textual.screen import Screen

    from govconsole.client.afterwards import Status
    from govconsole.client.known import Known
    from govconsole.client.review import Words
    from govconsole.session import Session

_KEPT = "Say why: it is kept with what you sign."


def ask_resolution(screen: Screen[Any], session: Session, known: Known) -> None:
    """Have the operator say what became of the first action of a job that nobody reported on.

    Raises:
        IntegrityError: the action is not the one whose hash the backend states, or of another job.
    """
    first, *more = known.unresolved
    checked_sha256(known.detail, first)
    document = resolution_document(first, session.operator, len(more))
    choice = Choice(
        "What became of it? Type ran, failed or not run",
        ENDS,
        "Type what became of it: ran, failed or not run.",
    )
    ask = Ask(
        document,
        "deny",
        "Sign: what became of it",
        reason="how you know; sealed, its commitment is signed",
        missed="Say how you know: it is kept with what you sign.",
        choice=choice,
    )

    async def sign(words: Words) -> str:
        found = await session.resolve(first, cast("Status", words.choice), words.reason)
        return f"resolved as {found.state}: {known.detail.title}"

    _ask(screen, session, ask, known.detail.id, sign)


def ask_revocation(screen: Screen[Any], session: Session, known: Known) -> None:
    """Have the operator take back what of a job has not been redeemed."""
    detail = known.detail
    ask = Ask(revocation_document(detail, session.operator), "deny", "Sign: revoke", missed=_KEPT)

    async def sign(words: Words) -> str:
        await session.revoke(detail.id, words.reason)
        return f"revoked: {detail.title}"

    _ask(screen, session, ask, detail.id, sign)


def _ask(
    screen: Screen[Any],
    session: Session,
    ask: Ask,
    job: str,
    sign: Callable[[Words], Awaitable[str]],
) -> None:
    """Show what is signed, have the key unlocked where it is locked, sign, and tell what came of it."""

    async def send(words: Words) -> None:
        try:
            told = await sign(words)
        except GovError as error:
            screen.post_message(Refused(job, error))
        else:
            screen.post_message(Settled(job, told))

    def confirmed(words: Words | None) -> None:
        if words is not None:
            unlocked(screen, session, lambda: screen.run_worker(send(words), group="verbs"))

    screen.app.push_screen(SigningDialog(ask, session.clock), confirmed)
