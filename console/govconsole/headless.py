"""The console without a screen: the same client, the same review, words on stdout.

Must never vote on a job that is not exactly the one whose token it was given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.client.amounts import left
from govconsole.client.content import content_document
from govconsole.client.describe import headline
from govconsole.client.document import Span, blank, field_line, plain, wrap
from govconsole.client.jobview import job_document
from govconsole.client.review import Words, prepare
from govconsole.client.row import Row
from govconsole.client.settling import resolution_document, revocation_document
from govd.contract.errors import ConflictError, GovError, IntegrityError, JobClosedError, ReviewStaleError
from govd.contract.limits import MAX_PAGE
from govd.contract.text import ascii_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from govconsole.client.afterwards import Status
    from govconsole.client.document import Document
    from govconsole.session import Session
    from govd.contract.jobs import JobDetail, JobsQuery
    from govd.contract.votes import Verdict

    Agreed = Callable[[Document], str]
    """Shows what is about to be signed, has it agreed to, and gives the passphrase of the key that signs."""

_DENIED, _EXPIRED = 5, 6
ENDS: Final = {"denied": _DENIED, "expired": _EXPIRED}
"""The exit code of a vote that came too late, by what the job had ended as; otherwise 1."""
_TITLE = 40


class JobEndedError(JobClosedError):
    """The job ended before the vote; the exit code says how."""

    def __init__(self, detail: JobDetail) -> None:
        super().__init__(f"job {detail.id} takes no vote any more: it is {detail.state}")
        self.exit = ENDS.get(str(detail.state), 1)


def machine(value: object) -> str:
    """JSON for programs, safe on a terminal too."""
    return ascii_json(value, indent=2)


async def list_jobs(
    session: Session, query: JobsQuery, *, most: int | None, as_json: bool, emit: Callable[[str], None]
) -> int:
    """Hand out the jobs of a selection, page after page as they come; how many there were.

    Args:
        session: Where they are.
        query: Which jobs, in which order.
        most: So many at most; None: all.
        as_json: As one JSON document, for programs.
        emit: Takes a piece of text of whole lines.
    """
    count, asked = 0, query
    now = session.clock.now()
    while most is None or count < most:
        left_over = MAX_PAGE if most is None else min(most - count, MAX_PAGE)
        page = await session.backend.jobs(asked.model_copy(update={"limit": left_over}))
        if as_json:
            # One document, in pieces: a hundred thousand jobs are never in memory together.
            pieces = [machine(job.model_dump(mode="json")) for job in page.jobs]
            if pieces:
                emit(("," if count else '{"jobs": [') + ",\n".join(pieces))
        elif page.jobs:
            emit("\n".join(_job_line(Row.of(job), now) for job in page.jobs))
        count += len(page.jobs)
        if page.next is None:
            break
        asked = query.model_copy(update={"after": page.next})
    if as_json:
        emit("]}" if count else '{"jobs": []}')
    return count


def _job_line(row: Row, now: datetime) -> str:
    return (
        f"{row.id}  {row.state:<12} {row.risk:>3}  {left(row.until, now):>8}"
        f"  {row.agent:<16}  {row.title[:_TITLE]}"
    )


async def show_job(
    session: Session, job: str, *, as_json: bool, width: int, say: Callable[[str], None]
) -> str:
    """One job as it is reviewed, with the token that a vote names."""
    detail = await session.backend.job(job)
    token: str | None = None
    try:
        token = prepare(detail).token
    except JobClosedError:
        pass
    except GovError as error:
        say(error.detail)
    if as_json:
        return machine(detail.model_dump(mode="json", by_alias=True) | {"review_token": token})
    document = job_document(detail, await session.voters() if detail.votes else None)
    if token is not None:
        document += [blank(), field_line("token", Span(token, "accent"))]
    return plain(wrap(document, width))


async def show_content(session: Session, job: str, *, width: int) -> str:
    """What the actions of a job would change or send, in full. Asking closes nothing."""
    detail = await session.backend.job(job, peek=True)
    return plain(wrap(await content_document(session.backend, detail, most=None), width))


async def vote(
    session: Session, job: str, token: str, verdict: Verdict, words: Words, passphrase: str
) -> str:
    """Vote on a job, if it is still the one that was shown.

    Raises:
        ReviewStaleError: the job is not any more what the token names.
        JobEndedError: it is settled.
    """
    detail = await session.backend.job(job, peek=True)
    if detail.hold is None:
        raise _nothing_held(detail)
    prepared = prepare(detail)
    if prepared.token != token:
        raise ReviewStaleError(
            "the job is not what that token names: nothing was signed",
            hint=f"look again: govconsole jobs show {detail.id}",
        )
    after = await session.vote(prepared, verdict, words, 0.0, passphrase)
    done = "approved" if verdict == "approve" else "denied"
    more = f" ({after.approvals} of {after.quorum} approvals)" if str(after.state) == "held" else ""
    return f"{done}: {Row.of(after).title}{more}; the job is {after.state}"


def _nothing_held(detail: JobDetail) -> ConflictError:
    if detail.waiting_holds:
        return ReviewStaleError(
            "what that token names is over, and something new waits: nothing was signed",
            hint=f"look at it: govconsole jobs show {detail.id}",
        )
    return JobEndedError(detail)


async def resolve(session: Session, intent: str, status: Status, reason: str, agreed: Agreed) -> str:
    """Sign what became of an action whose outcome nobody reported, once it was shown and agreed to."""
    shown = await session.intent(intent)
    passphrase = agreed(resolution_document(shown, session.operator, says=status))
    found = await session.resolve(shown, status, reason, passphrase)
    return f"intent {found.id} is {found.state}: {headline(found)}"


async def revoke(session: Session, job: str, reason: str, agreed: Agreed) -> str:
    """Sign that whatever of a job has not been redeemed is taken back, once that was shown and agreed to."""
    shown = await session.backend.job(job, peek=True)
    if shown.id != job:
        raise IntegrityError("the backend shows another job: nothing is signed")
    passphrase = agreed(revocation_document(shown, session.operator))
    after = await session.revoke(shown.id, reason, passphrase)
    return f"revoked: {Row.of(after).title}; the job is {after.state}"
