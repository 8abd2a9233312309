"""An operator without a screen: opens jobs, computes the review token by itself, signs and casts votes.

Counts what a vote permits as the console does; must never take a hash that the backend computed for granted.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import httpx

from govconsole.client.review import permits
from govd.contract import votekey, votes
from govd.contract.afterwards import ResolutionSubmission, RevocationSubmission
from govd.contract.intents import IntentDetail
from govd.contract.jobs import HoldView, JobDetail, JobPage
from govd.contract.plain import no_authorities
from govd.identities.model import new_token, token_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Refused(Exception):  # noqa: N818 - it reads as what happened
    """A door answered with a problem document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail')}")
        self.status = status
        self.problem = problem
        self.code = str(problem.get("type", "")).rsplit(":", 1)[-1]


def answer(response: httpx.Response) -> Any:
    """The body of a good answer, or `Refused`."""
    if response.is_success:
        return response.json() if response.content else None
    try:
        problem = response.json()
    except ValueError:
        problem = {"detail": response.text[:200]}
    raise Refused(response.status_code, problem)


def review(detail: JobDetail, hold: HoldView) -> votes.Review:
    """What the token of this hold is the hash of, from the actions as they were shown."""
    return votes.Review(
        job=detail.id,
        hold=hold.id,
        nonce=hold.nonce,
        policy_sha256=hold.policy_sha256,
        intents=[votes.reviewed(item.id, item.body().sha256(), item.decision) for item in hold.intents],
    )


_KEYS: dict[tuple[bytes, bytes], Ed25519PrivateKey] = {}


def _opened(path: Path, passphrase: bytes) -> Ed25519PrivateKey:
    what = path.read_bytes(), passphrase
    if what not in _KEYS:
        _KEYS[what] = votekey.load(path, passphrase)
    return _KEYS[what]


