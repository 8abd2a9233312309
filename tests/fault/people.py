"""The other clients of the kill test: operators who cast signed votes, and executors who mint and redeem."""

from __future__ import annotations

import queue
from functools import cached_property
from typing import TYPE_CHECKING

from govd.contract import votes
from govd.contract.jobs import JobDetail, JobPage
from tests.fault.clients import Worker
from tests.support.govd_process import OPERATOR, PASSPHRASE
from tests.support.operator import Operator

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from tests.fault.clients import World

VERDICTS: tuple[votes.Verdict, ...] = ("approve",) * 6 + ("deny",) * 2 + ("deny_with_guidance",)
OUTCOMES = ("succeeded",) * 4 + ("failed",) + ("not_run",) * 4 + ("unknown",)


class Signer(Operator):
    """An operator who types the passphrase once."""

    @cached_property
    def key(self) -> Ed25519PrivateKey:
        """The vote key."""
        return super().key


class Reviewer(Worker):
    """An operator's console: picks a held job, opens it, signs what it shows."""

    def __init__(self, world: World, number: int) -> None:
        govd = world.govd
        self.operator = Signer(OPERATOR, govd.operators_socket, govd.operator_dir, PASSPHRASE)
        super().__init__(world, f"reviewer-{number}", self.operator.http)

    def step(self) -> None:
        """One vote."""
        response, _ = self.call("GET", "/v1/jobs?state=held&limit=8")
        if not self.expect(response):
            return
        page = JobPage.model_validate_json(response.content)
        if not page.jobs:
            self.world.power.pause()
            return
        response, _ = self.call("GET", f"/v1/jobs/{self.rng.choice(page.jobs).id}")
        if self.expect(response):
            self.vote(JobDetail.model_validate_json(response.content))

    def vote(self, detail: JobDetail) -> None:
        """Sign, and cast until there is an answer."""
        if detail.hold is None or not detail.hold.intents:
            return
        verdict = self.rng.choice(VERDICTS)
        guidance = "smaller, please" if verdict == "deny_with_guidance" else ""
        submission = self.operator.sign(detail, verdict, reason="load", guidance=guidance)
        content = submission.model_dump(mode="json", by_alias=True)
        response, lost = self.call("POST", f"/v1/jobs/{detail.id}/votes", content)
        if not self.expect(response, 409):
            if not lost:
                return
            # Was it counted before the answer was lost? The job says so.
            response, _ = self.call("GET", f"/v1/jobs/{detail.id}?peek=true")
            if not self.expect(response):
                return
        self.counted(submission.signed, JobDetail.model_validate_json(response.content))

    def counted(self, signed: votes.SignedVote, detail: JobDetail) -> None:
        """Keep what an answer says of our vote."""
        if all(view.signed.signature != signed.signature for view in detail.votes):
            return
        self.journal.votes[votes.vote_sha256(signed)] = signed.vote.verdict
        voted = {action.intent for action in signed.vote.actions}
        for intent in detail.settled:
            if intent.id in voted:
                self.journal.move(intent.id, intent.state.value)
                if intent.state.value == "approved":
                    self.world.offer(intent.id, self.rng)


class Runner(Worker):
    """An executor: mints, redeems, reports. Several of them may be after one intent."""

    def __init__(self, world: World, executor: str, number: int) -> None:
        client = world.govd.client(executor, world.govd.root / "tokens" / f"{executor}.token")
        super().__init__(world, f"{executor}-{number}", client.http)
        self.executor = executor

    def step(self) -> None:
        """One approved intent, from mint to outcome; now and then one that was spent long ago."""
        spent = self.journal.spent(self.rng) if self.rng.random() < 0.1 else None
        if spent is not None:
            self.again(*spent)
            return
        try:
            intent = self.world.approved.get(timeout=0.2)
        except queue.Empty:
            self.world.power.wait()  # the run may be over
            return
        response, _ = self.call("POST", f"/v1/intents/{intent}/attestation")
        if not self.expect(response, 403, 409):
            return
        minted = response.json()
        attestation, digest = minted["attestation"], minted["claims"]["intent_sha256"]
        redemption = {"attestation": attestation, "intent_sha256": digest}
        response, lost = self.call("POST", "/v1/attestations/redeem", redemption)
        if self.expect(response, 403, 409):
            self.journal.redeem(intent, attestation, digest, self.executor)
        elif not lost:
            return
        if self.rng.random() < 0.9:
            self.report(intent)

    def again(self, intent: str, attestation: str, digest: str) -> None:
        """What was spent is not spent again: if the answer is positive, the journal counts it."""
        response, _ = self.call(
            "POST", "/v1/attestations/redeem", {"attestation": attestation, "intent_sha256": digest}
        )
        if self.expect(response, 403, 409):
            self.journal.redeem(intent, attestation, digest, self.executor)

    def report(self, intent: str) -> None:
        """What became of the run; refused where another executor redeemed it."""
        status = self.rng.choice(OUTCOMES)
        exit_code = {"succeeded": 0, "failed": 1}.get(status)
        response, _ = self.call(
            "POST", f"/v1/intents/{intent}/outcome", {"status": status, "exit_code": exit_code}
        )
        if self.expect(response, 403, 409):
            self.journal.move(intent, response.json()["state"])
