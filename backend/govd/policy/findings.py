"""How a finding is made: its words bounded and made visible, whoever wrote them. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from govd.contract.decisions import Finding, Outcome
from govd.contract.text import visible
from govd.policy.model import ReasonCode

SHOWN: Final = 120
_ERROR_SHOWN: Final = 200
_MESSAGE: Final = 600


def finding(
    block: str,
    rule: str,
    code: ReasonCode,
    outcome: Outcome,
    message: str,
    evidence: dict[str, str] | None = None,
) -> Finding:
    """A finding whose words any terminal can show."""
    found = _without_evidence(block, rule, code, outcome, message)
    if not evidence:
        return found
    return found.model_copy(
        update={"evidence": {key: visible(value, SHOWN) for key, value in evidence.items()}}
    )


@lru_cache(maxsize=1024)  # what a rule says of a tool, it says of every intent with that tool
def _without_evidence(block: str, rule: str, code: ReasonCode, outcome: Outcome, message: str) -> Finding:
    return Finding(
        block=block, rule=rule, code=code.value, outcome=outcome, message=visible(message, _MESSAGE)
    )


def failure(block: str, error: Exception, rule: str | None = None) -> Finding:
    """What an error while evaluating becomes: a denial."""
    why = visible(str(error) or type(error).__name__, _ERROR_SHOWN)
    sentence = f"{rule or block} could not be evaluated, which denies: {why}"
    return finding(block, rule or block, ReasonCode.EVALUATION_ERROR, Outcome.DENIED, sentence)