class Operator:
    """A client of the operators' door with a vote key.

    Args:
        name: The operator.
        socket: The operators' Unix socket.
        directory: Where NAME.token and NAME.key lie.
        passphrase: Of the vote key.
    """

    def __init__(self, name: str, socket: Path, directory: Path, passphrase: bytes) -> None:
        self.name = name
        self.directory = directory
        self._passphrase = passphrase
        token = (directory / f"{name}.token").read_text(encoding="ascii").strip()
        self.http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket), verify=no_authorities()),
            base_url="http://operators",
            headers={"Authorization": f"Bearer {token}"},
            timeout=180,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def key(self) -> Ed25519PrivateKey:
        """The vote key. What guards its passphrase costs a third of a second: a key is opened once."""
        return _opened(self.directory / f"{self.name}.key", self._passphrase)

    def get(self, path: str) -> Any:
        """GET on the operators' door."""
        return answer(self.http.get(path))

    def post(self, path: str, body: object = None) -> Any:
        """POST on the operators' door."""
        return answer(self.http.post(path, json=body if body is not None else {}))

    def add_executor(
        self, name: str, agents: Sequence[str], *, advisory: bool = False, uid: int | None = None
    ) -> str:
        """Enrol an executor with a signature; its token."""
        token = new_token("executor")
        enrolment = votes.Enrolment(
            operation="add",
            kind="executor",
            name=name,
            token_sha256=token_digest(token),
            agents=list(agents),
            uid=uid,
            advisory=advisory,
            signed_by=self.name,
            signed_at=datetime.now(UTC),
        )
        signature = votes.sign(enrolment, self.key)
        self.post("/v1/enrolments", {"enrolment": enrolment.model_dump(mode="json"), "signature": signature})
        return token

    def queue(self, state: str = "held") -> JobPage:
        """One page of jobs."""
        return JobPage.model_validate(self.get(f"/v1/jobs?state={state}"))

    def open(self, job: str) -> JobDetail:
        """The job as it is reviewed: closes its open hold."""
        return JobDetail.model_validate(self.get(f"/v1/jobs/{job}"))

    def sign(
        self,
        detail: JobDetail,
        verdict: votes.Verdict,
        *,
        reason: str = "",
        guidance: str = "",
        **changes: object,
    ) -> votes.VoteSubmission:
        """A signed vote on what `detail` shows; `changes` replaces members before signing."""
        hold = detail.hold
        if hold is None:
            raise AssertionError(f"job {detail.id} is {detail.state}: nothing is held")
        salt = secrets.token_hex(16)
        fields: dict[str, Any] = {
            "operator": self.name,
            "job": detail.id,
            "hold": hold.id,
            "review_token": review(detail, hold).token(),
            "actions": [
                votes.action_commitment(hold.nonce, item.id, item.body().sha256()) for item in hold.intents
            ],
            "quorum": hold.quorum,
            "expires_at": hold.expires_at,
            "verdict": verdict,
            "permits": list(permits(hold.intents)) if verdict == "approve" else [],
            "reason_commitment": votes.text_commitment(salt, reason),
            "guidance_commitment": votes.text_commitment(salt, guidance),
            "cast_at": datetime.now(UTC),
            "on_screen_ms": 4_000,
        }
        vote = votes.Vote(**(fields | changes))
        signed = votes.SignedVote(vote=vote, signature=votes.sign(vote, self.key))
        return votes.VoteSubmission(signed=signed, salt=salt, reason=reason, guidance=guidance)

    def cast(self, submission: votes.VoteSubmission) -> JobDetail:
        """Send a vote."""
        job = submission.signed.vote.job
        return JobDetail.model_validate(
            self.post(f"/v1/jobs/{job}/votes", submission.model_dump(mode="json", by_alias=True))
        )

    def signed_resolution(
        self, intent: IntentDetail, status: str, reason: str = "looked", **changes: object
    ) -> ResolutionSubmission:
        """What became of an action, signed; `changes` replaces members before signing."""
        salt = secrets.token_hex(16)
        action = votes.action_commitment(salt, intent.id, intent.body().sha256())
        about = {"job": intent.job, "action": action, "status": status}
        statement = votes.Resolution(**(about | self._said(salt, reason) | changes))
        return ResolutionSubmission(
            statement=statement, signature=votes.sign(statement, self.key), salt=salt, reason=reason
        )

    def signed_revocation(self, job: str, reason: str = "enough", **changes: object) -> RevocationSubmission:
        """That the rest of a job is taken back, signed; `changes` replaces members before signing."""
        salt = secrets.token_hex(16)
        statement = votes.Revocation(**({"job": job} | self._said(salt, reason) | changes))
        return RevocationSubmission(
            statement=statement, signature=votes.sign(statement, self.key), salt=salt, reason=reason
        )

    def _said(self, salt: str, reason: str) -> dict[str, Any]:
        """Why, by whom and when: what every statement of his ends with."""
        return {
            "reason_commitment": votes.text_commitment(salt, reason),
            "signed_by": self.name,
            "signed_at": datetime.now(UTC),
        }

    def resolve(self, intent: str, status: str, reason: str = "looked") -> None:
        """Say what became of an action."""
        shown = IntentDetail.model_validate(self.get(f"/v1/intents/{intent}"))
        body = self.signed_resolution(shown, status, reason)
        self.post(f"/v1/intents/{intent}/resolution", body.model_dump(mode="json"))

    def revoke(self, job: str, reason: str = "enough") -> JobDetail:
        """Take back whatever of a job has not been redeemed."""
        body = self.signed_revocation(job, reason).model_dump(mode="json")
        return JobDetail.model_validate(self.post(f"/v1/jobs/{job}/revoke", body))

    def approve(self, job: str, reason: str = "reviewed") -> JobDetail:
        """Open the job and approve what it shows."""
        return self.cast(self.sign(self.open(job), "approve", reason=reason))

    def deny(self, job: str, reason: str = "no", guidance: str = "") -> JobDetail:
        """Open the job and deny what it shows, with guidance where there is some."""
        verdict: votes.Verdict = "deny_with_guidance" if guidance else "deny"
        return self.cast(self.sign(self.open(job), verdict, reason=reason, guidance=guidance))
