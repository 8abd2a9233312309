"""Health, the operator's overview, an agent's view of itself, alarms and reload: what is about the whole."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from govd.api.context import Context, answer
from govd.api.parameters import Uuid  # noqa: TC001 - FastAPI reads the annotation
from govd.api.streams import LAST_EVENT_ID, event_stream
from govd.contract.errors import GovError, UnauthenticatedError
from govd.contract.limits import MAX_PENDING_PER_AGENT
from govd.contract.money import decimal_text
from govd.contract.system import Alarms, Health, Limit, Me, Overview, Reloaded
from govd.intents import store as intent_store
from govd.jobs import store as job_store
from govd.policy.rules import caps_of
from govd.times import maybe_instant
from govd.voice import store as voice_store

if TYPE_CHECKING:
    from govd.identities.model import Identity
    from govd.service import Govd

VERSION = version("govconsole")


def _health(govd: Govd) -> Health:
    halted = govd.ledger.halted
    status = "halted" if halted else ("degraded" if govd.alarms.standing else "ok")
    return Health(
        status=status,
        version=VERSION,
        mode="embedded" if govd.embedded else "service",
        storage="postgresql" if govd.url.startswith("postgresql") else "sqlite",
        policy_sha256=govd.policies.current.sha256,
        policy_name=govd.policies.current.name,
        halted=halted,
        alarms=len(govd.alarms.standing),
        head=govd.ledger.head.text(),
    )


def _health_with_voices(govd: Govd) -> Health:
    """The same with the voice service's own state: agents fail closed by it."""
    found, model = _health(govd), govd.voices.encoder.model
    if found.status == "ok" and govd.voices.encoder.degraded is not None:
        found = found.model_copy(update={"status": "degraded"})
    return found.model_copy(
        update={
            "model": None if model is None else model.id,
            "threshold": None if model is None else model.threshold,
            "speakers_enrolled": govd.ledger.read(voice_store.enrolled),
            "phrases": govd.voices.phrasing.available,
        }
    )


def _overview(govd: Govd, operator: str) -> Overview:
    pending, next_end = govd.ledger.read(job_store.held_jobs)
    assurance, why = govd.directory.overall_assurance()
    draft = govd.policies.draft()
    return Overview(
        **_health(govd).model_dump(),
        operator=operator,
        assurance=assurance,
        assurance_why=why,
        pending=pending,
        next_expiry=maybe_instant(next_end),
        alarm_list=govd.alarms.standing,
        draft_sha256=None if draft is None else draft[0].sha256,
        log=govd.ledger.log_id,
        agent_url=govd.agent_url,
    )


def _me(govd: Govd, identity: Identity) -> Me:
    ends = next(view for view in govd.directory.views(identity.kind) if view.name == identity.name)
    waiting = govd.ledger.read(lambda c: intent_store.waiting(c, identity.name))
    assurance = "advisory" if identity.advisory else govd.directory.assurance(identity.name)[0]
    return Me(
        name=identity.name,
        kind="executor" if identity.kind == "executor" else "agent",
        origins=list(identity.origins),
        token_expires_at=ends.token_expires_at,
        assurance=assurance,
        policy_sha256=govd.policies.current.sha256,
        pending=waiting.intents,
        pending_limit=MAX_PENDING_PER_AGENT,
        pending_bytes=waiting.size,
        pending_bytes_limit=govd.settings.held_bytes,
        limits=_limits(govd, identity) if identity.kind == "agent" else [],
    )


def _limits(govd: Govd, agent: Identity) -> list[Limit]:
    """What is left of each cap that counts this agent's intents."""
    caps = caps_of(agent.name, govd.policies.current, govd.clock.now())
    keys = [(cap.cap, cap.subject, cap.window) for cap in caps]
    totals = govd.ledger.read(lambda connection: intent_store.read_totals(connection, keys))
    return [
        Limit(
            cap=cap.cap,
            window=cap.window,
            metric=cap.metric,
            used=decimal_text(cap.metric, totals[key][0]),
            limit=decimal_text(cap.metric, cap.limit),
            left=decimal_text(cap.metric, max(cap.limit - totals[key][0], 0)),
        )
        for cap, key in zip(caps, keys, strict=True)
    ]


def _shared(govd: Govd, context: Context, kinds: tuple[str, ...]) -> APIRouter:
    """The routes that both doors have."""
    routes = APIRouter(tags=["system"])

    @routes.get(
        "/health",
        response_model=Health,
        response_model_exclude_none=True,
        openapi_extra={"security": [{}, {"bearer": []}]},
    )
    async def health(request: Request) -> Health:
        """One status word; the full shape with a token."""
        try:
            context.doorkeeper.admit(request, *kinds)  # type: ignore[arg-type]  # the kinds of this door
        except UnauthenticatedError:
            return Health(status=_health(govd).status)
        return await asyncio.to_thread(_health_with_voices, govd)

    @routes.get(
        "/v1/events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
        openapi_extra={"parameters": [LAST_EVENT_ID]},
    )
    async def events(request: Request) -> Response:
        """What happens, as server-sent events; resumes after `Last-Event-ID`. An agent sees its own alone."""
        who = context.doorkeeper.admit(request, *kinds)  # type: ignore[arg-type]  # the kinds of this door

        def welcome() -> bool:
            try:
                return context.doorkeeper.admit(request, who.kind) is not None
            except GovError:
                return False

        return event_stream(request, context.hub, who, welcome)

    return routes


def agent_router(govd: Govd, context: Context) -> APIRouter:
    """The agents' door."""
    routes = _shared(govd, context, ("agent", "executor"))

    @routes.get("/v1/me", response_model=Me)
    async def me(request: Request) -> Response:
        """What the holder of this token may do."""
        identity = context.doorkeeper.admit(request, "agent", "executor")
        return answer(await asyncio.to_thread(_me, govd, identity))

    return routes


def operator_router(govd: Govd, context: Context) -> APIRouter:
    """The operators' door."""
    routes = _shared(govd, context, ("operator",))

    @routes.get("/v1/overview", response_model=Overview)
    async def overview(request: Request) -> Response:
        """What the header shows."""
        operator = context.doorkeeper.admit(request, "operator")
        return answer(await asyncio.to_thread(_overview, govd, operator.name))

    @routes.get("/v1/alarms", response_model=Alarms)
    async def alarms(request: Request) -> Response:
        """The alarms that stand."""
        context.doorkeeper.admit(request, "operator")
        return answer(Alarms(alarms=govd.alarms.standing))

    @routes.post("/v1/alarms/{alarm}/seen", response_model=Alarms)
    async def seen(request: Request, alarm: Uuid) -> Response:
        """An operator has seen it."""
        operator = context.doorkeeper.admit(request, "operator")
        await asyncio.to_thread(govd.alarms.seen, alarm, operator.name)
        return answer(Alarms(alarms=govd.alarms.standing))

    @routes.post("/v1/reload", response_model=Reloaded)
    async def reload(request: Request) -> Response:
        """Read settings and policy again, and resume after a mended disk."""
        context.doorkeeper.admit(request, "operator")
        return answer(await asyncio.to_thread(govd.reload))

    return routes
