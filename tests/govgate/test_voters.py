"""Pinned operator keys: a backend alone cannot approve."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from govd.contract import votes
from govd.contract.errors import ForbiddenError, RedeemRefusedError, UsageError
from govgate.voters import PinnedOperators
from tests.govgate.fake_govd import Operator, new_id

ANA, BEN, EVE = Operator("ana"), Operator("ben"), Operator("eve")
PINNED = PinnedOperators(operators={"ana": ANA.public, "ben": BEN.public})


@pytest.fixture
def held(bench, work):
    bench.govd.decision = "held"
    return bench.declared("echo", "voted", cwd=work)


def test_a_vote_of_a_pinned_operator_for_this_action_lets_it_run(bench, held):
    bench.govd.approve_by(held.view.id, ANA)

    assert held.run(PINNED) == "voted\n"


@pytest.mark.threat("T12")
def test_a_backend_that_approves_without_a_vote_is_refused(bench, held):
    """A compromised govd says that somebody approved, and has no vote to show."""
    bench.govd.approve_by(held.view.id, ANA)
    bench.govd.minted = lambda minted: minted.model_copy(update={"votes": []})

    with pytest.raises(RedeemRefusedError, match="missing"):
        held.run(PINNED)
    assert not bench.govd.redeemed


@pytest.mark.threat("T12")
def test_an_operator_whose_key_is_not_pinned_does_not_count(bench, held):
    """A compromised govd enrols an operator of its own and lets it approve."""
    bench.govd.approve_by(held.view.id, EVE)

    with pytest.raises(RedeemRefusedError, match="not pinned"):
        held.run(PINNED)


@pytest.mark.threat("T12")
def test_a_vote_that_another_key_signed_is_refused(bench, held):
    """A compromised govd signs a vote in an operator's name."""
    bench.govd.approve_by(held.view.id, Operator("ana"))

    with pytest.raises(RedeemRefusedError, match="not signed with the key"):
        held.run(PINNED)


@pytest.mark.threat("T12")
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"actions": [votes.action_commitment("00" * 16, new_id(), "f" * 64)]}, "another action"),
        ({"job": new_id()}, "another action"),
        ({"verdict": "deny"}, "no approval"),
        ({"expires_at": datetime.now(UTC) - timedelta(days=1)}, "after its hold had ended"),
    ],
)
def test_a_genuine_vote_on_something_else_is_refused(bench, held, changes, why):
    """A compromised govd shows an operator's genuine vote on another action, or a denial, as the approval."""
    bench.govd.approve_by(held.view.id, ANA, **changes)

    with pytest.raises(RedeemRefusedError, match=why):
        held.run(PINNED)
    assert not bench.govd.redeemed


@pytest.mark.threat("T12")
def test_a_quorum_is_of_distinct_operators(bench, held):
    """One operator's vote is shown twice where two were asked for."""
    bench.govd.approve_by(held.view.id, ANA, ANA, quorum=2)

    with pytest.raises(RedeemRefusedError, match="1 of 2"):
        held.run(PINNED)

    bench.govd.approve_by(held.view.id, ANA, BEN, quorum=2)
    assert held.run(PINNED) == "voted\n"


def test_what_policy_approved_runs_unless_the_file_asks_for_votes(bench, work):
    asks = PINNED.model_copy(update={"require_votes": True})

    with pytest.raises(RedeemRefusedError, match="signed votes"):
        bench.declared("echo", "hi", cwd=work).run(asks)
    assert bench.declared("echo", "hi", cwd=work).run(PINNED) == "hi\n"


def test_the_file_is_read(tmp_path):
    path = tmp_path / "operators.toml"
    path.write_text(f'require_votes = true\n[operators]\nana = "{ANA.public}"\n')
    path.chmod(0o644)

    pinned = PinnedOperators.load(path)

    assert pinned.require_votes
    assert pinned.operators == {"ana": ANA.public}


@pytest.mark.parametrize(
    "text", ["", "[operators]", '[operators]\nana = "no key"', '[operators]\n"ANA" = "x"', "x = 1", "["]
)
def test_a_file_that_lists_no_keys_is_refused(tmp_path, text):
    path = tmp_path / "operators.toml"
    path.write_text(text)
    path.chmod(0o644)

    with pytest.raises(UsageError):
        PinnedOperators.load(path)


@pytest.mark.threat("T12")
def test_a_file_that_others_can_change_is_refused(tmp_path):
    """An agent adds its own key to the pinned operators."""
    path = tmp_path / "operators.toml"
    path.write_text(f'[operators]\nana = "{ANA.public}"\n')
    path.chmod(0o666)

    with pytest.raises(ForbiddenError, match="changed by others"):
        PinnedOperators.load(path)
