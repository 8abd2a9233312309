"""Whether what govd decides is enforced, or advice that the agent could walk around (threats T1, T2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from govd.contract.jobs import Assurance


@dataclass(frozen=True)
class Standing:
    """The Unix users that matter for one agent. `executors`: (uid, advisory) of each that serves it."""

    agent: frozenset[int]
    govd: int
    operators: frozenset[int]
    executors: tuple[tuple[int | None, bool], ...]


def assess(standing: Standing) -> tuple[Assurance, str]:
    """The assurance of one agent, and the sentence that says why."""
    why = _shared_user(standing) or _executor_missing(standing)
    if why is not None:
        return "advisory", why
    return "enforced", "the agent, its executor and govd run as different Unix users"


def _shared_user(standing: Standing) -> str | None:
    if not standing.agent:
        return "the agent's Unix user is not known: add it with --uid, or connect by its socket"
    if 0 in standing.agent:
        return "the agent runs as root, which no file mode stops"
    if standing.govd in standing.agent:
        return f"the agent shares govd's Unix user ({standing.govd}), which no file mode stops"
    if shared := standing.agent & standing.operators:
        return f"the agent shares an operator's Unix user ({min(shared)})"
    return None


def _executor_missing(standing: Standing) -> str | None:
    serving = [uid for uid, advisory in standing.executors if not advisory]
    if not serving:
        return "no executor with a Unix user of its own serves this agent"
    if any(uid is None or uid in standing.agent for uid in serving):
        return "an executor shares the agent's Unix user, or its user is not known"
    return None


def worst(found: Collection[tuple[Assurance, str]]) -> tuple[Assurance, str]:
    """The assurance of the whole: advisory as soon as one agent's is."""
    for assurance, why in found:
        if assurance == "advisory":
            return assurance, why
    return (
        ("enforced", "every agent runs as a Unix user of its own") if found else ("advisory", "no agent yet")
    )
