"""Blocks and keys of features that are still to come: refused by name, never read over.

A policy that promises what this version cannot hold must not come into force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.policy.problems import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from govd.policy.problems import Problems
    from govd.policy.reading import Node

    Refuse = Callable[[tuple[str | int, ...], str], None]

BLOCKS: Final[dict[str, str]] = {
    "evm": "limits on EVM transactions",
    "max_price_age": "the age of reference prices",
    "autonomy": "autonomy levels",
    "levels": "autonomy levels",
    "context": "the log of contexts",
    "retention": "how long records are kept",
    "audio": "guarded audio",
    "speakers": "lists of speakers in a policy",
    "permissions": "permissions",
    "sandbox": "sandboxed execution",
    "network_policies": "the import of sandbox policies",
    "tool_profiles": "tool profiles",
    "rate_limits": "rate limits",
    "limits": "rate limits",
    "vault": "secrets",
    "secrets": "secrets",
    "notify": "notifications",
    "notifications": "notifications",
    "webhooks": "notifications",
    "review": "the review of jobs by several people",
    "escalation": "the review of jobs by several people",
    "canaries": "the review of jobs by several people",
    "grants": "standing grants",
    "standing_grants": "standing grants",
}
"""Each block of a later feature, and what the feature is."""

_CUSTOM: Final = {"quorum": "votes by several people", "grace": "taking back"}
_HOLDS: Final = {"escalation": "escalation", "notify": "notifications"}
_SEVERAL: Final = "the review of jobs by several people: it is 1 until then"


def refuse_later(root: Node, problems: Problems) -> set[tuple[str | int, ...]]:
    """Note every block and key of a later feature; returns their paths: nothing else is said of them."""
    found: set[tuple[str | int, ...]] = set()

    def refuse(path: tuple[str | int, ...], what: str) -> None:
        found.add(path)
        place = root.find(path, key=True)
        problems.add(
            place, f"{shown(path[-1])} comes later, with {what}", "take it out until this version has it"
        )

    for name, what in BLOCKS.items():
        if name in root.value:
            refuse((name,), what)
    _holds(root, refuse)
    _policy_changes(root, refuse)
    for block, keys in (("custom", _CUSTOM), ("soft_limits", {**_CUSTOM, "levels": "autonomy levels"})):
        rules = root.value.get(block)
        for at, rule in enumerate(rules.value if rules is not None and isinstance(rules.value, list) else []):
            for key, what in keys.items():
                inside = rule.value.get(key) if isinstance(rule.value, dict) else None
                if inside is not None:
                    refuse((block, at, key), what)
    return found


def _holds(root: Node, refuse: Refuse) -> None:
    holds = root.value.get("holds")
    if holds is None or not isinstance(holds.value, dict):
        return
    values = holds.plain()
    quorum = values.get("quorum", 1)
    if isinstance(quorum, int) and quorum > 1:
        refuse(("holds", "quorum"), _SEVERAL)
    grace = values.get("grace", "0s")
    if isinstance(grace, str) and grace not in {"0s", "0m", "0h"}:
        refuse(("holds", "grace"), "the taking back of approvals: it is 0s until then")
    if values.get("separation_of_duties") is True:
        refuse(
            ("holds", "separation_of_duties"), "the review of jobs by several people: it is false until then"
        )
    for key, what in _HOLDS.items():
        if key in values:
            refuse(("holds", key), what)


def _policy_changes(root: Node, refuse: Refuse) -> None:
    block = root.value.get("policy_changes")
    looser = block.value.get("looser") if block is not None and isinstance(block.value, dict) else None
    if looser is None or not isinstance(looser.value, dict):
        return
    quorum = looser.plain().get("quorum", 1)
    if isinstance(quorum, int) and quorum > 1:
        refuse(("policy_changes", "looser", "quorum"), _SEVERAL)
