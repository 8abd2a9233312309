"""The operators' door: jobs, votes, revocation, unknown outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from govd.api.bodies import documented, read_body
from govd.api.context import Context, answer
from govd.api.errors import invalid
from govd.api.parameters import Uuid  # noqa: TC001 - FastAPI reads the annotation
from govd.contract.afterwards import ResolutionSubmission, RevocationSubmission
from govd.contract.errors import ReviewStaleError
from govd.contract.intents import IntentDetail
from govd.contract.jobs import Cursor, JobDetail, JobPage, JobsQuery, Order, Selection
from govd.contract.limits import MAX_FILTER, MAX_IDS, MAX_PAGE
from govd.contract.votes import VoteSubmission
from govd.reviews import listing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from govd.reviews.afterwards import Afterwards
    from govd.reviews.service import Reviews
    from govd.sealing import StateKey

_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_IDS = f"^{_ID}(,{_ID})*$"

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Filter = Annotated[str, Query(max_length=MAX_FILTER)]
At = Annotated[Cursor | None, Query()]
Ids = Annotated[str | None, Query(pattern=_IDS, max_length=MAX_IDS * 37)]


def _asked(
    *,
    state: Selection = "held",
    filter: Filter = "",  # noqa: A002 - the parameter's name
    sort: Order | None = None,
    limit: Limit = 100,
    after: At = None,
    before: At = None,
    end: bool = False,
    ids: Ids = None,
) -> JobsQuery:
    try:
        return JobsQuery(
            state=state,
            filter=filter,
            sort=sort,
            limit=limit,
            after=after,
            before=before,
            end=end,
            ids=None if ids is None else tuple(dict.fromkeys(ids.split(","))),
        )
    except ValidationError as error:
        raise invalid(error, "/query") from None


def router(context: Context, reviews: Reviews, afterwards: Afterwards, state_key: StateKey) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["jobs"])

    async def shown(job: str) -> Response:
        return answer(await context.read(lambda connection: reviews.detail(connection, job)))

    @routes.get("/v1/jobs", response_model=JobPage)
    async def jobs(request: Request, asked: Annotated[JobsQuery, Depends(_asked)]) -> Response:
        """A page of jobs: the riskiest first while open, else by the latest change or the newest.

        A page begins `after` a cursor, ends `before` one, or is the last (`end`). `ids`: of these jobs those
        that are of the selection, without pages.
        """
        context.doorkeeper.admit(request, "operator")
        now = context.now()
        return answer(await context.read(lambda connection: listing.page(connection, asked, state_key, now)))

    @routes.get("/v1/jobs/{job}", response_model=JobDetail)
    async def show(request: Request, job: Uuid, *, peek: bool = False) -> Response:
        """One job. Asking closes its open hold, so that nothing slips into the review; `peek` does not."""
        context.doorkeeper.admit(request, "operator")
        if not peek:
            await context.write(reviews.close_hold(job))
        return await shown(job)

    @routes.post("/v1/jobs/{job}/votes", response_model=JobDetail, openapi_extra=documented(VoteSubmission))
    async def vote(request: Request, job: Uuid) -> Response:
        """A signed vote on the hold under review."""
        operator = context.doorkeeper.admit(request, "operator")
        body = await read_body(request, VoteSubmission)
        if not await context.write(reviews.vote(operator.name, job, body)):
            raise ReviewStaleError("the policy or a total has changed since: look at the job again")
        return await shown(job)

    _add_afterwards(routes, context, afterwards, shown)
    return routes


def _add_afterwards(
    routes: APIRouter, context: Context, afterwards: Afterwards, shown: Callable[[str], Awaitable[Response]]
) -> None:
    """What an operator signs about a job that was settled already."""

    @routes.post(
        "/v1/jobs/{job}/revoke", response_model=JobDetail, openapi_extra=documented(RevocationSubmission)
    )
    async def revoke(request: Request, job: Uuid) -> Response:
        """Take back everything of a job that has not been redeemed, on an operator's signature."""
        operator = context.doorkeeper.admit(request, "operator")
        body = await read_body(request, RevocationSubmission)
        await context.write(afterwards.revoke(operator.name, job, body))
        return await shown(job)

    @routes.get("/v1/intents/{intent}", response_model=IntentDetail)
    async def show_intent(request: Request, intent: Uuid) -> Response:
        """One intent, for whoever is about to sign what became of it."""
        context.doorkeeper.admit(request, "operator")
        return answer(await context.read(lambda connection: afterwards.intent(connection, intent)))

    @routes.post(
        "/v1/intents/{intent}/resolution",
        response_model=IntentDetail,
        openapi_extra=documented(ResolutionSubmission),
    )
    async def resolve(request: Request, intent: Uuid) -> Response:
        """Say what became of an action whose outcome nobody knows, on an operator's signature."""
        operator = context.doorkeeper.admit(request, "operator")
        body = await read_body(request, ResolutionSubmission)
        return answer(await context.write(afterwards.resolve(operator.name, intent, body)))
