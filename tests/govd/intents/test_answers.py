"""What an agent is told of an intent: written at once, and as its model would write it."""

from __future__ import annotations

from typing import Any

import pytest

from govd.contract.actions import ToolCall
from govd.contract.decisions import DecisionView, Finding, Gauge, Outcome, Reservation, Risk, RiskPart
from govd.contract.intents import IntentState, IntentView
from govd.ids import new_id
from govd.intents.content import Content, IntentAnswer
from govd.intents.model import Declared

HOSTILE = 'é 日本 🜁 "quoted" \\ / \t\x7f\x1b[2J \u2028\u202e</script>'
WHOLE_SECOND = 1_795_255_200_000_000


def decided(outcome: Outcome, words: str) -> DecisionView:
    gauge = Gauge(
        cap="daily", subject="all", window="day:2026-11-21", metric="count", used="1", limit="2", adds="1"
    )
    return DecisionView(
        outcome=outcome,
        findings=[
            Finding(
                block="custom",
                rule="r",
                code="custom-held",
                outcome=outcome,
                message=words,
                evidence={"x": words},
            ),
            Finding(
                block="soft_limits", rule="d", code="cap-exceeded", outcome=outcome, message="m", gauge=gauge
            ),
        ],
        risk=Risk(score=15, parts=[RiskPart(name="effect: write", points=15)]),
        policy_sha256="a" * 64,
        reservations=[
            Reservation(
                cap="daily", subject="all", window="w", metric="usd", amount="0.100000", limit="5.000000"
            )
        ],
    )


def answer(state: IntentState, outcome: Outcome, words: str, guidance: str | None) -> IntentAnswer:
    declared = Declared(
        id=new_id(),
        agent="bot",
        job=new_id(),
        kind="tool_call",
        action=ToolCall(tool="search.web"),
        origin="user",
        intent_sha256="b" * 64,
    )
    row: dict[str, Any] = {
        "id": declared.id,
        "agent": "bot",
        "job": declared.job,
        "kind": "tool_call",
        "state": state.value,
        "decided_at": WHOLE_SECOND,
        "approved_until": WHOLE_SECOND + 1 if state is IntentState.APPROVED else None,
        "supersedes": new_id() if guidance is None else None,
    }
    content = Content(declared, decided(outcome, words), "00" * 16, guidance)
    return IntentAnswer(row, content, WHOLE_SECOND + 86_400_000_000)


@pytest.mark.parametrize("words", ["plain", HOSTILE, ""])
@pytest.mark.parametrize("guidance", [None, HOSTILE])
@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (IntentState.APPROVED, Outcome.APPROVED),
        (IntentState.HELD, Outcome.PENDING),
        (IntentState.DENIED, Outcome.DENIED),
    ],
)
def test_an_answer_is_byte_for_byte_what_its_model_would_be(
    state: IntentState, outcome: Outcome, words: str, guidance: str | None
) -> None:
    told = answer(state, outcome, words, guidance)

    assert told.json() == told.view().model_dump_json(by_alias=True).encode()
    assert IntentView.model_validate_json(told.json()) == told.view()
