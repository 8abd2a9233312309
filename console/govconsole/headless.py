"""The console without a screen: the same client, the same review, words on stdout.

Must never vote on a job that is not exactly the one whose token it was given.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from govconsole.client.amounts import left
from govconsole.client.document import Span, blank, field_line, plain, wrap
from govconsole.client.jobview import Row, job_document
from govconsole.client.review import Words, prepare
from govd.contract.errors import ConflictError, GovError, JobClosedError, ReviewStaleError
from govd.contract.intents import Resolution

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from govconsole.session import Session
    from govd.contract.jobs import JobDetail
    from govd.contract.votes import Verdict

_DENIED, _EXPIRED = 5, 6
_ENDS = {"denied": _DENIED, "expired": _EXPIRED}
_TITLE = 40


class JobEndedError(JobClosedError):
    """The job ended before the vote; the exit code says how."""

    def __init__(self, detail: JobDetail) -> None:
        super().__init__(f"job {detail.id} takes no vote any more: it is {detail.state}")
        self.exit = _ENDS.get(str(detail.state), 1)


def machine(value: object) -> str:
    """JSON for programs, safe on a terminal too: nothing but printable ASCII, DEL included."""
    return json.dumps(value, ensure_ascii=True, indent=2).replace("\x7f", "\\u007f")


async def list_jobs(session: Session, state: str, *, as_json: bool) -> str:
    """All jobs of a state, page after page."""
    rows: list[Row] = []
    raw: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await session.backend.jobs(state, cursor=cursor)
        raw += [job.model_dump(mode="json") for job in page.jobs]
        rows += [Row.of(job) for job in page.jobs]
        cursor = page.next
        if cursor is None:
            break
    if as_json:
        return machine({"jobs": raw})
    now = session.clock.now()
    lines = [
        f"{row.id}  {row.state:<12} {row.risk:>3}  {left(row.until, now):>8}"
        f"  {row.agent:<16}  {row.title[:_TITLE]}"
        for row in rows
    ]
    return "\n".join(lines)


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
    document = job_document(detail)
    if token is not None:
        document += [blank(), field_line("token", Span(token, "accent"))]
    return plain(wrap(document, width))


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


async def resolve(
    session: Session, intent: str, status: Literal["succeeded", "failed", "not_run"], reason: str
) -> str:
    """Say what became of an action whose outcome nobody reported."""
    found = await session.backend.resolve(intent, Resolution(status=status, reason=reason))
    return f"intent {found.id} is {found.state}"
