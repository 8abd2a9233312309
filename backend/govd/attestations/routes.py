"""The agents' door, for executors: mint, redeem, report. And the operators' side of the signing keys."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from govd.api.bodies import documented, read_body
from govd.api.context import Context, answer
from govd.api.parameters import Uuid  # noqa: TC001 - FastAPI reads the annotation
from govd.attestations.service import Refused
from govd.contract.attestations import Minted, Redeemed, Redemption
from govd.contract.intents import IntentView, OutcomeReport
from govd.contract.keys import KeyRotationSubmission, NextKey, SigningKeys, StolenKeySubmission

if TYPE_CHECKING:
    from govd.attestations.keys import KeyRing
    from govd.attestations.rotation import Rotations
    from govd.attestations.service import Attestations


def router(context: Context, attestations: Attestations, keys: KeyRing) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["attestations"])

    @routes.get("/.well-known/jwks.json", openapi_extra={"security": []})
    async def jwks() -> dict[str, Any]:
        """The public keys that attestations verify with. Open to all."""
        return keys.jwks(context.now())

    @routes.post("/v1/intents/{intent}/attestation", response_model=Minted)
    async def mint(request: Request, intent: Uuid) -> Response:
        """An attestation for an approval that stands, for the executor that asks."""
        executor = context.doorkeeper.admit(request, "executor")
        return answer(await context.write(attestations.mint(executor, intent)))

    @routes.post("/v1/attestations/redeem", response_model=Redeemed, openapi_extra=documented(Redemption))
    async def redeem(request: Request) -> Response:
        """Spend an attestation: once per intent, for exactly the action that was approved."""
        executor = context.doorkeeper.admit(request, "executor")
        body = await read_body(request, Redemption)
        now = int(context.now().timestamp())
        result = await context.write(attestations.redeem(executor, body, now))
        if isinstance(result, Refused):
            raise result.error()
        return answer(result)

    @routes.post(
        "/v1/intents/{intent}/outcome", response_model=IntentView, openapi_extra=documented(OutcomeReport)
    )
    async def outcome(request: Request, intent: Uuid) -> Response:
        """What became of the run, from the executor that redeemed it."""
        executor = context.doorkeeper.admit(request, "executor")
        body = await read_body(request, OutcomeReport)
        return answer(await context.write(attestations.report(executor, intent, body)))

    return routes


def key_router(context: Context, rotations: Rotations) -> APIRouter:
    """The operators' side of the signing keys."""
    routes = APIRouter(tags=["keys"])

    @routes.get("/v1/keys", response_model=SigningKeys)
    async def listed(request: Request) -> Response:
        """The keys that sign or have signed attestations and heads."""
        context.doorkeeper.admit(request, "operator")
        return answer(SigningKeys(keys=rotations.views()))

    @routes.post("/v1/keys/next", response_model=NextKey)
    async def prepare(request: Request) -> Response:
        """Make the key that may follow. It counts for nothing before an operator has signed for it."""
        context.doorkeeper.admit(request, "operator")
        return answer(await asyncio.to_thread(rotations.prepare))

    @routes.post("/v1/keys", response_model=SigningKeys, openapi_extra=documented(KeyRotationSubmission))
    async def rotate(request: Request) -> Response:
        """Have the next key sign from now on, on an operator's signature."""
        operator = context.doorkeeper.admit(request, "operator")
        body = await read_body(request, KeyRotationSubmission)
        return answer(SigningKeys(keys=await asyncio.to_thread(rotations.rotate, operator.name, body)))

    @routes.post("/v1/keys/stolen", response_model=SigningKeys, openapi_extra=documented(StolenKeySubmission))
    async def give_up(request: Request) -> Response:
        """Have nothing count any more that a former key signed, on an operator's signature."""
        operator = context.doorkeeper.admit(request, "operator")
        body = await read_body(request, StolenKeySubmission)
        return answer(SigningKeys(keys=await asyncio.to_thread(rotations.give_up, operator.name, body)))

    return routes
