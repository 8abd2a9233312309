"""The agents' door: jobs and intents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from govd.api.bodies import documented, read_body
from govd.api.context import Context, answer
from govd.api.parameters import Uuid  # noqa: TC001 - FastAPI reads the annotation
from govd.contract.intents import IntentState, IntentView, Submission
from govd.contract.jobs import JobSubmission, JobView
from govd.contract.limits import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from govd.contract.events import Event
    from govd.decisions.service import Decisions


SUBMIT = "/v1/intents"

Wait = Annotated[float, Query(ge=0, le=MAX_WAIT_SECONDS)]


def submitting(context: Context, decisions: Decisions) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of `SUBMIT`, which is also served by a shortcut."""

    async def submit(request: Request) -> Response:
        """Declare an intent; the answer is its decision, durable before it is given."""
        agent = context.doorkeeper.admit(request, "agent")
        body = await read_body(request, Submission)
        decided = await context.write(decisions.submit(agent, body))
        return Response(decided.json(), media_type="application/json")

    return submit


def router(context: Context, decisions: Decisions) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["intents"])

    @routes.post("/v1/jobs", status_code=201, response_model=JobView, openapi_extra=documented(JobSubmission))
    async def open_job(request: Request) -> Response:
        """Open a job: one purpose, many intents."""
        agent = context.doorkeeper.admit(request, "agent")
        body = await read_body(request, JobSubmission)
        return answer(await context.write(decisions.open_job(agent, body)), 201)

    @routes.get("/v1/jobs/{job}", response_model=JobView)
    async def show_job(request: Request, job: Uuid) -> Response:
        """A job of the caller's."""
        agent = context.doorkeeper.admit(request, "agent")
        return answer(await context.read(lambda c: decisions.job_view(c, job, agent.name)))

    @routes.post("/v1/jobs/{job}/deliver", response_model=JobView)
    async def deliver(request: Request, job: Uuid) -> Response:
        """Say that a job is done: every intent of it is settled."""
        agent = context.doorkeeper.admit(request, "agent")
        return answer(await context.write(decisions.deliver(agent, job)))

    @routes.post("/v1/jobs/{job}/cancel", response_model=JobView)
    async def cancel_job(request: Request, job: Uuid) -> Response:
        """Withdraw a job. Not while something of it runs: that is refused, with the ids of what does."""
        agent = context.doorkeeper.admit(request, "agent")
        return answer(await context.write(decisions.cancel_job(agent, job)))

    routes.post(SUBMIT, response_model=IntentView, openapi_extra=documented(Submission))(
        submitting(context, decisions)
    )

    @routes.get("/v1/intents/{intent}", response_model=IntentView)
    async def show_intent(request: Request, intent: Uuid, wait: Wait = 0) -> Response:
        """An intent; with `wait` the answer comes when it is no longer held, or after so many seconds."""
        asker = context.doorkeeper.admit(request, "agent", "executor")

        def look() -> IntentView:
            return context.ledger.read(lambda c: decisions.intent_view(c, intent, asker))

        def concerns(event: Event) -> bool:
            return event.intent == intent

        if wait > 0:
            who = f"{asker.kind}:{asker.name}"
            await context.hub.until(who, wait, concerns, lambda: look().state is not IntentState.HELD)
        return answer(await context.read(lambda c: decisions.intent_view(c, intent, asker)))

    @routes.post("/v1/intents/{intent}/cancel", response_model=IntentView)
    async def cancel_intent(request: Request, intent: Uuid) -> Response:
        """Withdraw an intent."""
        agent = context.doorkeeper.admit(request, "agent")
        return answer(await context.write(decisions.cancel_intent(agent, intent)))

    return routes
