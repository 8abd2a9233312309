"""`voice: required`: a vote that approves, and a policy that loosens, need the operator's own voice too."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from govd.contract import votekey
from govd.contract.canonical import commitment
from govd.contract.errors import ForbiddenError
from govd.contract.system import PolicyApplication
from govd.contract.votes import PolicyChange, sign
from govd.policy.loading import load
from tests.support.clocks import see_step
from tests.support.operator import answer
from tests.support.voices import PASSPHRASE, POLICY, VoiceHouse, clip, founded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASKING: Final = (
    POLICY
    + """\
custom: [{name: big, kinds: [admin], hold_if: 'true', voice: required}]
policy_changes: {looser: {voice: required}}
"""
)
BIG: Final = {"kind": "admin", "action": {"operation": "resize"}}
SMALL: Final = {"kind": "secret_read", "action": {"name": "x"}}


@pytest.fixture(scope="module")
def asking_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return founded(tmp_path_factory.mktemp("asking"), ASKING)


@pytest.fixture
def house(asking_state: Path, tmp_path: Path) -> Iterator[VoiceHouse]:
    shutil.copytree(asking_state, tmp_path / "house")
    made = VoiceHouse(tmp_path / "house")
    see_step(made.govd.clock)
    yield made
    made.close()


def held(house: VoiceHouse, body: dict[str, Any] = BIG) -> str:
    """The job of an intent that waits."""
    return str(answer(house.agent().ask("POST", "/v1/intents", json=body))["job"])


def shown(house: VoiceHouse, job: str) -> dict[str, Any]:
    found: dict[str, Any] = answer(house.operator().ask("GET", f"/v1/jobs/{job}"))
    return found


def step_up(house: VoiceHouse, take: object = "vote") -> bool:
    house.enroll("ana", mine=True)
    return bool(answer(house.operator().send("/v1/voice/step-up", clip("ana", take)))["verified"])


def test_a_hold_says_that_it_needs_a_voice(house: VoiceHouse) -> None:
    big, small = shown(house, held(house)), shown(house, held(house, SMALL))
    assert (big["voice_required"], big["hold"]["voice_required"]) == (True, True)
    assert (small["voice_required"], small["hold"]["voice_required"]) == (False, False)


def test_an_approval_without_it_is_refused_and_names_what_mends_it(house: VoiceHouse) -> None:
    job = held(house)
    refused = house.vote(job)
    assert refused.status_code == 403
    assert refused.json()["hint"] == "govconsole voices step-up FILE"
    assert refused.json()["voice_required"] is True
    assert shown(house, job)["state"] == "held"
    assert shown(house, job)["votes"] == []


def test_with_it_the_approval_counts(house: VoiceHouse) -> None:
    job = held(house)
    assert step_up(house)
    assert house.vote(job).is_success
    assert shown(house, job)["hold"] is None


def test_it_ends_with_its_session(house: VoiceHouse) -> None:
    job = held(house)
    assert step_up(house)
    house.times.go_on(2 * 3600 + 1)
    assert house.vote(job).status_code == 403


def test_somebody_elses_voice_is_not_his(house: VoiceHouse) -> None:
    house.enroll("guest")
    assert house.operator().send("/v1/voice/step-up", clip("guest", 1)).status_code == 409
    assert house.vote(held(house)).status_code == 403


def test_a_denial_never_needs_it(house: VoiceHouse) -> None:
    job = held(house)
    assert house.vote(job, "deny", reason="no").is_success
    assert shown(house, job)["state"] == "denied"


def test_what_no_such_rule_holds_is_approved_without_it(house: VoiceHouse) -> None:
    assert house.vote(held(house, SMALL)).is_success


# -- the policy --------------------------------------------------------------------------------------


def apply(house: VoiceHouse, source: str) -> None:
    """Put a policy in force, signed."""
    key = votekey.load(house.root / "operator" / "ana.key", PASSPHRASE)
    salt = os.urandom(16)
    change = PolicyChange(
        sha256=load(source.encode()).sha256,
        base_sha256=house.govd.policies.current.sha256,
        reason_commitment=commitment(salt, b"because"),
        signed_by="ana",
        signed_at=house.govd.clock.now() + timedelta(0),
    )
    body = PolicyApplication(
        source=source, change=change, signature=sign(change, key), salt=salt.hex(), reason="because"
    )
    house.govd.policies.apply("ana", body)


def test_a_looser_policy_needs_it_and_a_tighter_one_does_not(house: VoiceHouse) -> None:
    assert answer(house.operator().ask("GET", "/v1/policy"))["voice_required"] is True
    looser = ASKING.replace("ttl: 12h", "ttl: 24h")
    with pytest.raises(ForbiddenError, match="asks for your voice") as refused:
        apply(house, looser)
    assert refused.value.hint == "govconsole voices step-up FILE"
    apply(house, ASKING.replace("ttl: 12h", "ttl: 11h"))
    assert step_up(house)
    apply(house, looser)
    assert house.govd.policies.current.document.holds.ttl == "24h"


def test_the_requirement_cannot_be_taken_out_without_it(house: VoiceHouse) -> None:
    with pytest.raises(ForbiddenError, match="asks for your voice"):
        apply(house, POLICY)
