"""What a reviewer is shown of a job: effects added up, payments in a line, votes that were checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govconsole.client.describe import describe, headline
from govconsole.client.document import cell_len, plain
from govconsole.client.effects import added_up
from govconsole.client.jobview import job_document
from govconsole.client.known import known
from govconsole.client.review import Words, prepare, submission
from govconsole.client.row import Row
from govconsole.client.rowcells import Look, cells, columns, fit, heads
from govconsole.client.voters import KeyMemory, Voters
from govd.contract import votekey
from govd.contract.decisions import Finding, Outcome
from govd.contract.jobs import JobDetail, JobState, VoteView
from govd.contract.system import IdentityView
from tests.govconsole.world import NOW, gauge, held_decision, intent, job, new_id

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from govd.contract.intents import IntentDetail

KEY, OTHER = votekey.generate(), votekey.generate()
SALT = "ab" * 16


def pay(name: str, amount: str, to: str, *, new: bool = False, **more: Any) -> IntentDetail:
    decision = held_decision(crossing=gauge("48200.000000", f"{amount}.000000", "50000.000000"))
    found = [*decision.findings]
    if new:
        found.append(
            Finding(
                block="custom",
                rule="new-recipient",
                code="custom-held",
                outcome=Outcome.PENDING,
                message=f"first payment to {to}",
            )
        )
    decision = decision.model_copy(update={"effect": "irreversible", "findings": found})
    arguments = {"amount": amount, "currency": "USD", "to": to, **more}
    return intent(
        name, kind="tool_call", action={"tool": "bank.transfer", "arguments": arguments}, decision=decision
    )


def test_the_effects_of_a_job_are_added_up() -> None:
    name = new_id()
    held = [pay(name, "12000", "Ada"), pay(name, "18300", "Ada"), pay(name, "42000", "Bob", new=True)]
    told = "".join(span.text for span in added_up(held))
    assert told == "3 transfers · 72,300.00 USD · 2 recipients, 1 new · ◆ 3 irreversible"


def test_kinds_are_counted_by_their_own_names() -> None:
    name = new_id()
    mail = {"tool": "email.send", "arguments": {"to": ["a@example.org", "b@example.org"]}}
    held = [intent(name), intent(name), intent(name, kind="tool_call", action=mail)]
    assert "".join(span.text for span in added_up(held)) == "2 pushes · 1 mail · 2 recipients"


def test_a_payment_is_one_line_and_what_that_does_not_tell_stands_under_it() -> None:
    made = pay(new_id(), "12000", "Ada", reference="INV-1")
    assert headline(made) == "12,000 USD → Ada  by bank.transfer"
    assert "reference  INV-1" in plain(describe(1, made))


@pytest.mark.parametrize(
    "arguments",
    [
        {"amount": "1e3", "currency": "USD", "to": "x"},
        {"amount": 1.5, "currency": "USD", "to": "x"},
        {"amount": True, "currency": "USD", "to": "x"},
        {"amount": "-1", "currency": "USD", "to": "x"},
        {"amount": "1", "currency": "U D", "to": "x"},
        {"amount": "1", "currency": "USD", "to": ["x"]},
        {"amount": "1", "currency": "USD", "to": "x" * 200},
        {"amount": "1", "to": "x"},
    ],
)
def test_what_is_not_plainly_a_payment_is_shown_as_it_stands(arguments: dict[str, object]) -> None:
    made = intent(new_id(), kind="tool_call", action={"tool": "bank.transfer", "arguments": arguments})
    assert headline(made) == "call bank.transfer"
    shown = plain(describe(1, made))
    assert all(name in shown for name in arguments)


# -- rows ----------------------------------------------------------------------------------------------


@given(st.text(max_size=60), st.integers(1, 40), st.booleans())
def test_a_cell_is_exactly_as_wide_as_its_column(text: str, width: int, right: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    assert cell_len(fit(text, width, right=right)) == width


@given(st.integers(40, 200), st.text(min_size=1, max_size=80), st.booleans())
def test_a_line_of_the_list_fills_its_width_and_no_more(width: int, title: str, gone: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    row = Row.of(job(title, risk=82))
    look = Look.of(row, NOW, here=True, marked=True, ranged=False, gone="left" if gone else "", thumb=True)
    assert sum(cell_len(span.text) for span in cells(look, width)) == width
    assert sum(cell_len(span.text) for span in heads(width, "risk")) <= width
    assert columns(width).title >= 1


@pytest.mark.parametrize("width", [50, 80, 110, 160])
@pytest.mark.parametrize("state", [str(state) for state in JobState])
@pytest.mark.parametrize("gone", [False, True])
def test_a_state_keeps_a_gap_to_what_stands_before_it(state: str, width: int, *, gone: bool) -> None:
    row = replace(Row.of(job("over")), until=None if not gone else NOW, state=state)
    look = Look.of(row, NOW, here=False, marked=False, ranged=False, gone=state if gone else "", thumb=False)
    words = "".join(span.text for span in cells(look, width)).split()
    assert words[-1].removesuffix("…") == state[: len(words[-1].removesuffix("…"))]


def test_the_time_left_has_seconds_only_where_they_matter() -> None:
    row = Row.of(job())
    look = Look.of(row, NOW, here=False, marked=False, ranged=False, gone="", thumb=False)
    assert look.left == "24 h 00"


# -- votes of others -----------------------------------------------------------------------------------


def cast(shown: JobDetail, key: Ed25519PrivateKey = KEY, operator: str = "ben", **change: Any) -> JobDetail:
    """The job with a vote on it; `change`: what the backend shows otherwise than it was signed."""
    words = Words(reason="as agreed")
    vote = prepare(shown).vote("approve", operator, words, SALT, NOW)
    sent = submission(vote, words, SALT, key)
    view = VoteView(
        signed=sent.signed,
        operator=operator,
        verdict="approve",
        cast_at=NOW,
        reason="as agreed",
        guidance="",
        lapsed=False,
        salt=SALT,
    )
    return shown.model_copy(update={"votes": [view.model_copy(update=change)]})


def verdict(shown: JobDetail, voters: Voters) -> str:
    return voters.check(shown, shown.votes[0]).words


VOTERS = Voters({"ben": votekey.public_text(KEY)})


def test_a_vote_is_shown_with_what_its_check_came_to() -> None:
    shown = cast(job())
    assert "✓ signature checked" in plain(job_document(known(shown), VOTERS))
    assert "⚠ not verified: ben's key is not known" in plain(
        job_document(shown, Voters({"eve": votekey.public_text(KEY)}))
    )
    assert "⚠ not verified: the operators' keys have not been fetched" in plain(job_document(shown))


@pytest.mark.threat("T12")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"operator": "eve"}, "not verified: eve's key is not known"),
        ({"verdict": "deny"}, "another vote than the one that is shown"),
        ({"reason": "not what he wrote"}, "commits to other words"),
        ({"guidance": "do it anyway"}, "commits to other words"),
    ],
)
def test_a_vote_that_is_shown_otherwise_than_it_was_signed_is_told(
    change: dict[str, str], words: str
) -> None:
    """A backend cannot put words or a verdict into another operator's mouth."""
    assert words in verdict(cast(job(), **change), VOTERS)


