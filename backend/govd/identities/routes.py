"""Who is who: an agent about itself at the agents' door, everything else at the operators'."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from govd.api.bodies import documented, read_body
from govd.api.context import Context, answer
from govd.contract.system import (
    Agents,
    AgentSubmission,
    EnrolmentSubmission,
    Identities,
    IdentityView,
    Rotation,
    TokenIssued,
    TokenRenewed,
)
from govd.identities.model import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from govd.identities.model import Kind, State
    from govd.identities.service import Directory


def agent_router(context: Context, directory: Directory) -> APIRouter:
    """What an agent asks about itself."""
    routes = APIRouter(tags=["identity"])

    @routes.post("/v1/me/token", response_model=TokenRenewed)
    async def renew(request: Request) -> Response:
        """A fresh token for the same agent; the old one ends with its time."""
        agent = context.doorkeeper.admit(request, "agent")
        ttl = directory.longest_ttl(agent.name)
        token, until = await asyncio.to_thread(
            directory.issue, agent.name, ttl, f"agent:{agent.name}", drop=False
        )
        return answer(TokenRenewed(token=token, token_expires_at=until))

    return routes


def operator_router(context: Context, directory: Directory, on_agents: Callable[[], None]) -> APIRouter:
    """Agents, executors and operators. `on_agents` is called after the set of agents has changed."""
    routes = APIRouter(tags=["identities"])
    _lists(routes, context, directory)
    _tokens(routes, context, directory, on_agents)
    _states(routes, context, directory, on_agents)
    _enrolments(routes, context, directory)
    return routes


def _one(directory: Directory, kind: Kind, name: str) -> IdentityView:
    return next(view for view in directory.views(kind) if view.name == name)


def _lists(routes: APIRouter, context: Context, directory: Directory) -> None:
    """Who there is."""

    @routes.get("/v1/agents", response_model=Agents)
    async def agents(request: Request) -> Response:
        """Every agent."""
        context.doorkeeper.admit(request, "operator")
        return answer(Agents(identities=directory.agent_views()))

    @routes.get("/v1/executors", response_model=Identities)
    async def executors(request: Request) -> Response:
        """Every executor."""
        context.doorkeeper.admit(request, "operator")
        return answer(Identities(identities=directory.views("executor")))

    @routes.get("/v1/operators", response_model=Identities)
    async def operators(request: Request) -> Response:
        """Every operator."""
        context.doorkeeper.admit(request, "operator")
        return answer(Identities(identities=directory.views("operator")))


def _tokens(routes: APIRouter, context: Context, directory: Directory, on_agents: Callable[[], None]) -> None:
    """A new agent, or a new token of one."""

    @routes.post(
        "/v1/agents", status_code=201, response_model=TokenIssued, openapi_extra=documented(AgentSubmission)
    )
    async def add_agent(request: Request) -> Response:
        """Add an agent. Its token is in this answer and nowhere else."""
        operator = context.doorkeeper.admit(request, "operator")
        body = await read_body(request, AgentSubmission)
        identity = Identity(
            kind="agent",
            name=body.name,
            state="active",
            created_at=context.now(),
            added_by=operator.name,
            uid=body.uid,
            origins=tuple(body.origins),
        )
        ttl = timedelta(seconds=body.ttl_s)
        token = await asyncio.to_thread(directory.add_agent, identity, ttl, operator.name)
        on_agents()
        return answer(TokenIssued(identity=_one(directory, "agent", body.name), token=token), 201)

    @routes.post("/v1/agents/{name}/token", response_model=TokenIssued, openapi_extra=documented(Rotation))
    async def rotate(request: Request, name: str) -> Response:
        """A new token; the old ones end at once."""
        operator = context.doorkeeper.admit(request, "operator")
        body = await read_body(request, Rotation)
        token, _ = await asyncio.to_thread(
            directory.issue, name, timedelta(seconds=body.ttl_s), f"operator:{operator.name}", drop=True
        )
        return answer(TokenIssued(identity=_one(directory, "agent", name), token=token))


def _states(routes: APIRouter, context: Context, directory: Directory, on_agents: Callable[[], None]) -> None:
    """Who may act at present."""

    async def set_state(request: Request, name: str, state: State, kind: Kind = "agent") -> Response:
        operator = context.doorkeeper.admit(request, "operator")
        await asyncio.to_thread(directory.set_state, kind, name, state, operator.name)
        on_agents()
        return answer(_one(directory, kind, name))

    @routes.post("/v1/agents/{name}/suspend", response_model=IdentityView)
    async def suspend(request: Request, name: str) -> Response:
        """Nothing that this agent asks is decided, nothing that it holds is redeemed."""
        return await set_state(request, name, "suspended")

    @routes.post("/v1/agents/{name}/resume", response_model=IdentityView)
    async def resume(request: Request, name: str) -> Response:
        """End a suspension."""
        return await set_state(request, name, "active")

    @routes.post("/v1/executors/{name}/suspend", response_model=IdentityView)
    async def suspend_executor(request: Request, name: str) -> Response:
        """This executor mints and redeems nothing."""
        return await set_state(request, name, "suspended", "executor")

    @routes.post("/v1/executors/{name}/resume", response_model=IdentityView)
    async def resume_executor(request: Request, name: str) -> Response:
        """End a suspension; the token stays bound to the user who showed it first."""
        return await set_state(request, name, "active", "executor")

    @routes.delete("/v1/agents/{name}", response_model=IdentityView)
    async def remove(request: Request, name: str) -> Response:
        """Remove an agent; its name is never given again."""
        return await set_state(request, name, "removed")


def _enrolments(routes: APIRouter, context: Context, directory: Directory) -> None:
    """What an operator signs."""

    @routes.post(
        "/v1/enrolments",
        status_code=201,
        response_model=IdentityView,
        openapi_extra=documented(EnrolmentSubmission),
    )
    async def enrol(request: Request) -> Response:
        """Add or remove an operator or an executor, on an operator's signature."""
        operator = context.doorkeeper.admit(request, "operator")
        body = await read_body(request, EnrolmentSubmission)
        enrolment = body.enrolment
        await asyncio.to_thread(directory.enrol, enrolment, body.signature, operator.name)
        return answer(_one(directory, enrolment.kind, enrolment.name), 201)
