"""Vote keys, votes, heads and attestations: what a signature holds, and what breaks it."""

from __future__ import annotations

import json
import secrets
import stat
import subprocess
import time
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govd.contract import votekey, votes
from govd.contract.attestations import TYPE, verify_attestation
from govd.contract.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    RedeemRefusedError,
    error_classes,
)
from govd.contract.heads import Head, SignedHead
from tests.support import needs

JOB = "01990000-0000-7000-8000-000000000001"
HOLD = "01990000-0000-7000-8000-000000000002"
INTENT = "01990000-0000-7000-8000-000000000003"
DIGEST = "ab" * 32
NONCE = "cd" * 16
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def vote(**changes):
    fields = {
        "operator": "ana",
        "job": JOB,
        "hold": HOLD,
        "review_token": DIGEST,
        "actions": [votes.action_commitment(NONCE, INTENT, DIGEST)],
        "quorum": 1,
        "expires_at": NOW,
        "verdict": "approve",
        "permits": [votes.Permit(cap="day", subject="agent:bot", window="day", highest="10.000000")],
        "reason_commitment": DIGEST,
        "guidance_commitment": DIGEST,
        "cast_at": NOW,
    }
    return votes.Vote(**(fields | changes))


@pytest.mark.threat("T1")
def test_a_vote_key_is_never_written_without_a_passphrase(tmp_path):
    """A process of the operator's own uid votes with a key file that nothing guards."""
    with pytest.raises(InvalidRequestError):
        votekey.write(tmp_path / "ana.key", votekey.generate(), b"")

    assert not list(tmp_path.iterdir())


@pytest.mark.threat("T1")
def test_a_vote_key_opens_with_its_passphrase_alone(tmp_path):
    """A process of the operator's own uid copies the key file and guesses nothing."""
    key = votekey.generate()
    path = tmp_path / "keys" / "ana.key"
    votekey.write(path, key, b"correct horse")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert votekey.public_text(votekey.load(path, b"correct horse")) == votekey.public_text(key)
    for wrong in (b"", b"wrong"):
        with pytest.raises(ForbiddenError):
            votekey.load(path, wrong)


def test_a_vote_key_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "ana.key"
    votekey.write(path, votekey.generate(), b"x")
    path.chmod(0o644)

    with pytest.raises(ForbiddenError, match="read by others"):
        votekey.load(path, b"x")


def test_a_vote_key_is_never_overwritten_nor_made_up(tmp_path):
    path = tmp_path / "ana.key"
    votekey.write(path, votekey.generate(), b"x")

    with pytest.raises(InvalidRequestError, match="never overwritten"):
        votekey.write(path, votekey.generate(), b"x")
    with pytest.raises(NotFoundError):
        votekey.load(tmp_path / "nobody.key", b"x")


def test_ssh_keygen_changes_the_passphrase_of_a_vote_key(tmp_path):
    key = votekey.generate()
    path = tmp_path / "ana.key"
    votekey.write(path, key, b"old one")

    subprocess.run(
        [needs.program("ssh-keygen"), "-q", "-p", "-P", "old one", "-N", "new one", "-f", path],
        check=True,
        capture_output=True,
    )

    assert votekey.public_text(votekey.load(path, b"new one")) == votekey.public_text(key)


