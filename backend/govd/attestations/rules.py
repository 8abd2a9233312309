"""What the policy in force at execution time has to say about an approval that was given earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govd.contract.decisions import Outcome

if TYPE_CHECKING:
    from govd.contract.decisions import DecisionView


def refusal_by_policy(decision: DecisionView, *, by_policy: bool) -> str | None:
    """The message of the finding that forbids it, or None.

    A denial always forbids. A hold forbids only what policy alone had approved: what a person approved has
    been held already.
    """
    forbidding = {Outcome.DENIED, Outcome.PENDING} if by_policy else {Outcome.DENIED}
    if decision.outcome not in forbidding:
        return None
    return next(
        (item.message for item in decision.findings if item.outcome in forbidding), "no rule allows it"
    )
