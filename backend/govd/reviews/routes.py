"""The operators' door: jobs, votes, revocation, unknown outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from govd.api.bodies import documented, read_body
from govd.api.context import Context, answer
from govd.api.parameters import Uuid  # noqa: TC001 - FastAPI reads the annotation
from govd.contract.errors import ReviewStaleError
from govd.contract.intents import IntentDetail, Resolution
from govd.contract.jobs import JobDetail, JobPage
from govd.contract.system import Revocation
from govd.contract.votes import VoteSubmission
from govd.contract.wire import Name
from govd.jobs import store
from govd.reviews import views

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from govd.reviews.service import Reviews
    from govd.sealing import StateKey

Which = Literal["held", "open", "settled", "all"]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(pattern=r"^[0-9]{1,12}$")]
AgentName = Annotated[Name | None, Query()]


def router(context: Context, reviews: Reviews, state_key: StateKey) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["jobs"])

    async def shown(job: str) -> Response:
        return answer(await context.read(lambda connection: reviews.detail(connection, job)))

    @routes.get("/v1/jobs", response_model=JobPage)
    async def jobs(
        request: Request,
        state: Which = "held",
        limit: Limit = 100,
        cursor: Cursor = None,
        agent: AgentName = None,
    ) -> Response:
        """A page of jobs: the riskiest first while they are open, the latest first once settled."""
        context.doorkeeper.admit(request, "operator")

        def query(connection: Connection) -> JobPage:
            rows, total = store.page(connection, select_=state, agent=agent, cursor=cursor, limit=limit)
            end = int(cursor or 0) + len(rows)
            found = [views.summary(connection, row, state_key) for row in rows]
            return JobPage(jobs=found, next=str(end) if end < total else None, total=total)

        return answer(await context.read(query))

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
            raise ReviewStaleError("another policy is in force: the job was decided again, look at it again")
        return await shown(job)

    @routes.post("/v1/jobs/{job}/revoke", response_model=JobDetail, openapi_extra=documented(Revocation))
    async def revoke(request: Request, job: Uuid) -> Response:
        """Take back everything of a job that has not been redeemed."""
        operator = context.doorkeeper.admit(request, "operator")
        body = await read_body(request, Revocation)
        await context.write(reviews.revoke(operator.name, job, body.reason))
        return await shown(job)

    @routes.post(
        "/v1/intents/{intent}/resolution", response_model=IntentDetail, openapi_extra=documented(Resolution)
    )
    async def resolve(request: Request, intent: Uuid) -> Response:
        """Say what became of an action whose outcome nobody knows."""
        operator = context.doorkeeper.admit(request, "operator")
        body = await read_body(request, Resolution)
        return answer(await context.write(reviews.resolve(operator.name, intent, body)))

    return routes
