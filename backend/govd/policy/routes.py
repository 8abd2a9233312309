"""The operators' door: the policy in force, its draft, its history, and putting another one in force."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from govd.api.bodies import documented, read_body
from govd.api.context import Context, answer
from govd.contract.limits import MAX_POLICY_BYTES
from govd.contract.system import PolicyApplication, PolicyShown, PolicyVersion, Versions

if TYPE_CHECKING:
    from govd.policy.service import Policies

_ROOM_FOR_ESCAPES = 2


def router(context: Context, policies: Policies) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["policy"])

    def shown() -> PolicyShown:
        draft = policies.draft()
        return PolicyShown(
            version=policies.version(),
            source=policies.current.source.decode(),
            draft=None if draft is None else draft[0],
            draft_source=None if draft is None else draft[1],
            voice_required=policies.current.change_voice,
        )

    @routes.get("/v1/policy", response_model=PolicyShown)
    async def show(request: Request) -> Response:
        """What is in force, and what waits for a signature."""
        context.doorkeeper.admit(request, "operator")
        return answer(await asyncio.to_thread(shown))

    @routes.get("/v1/policy/versions", response_model=Versions)
    async def versions(request: Request) -> Response:
        """Every version, the latest first."""
        context.doorkeeper.admit(request, "operator")
        return answer(Versions(versions=await asyncio.to_thread(policies.versions)))

    @routes.post("/v1/policy", response_model=PolicyVersion, openapi_extra=documented(PolicyApplication))
    async def apply(request: Request) -> Response:
        """Put a signed version in force."""
        operator = context.doorkeeper.admit(request, "operator")
        body = await read_body(request, PolicyApplication, _ROOM_FOR_ESCAPES * MAX_POLICY_BYTES)
        return answer(await asyncio.to_thread(policies.apply, operator.name, body))

    return routes
