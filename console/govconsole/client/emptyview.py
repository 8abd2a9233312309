"""The pane beside the list while no job stands there: which one is being fetched, or why there is none.

Must never load the contract's models: it is drawn before they are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.client.document import Document, Span, blank, line

if TYPE_CHECKING:
    from govconsole.client.document import Role
    from govconsole.client.row import Row
    from govd.contract.system import Overview

STATE_ROLES: Final[dict[str, Role]] = {"held": "warn", "delivered": "good", "processing": "accent"}


def row_document(row: Row) -> Document:
    """A job of which no more is known than its row: it is being fetched."""
    return [
        line(Span(row.title, "title"), Span("  "), Span(row.state, STATE_ROLES.get(row.state, "dim"))),
        line(Span(f"{row.agent} · risk {row.risk}", "dim")),
        blank(),
        line(Span("…", "dim")),
    ]


def empty_document(overview: Overview | None, view: str, text: str, *, known: bool) -> Document:
    """No job is there, or it is not known whether one is."""
    if not known:
        return [line(Span("Nothing is known yet: the backend has not answered.", "dim"))]
    if text:
        return [
            line(Span("No job fits the filter.", "title")),
            blank(),
            line(Span(text, "warn")),
            line(Span("esc takes it away", "dim")),
        ]
    if view != "held":
        return [line(Span(f"No job is {view}." if view != "all" else "There is no job yet.", "title"))]
    return [
        line(Span("Nothing is held.", "title")),
        blank(),
        line(Span("Actions that policy cannot settle alone appear here.", "dim")),
        line(Span(f"Agents ask at {overview.agent_url if overview else ''}", "dim")),
    ]
