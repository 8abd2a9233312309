"""A cap keeps its unit for as long as its total does: dollars are never added to a count."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from govd.contract.errors import PolicyInvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from govd.policy.model import CompiledPolicy

LATELY: Final = timedelta(hours=48)
"""Longer than any day of any zone that a total of now may have begun in."""


def check_units(found: CompiledPolicy, lately: Iterable[CompiledPolicy]) -> None:
    """Refuse a cap that keeps its name and counts something else than it did today.

    Args:
        found: What is to come into force.
        lately: What has been in force since the totals of today began.

    Raises:
        PolicyInvalidError: there is one.
    """
    counted = {limit.rule.name: limit.rule.metric for policy in lately for limit in policy.limits}
    for limit in found.limits:
        name, metric = limit.rule.name, limit.rule.metric
        if counted.get(name, metric) != metric:
            raise PolicyInvalidError(
                f"the cap {name} has counted {counted[name]} within the last two days, and would count "
                f"{metric} now: its total would mix the two",
                hint=f"give it another name, as {name}-{metric}",
            )
