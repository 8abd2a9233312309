"""The agents' door, for executors: mint, redeem, report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from govd.api.bodies import documented, read_body
from govd.api.context import Context, answer
from govd.api.parameters import Uuid  # noqa: TC001 - FastAPI reads the annotation
from govd.attestations.service import Refused
from govd.contract.attestations import Minted, Redeemed, Redemption
from govd.contract.intents import IntentView, OutcomeReport

if TYPE_CHECKING:
    from govd.attestations.keys import KeyRing
    from govd.attestations.service import Attestations


def router(context: Context, attestations: Attestations, keys: KeyRing) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["attestations"])

    @routes.get("/.well-known/jwks.json", openapi_extra={"security": []})
    async def jwks() -> dict[str, Any]:
        """The public keys that attestations verify with. Open to all."""
        return keys.jwks()

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
