"""Evidence at the two doors: executors bring it, operators read it. Agents do neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from govd.api.bodies import documented, read_body
from govd.api.context import Context, answer
from govd.api.parameters import Uuid  # noqa: TC001 - FastAPI reads the annotation
from govd.contract.evidence import Evidence, EvidenceHead, EvidenceKind, EvidenceSubmission
from govd.contract.limits import MAX_EVIDENCE_BODY_BYTES

if TYPE_CHECKING:
    from govd.evidence.service import EvidenceBox


def agent_router(context: Context, box: EvidenceBox) -> APIRouter:
    """The route of executors."""
    routes = APIRouter(tags=["evidence"])

    @routes.post(
        "/v1/intents/{intent}/evidence",
        status_code=201,
        response_model=EvidenceHead,
        openapi_extra=documented(EvidenceSubmission),
    )
    async def gathered(request: Request, intent: Uuid) -> Response:
        """What an executor found out about a held intent of an agent that it serves: once a kind."""
        executor = context.doorkeeper.admit(request, "executor")
        body = await read_body(request, EvidenceSubmission, MAX_EVIDENCE_BODY_BYTES)
        return answer(await context.write(box.put(executor, intent, body)), 201)

    return routes


def operator_router(context: Context, box: EvidenceBox) -> APIRouter:
    """The route of operators."""
    routes = APIRouter(tags=["evidence"])

    @routes.get("/v1/intents/{intent}/evidence/{kind}", response_model=Evidence)
    async def evidence(request: Request, intent: Uuid, kind: EvidenceKind) -> Response:
        """One piece of evidence with its text; the job lists what there is."""
        context.doorkeeper.admit(request, "operator")
        return answer(await context.read(lambda connection: box.show(connection, intent, kind)))

    return routes