@pytest.mark.threat("T12")
def test_a_vote_by_another_key_or_on_other_actions_is_told() -> None:
    """A vote made up by the backend, or moved from another job, is not shown as checked."""
    assert "not made by ben's key" in verdict(cast(job(), OTHER), VOTERS)
    one, two = cast(job()), job()
    assert "another vote" in verdict(two.model_copy(update={"votes": one.votes}), VOTERS)
    assert one.hold is not None
    swapped = one.hold.model_copy(update={"intents": [intent(one.id)]})
    assert "does not cover the actions" in verdict(one.model_copy(update={"hold": swapped}), VOTERS)


@pytest.mark.threat("T12")
def test_a_key_that_changed_since_it_was_first_seen_is_told(tmp_path: Path) -> None:
    """A backend that names another key for an operator later does not make his votes."""
    memory = KeyMemory(tmp_path / "operators.json", "log-1")
    assert verdict(cast(job()), memory.meet([operator("ben", KEY)])) == "signature checked"
    later = KeyMemory(tmp_path / "operators.json", "log-1").meet([operator("ben", OTHER)])
    assert "a key that ben had not at first" in verdict(cast(job(), OTHER), later)
    elsewhere = KeyMemory(tmp_path / "operators.json", "log-2").meet([operator("ben", OTHER)])
    assert verdict(cast(job(), OTHER), elsewhere) == "signature checked"
    assert (tmp_path / "operators.json").stat().st_mode & 0o077 == 0


def test_a_memory_of_keys_that_cannot_be_read_checks_nothing(tmp_path: Path) -> None:
    (tmp_path / "operators.json").write_text("[")
    voters = KeyMemory(tmp_path / "operators.json", "log-1").meet([operator("ben", KEY)])
    assert "operators.json cannot be read" in verdict(cast(job()), voters)
    assert (tmp_path / "operators.json").read_text() == "["


def operator(name: str, key: Ed25519PrivateKey) -> IdentityView:
    return IdentityView(
        kind="operator", name=name, state="active", created_at=NOW, public_key=votekey.public_text(key)
    )