@pytest.mark.threat("T12")
@pytest.mark.parametrize(
    "change",
    [
        {"operator": "bea"},
        {"job": HOLD},
        {"hold": JOB},
        {"review_token": "00" * 32},
        {"actions": [votes.action_commitment(NONCE, INTENT, "00" * 32)]},
        {"quorum": 2},
        {"expires_at": datetime(2027, 1, 1, tzinfo=UTC)},
        {"verdict": "deny"},
        {"permits": []},
        {"permits": [votes.Permit(cap="day", subject="agent:bot", window="day", highest="10.000001")]},
        {"reason_commitment": "00" * 32},
        {"guidance_commitment": "00" * 32},
        {"cast_at": datetime(2027, 1, 1, tzinfo=UTC)},
        {"on_screen_ms": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_vote_altered_in_any_member_does_not_verify(change):
    """A compromised govd turns a vote into one for another job, action, cap, expiry or verdict."""
    key = votekey.generate()
    signature = votes.sign(vote(), key)
    public = votekey.public_text(key)

    assert votes.verify(vote(), signature, public)
    assert not votes.verify(vote(**change), signature, public)


@pytest.mark.threat("T12")
def test_a_signature_for_one_kind_of_statement_is_none_for_another():
    """A signed policy change, or one of a voice, is passed off as a vote, or an enrolment."""
    policy = votes.PolicyChange(
        sha256=DIGEST, base_sha256=DIGEST, reason_commitment=DIGEST, signed_by="ana", signed_at=NOW
    )
    voice = votes.VoiceChange(
        operation="delete",
        speaker_commitment=DIGEST,
        mine=False,
        admin=False,
        replaces=JOB,
        signed_by="ana",
        signed_at=NOW,
    )

    contexts = {votes.signing_bytes(item).split(b"\n", 1)[0] for item in (vote(), policy, voice)}

    assert len(contexts) == 3


@pytest.mark.parametrize("signature", ["", "!!!", "AAAA", "é"])
def test_what_is_no_signature_verifies_nothing(signature):
    assert not votes.verify(vote(), signature, votekey.public_text(votekey.generate()))
    assert not votes.verify(vote(), votes.sign(vote(), votekey.generate()), "no key")


@pytest.mark.threat("T16")
def test_the_commitment_to_an_action_tells_nothing_without_the_nonce():
    """A reader of the log tests a guess of a short action against the vote's commitment."""
    once = votes.action_commitment(NONCE, INTENT, DIGEST)

    assert votes.covers(vote(), NONCE, INTENT, DIGEST)
    assert not votes.covers(vote(), "00" * 16, INTENT, DIGEST)
    assert DIGEST not in once.model_dump_json()


def test_the_permits_of_several_votes_are_what_all_of_them_permit_at_most():
    def one(highest, cap="day"):
        return votes.Permit(cap=cap, subject="agent:bot", window="day", highest=highest)

    both = [vote(permits=[one("9.5"), one("1", "week")]), vote(permits=[one("10")])]

    assert votes.lowest_permits(both) == {("day", "agent:bot", "day"): "9.5"}
    assert votes.lowest_permits([]) == {}


@pytest.mark.threat("T13")
def test_a_head_that_was_made_up_does_not_verify():
    """An agent stops govd by showing a head of the log that never was."""
    key = Ed25519PrivateKey.generate()
    genuine = Head(1, 7, DIGEST).signed("log", key)
    forged = genuine.replace(".7.", ".8.")

    assert SignedHead.parse(genuine).verified(key.public_key())
    assert not SignedHead.parse(forged).verified(key.public_key())
    assert not SignedHead.parse(genuine).verified(Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize(
    "text", ["", "a.b", "log.x.1.d.s", "log.1.1.d.*", "log.1.1.d.s.t", "lög.1.1.d.s", "a" * 999]
)
def test_a_head_of_another_form_is_refused(text):
    with pytest.raises(InvalidRequestError):
        SignedHead.parse(text)


def test_heads_are_ordered_by_epoch_first():
    assert Head(2, 1, DIGEST) > Head(1, 99, DIGEST)


class Issuer:
    """A key, its JWKS, and the tokens that it signs."""

    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self.key.public_key()))
        self.jwks = {"keys": [public | {"kid": "one", "alg": "EdDSA", "use": "sig"}]}

    def token(self, typ=TYPE, kid="one", **changes):
        claims = {
            "iss": "govd",
            "sub": "bot",
            "aud": "runner",
            "jti": INTENT,
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "intent_id": INTENT,
            "intent_sha256": DIGEST,
            "policy_sha256": DIGEST,
            "decided_by": "policy",
            "assurance": "enforced",
        } | changes
        return jwt.encode(claims, self.key, algorithm="EdDSA", headers={"typ": typ, "kid": kid})


@pytest.mark.threat("T7")
def test_an_attestation_is_good_for_its_executor_its_time_and_its_issuer_alone():
    """An executor is handed a token that is expired, for someone else, of another type or another's."""
    issuer = Issuer()

    assert verify_attestation(issuer.token(), issuer.jwks, "runner").intent_sha256 == DIGEST

    refused = [
        (issuer.token(aud="other"), issuer.jwks),
        (issuer.token(exp=1), issuer.jwks),
        (issuer.token(typ="JWT"), issuer.jwks),
        (issuer.token(kid="two"), issuer.jwks),
        (issuer.token(decided_by="nobody"), issuer.jwks),
        (issuer.token(), Issuer().jwks),
        (issuer.token()[:-4] + "AAAA", issuer.jwks),
        (
            jwt.encode({"aud": "runner"}, secrets.token_bytes(32), headers={"typ": TYPE, "kid": "one"}),
            issuer.jwks,
        ),
        ("not.a.token", issuer.jwks),
    ]
    for token, jwks in refused:
        with pytest.raises(RedeemRefusedError):
            verify_attestation(token, jwks, "runner")
    with pytest.raises(RedeemRefusedError):
        verify_attestation(issuer.token(), issuer.jwks, "runner", now=int(time.time()) + 301)


def test_every_error_has_a_code_and_a_problem_document_of_its_own():
    classes = error_classes()

    assert len({cls.code for cls in classes}) == len(classes)
    for cls in classes:
        problem = cls("what happened", hint="what to do", pointer="/a", retry_after=3).problem()
        assert problem["type"] == f"urn:govconsole:error:{cls.code}"
        assert problem["status"] == cls.status
        assert {"title", "detail", "hint", "pointer", "retry_after"} <= set(problem)
