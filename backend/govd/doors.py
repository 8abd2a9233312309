"""The two doors as applications. Operator routes do not exist on the agents' socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from govd import system
from govd.api import errors, openapi
from govd.api.auth import Doorkeeper
from govd.api.context import Context, Results
from govd.api.heads import HeadMiddleware
from govd.api.shortcut import Shortcut
from govd.attestations import routes as attestation_routes
from govd.decisions import routes as decision_routes
from govd.evidence import routes as evidence_routes
from govd.identities import routes as identity_routes
from govd.pages import routes as page_routes
from govd.policy import routes as policy_routes
from govd.reviews import routes as review_routes
from govd.voice import operator_routes as voice_operator_routes
from govd.voice import routes as voice_routes

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from govd.service import Govd

AGENTS_TITLE = "govd, agents' door"
OPERATORS_TITLE = "govd, operators' door"


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The document with the bodies that routes read themselves."""
        if self.openapi_schema is None:
            self.openapi_schema = openapi.document(self)
        return self.openapi_schema


def _app(title: str, description: str) -> FastAPI:
    # No document, no documentation pages: only health and the JWKS are open.
    app = _App(
        title=title,
        description=description,
        version=system.VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    errors.install(app)
    return app


def _context(govd: Govd) -> Context:
    doorkeeper = Doorkeeper(govd.directory, govd.clock.now)
    return Context(
        doorkeeper=doorkeeper,
        ledger=govd.ledger,
        hub=govd.hub,
        now=govd.clock.now,
        results=Results(govd.ledger),
    )


def agents_app(govd: Govd) -> FastAPI:
    """What agents and executors reach."""
    app, context = (
        _app(AGENTS_TITLE, "Agents declare intents; executors redeem attestations."),
        _context(govd),
    )
    app.include_router(decision_routes.router(context, govd.decisions))
    app.state.shortcuts = {decision_routes.SUBMIT: decision_routes.submitting(context, govd.decisions)}
    app.include_router(attestation_routes.router(context, govd.attestations, govd.keys))
    app.include_router(evidence_routes.agent_router(context, govd.evidence))
    app.include_router(identity_routes.agent_router(context, govd.directory))
    app.include_router(voice_routes.router(context, govd.voices))
    app.include_router(system.agent_router(govd, context))
    return app


def operators_app(govd: Govd, on_agents: Callable[[], None] = lambda: None) -> FastAPI:
    """What operators reach."""
    app, context = _app(OPERATORS_TITLE, "Operators review jobs and keep the house."), _context(govd)
    app.include_router(review_routes.router(context, govd.reviews, govd.afterwards, govd.state_key))
    app.include_router(evidence_routes.operator_router(context, govd.evidence))
    app.include_router(identity_routes.operator_router(context, govd.directory, on_agents))
    app.include_router(policy_routes.router(context, govd.policies))
    app.include_router(attestation_routes.key_router(context, govd.rotations))
    app.include_router(voice_operator_routes.router(context, govd.desk))
    app.include_router(page_routes.router(context, govd.pages))
    app.include_router(system.operator_router(govd, context))
    return app


def with_heads(app: FastAPI, govd: Govd) -> ASGIApp:
    """The application as it is served: every answer carries the head of the log."""
    shortcuts = getattr(app.state, "shortcuts", None)
    return HeadMiddleware(app if shortcuts is None else Shortcut(app, shortcuts), govd.heads)
