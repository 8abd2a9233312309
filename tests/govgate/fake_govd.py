"""A small govd for the gate's tests: real HTTP over real sockets, real signatures, and knobs to misbehave.

It decides whatever the test says. It is no model of govd's rules: only of what it speaks.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from govd.contract import votes
from govd.contract.attestations import TYPE, Approver, Claims, Minted
from govd.contract.decisions import DecisionView, Finding, Outcome, Risk
from govd.contract.errors import (
    AlreadyRedeemedError,
    ConflictError,
    ForbiddenError,
    GovError,
    NotFoundError,
    RedeemRefusedError,
    UnauthenticatedError,
)
from govd.contract.evidence import EvidenceSubmission
from govd.contract.heads import HEADER, Head
from govd.contract.intents import IntentDetail, IntentState, OutcomeReport, Submission, intent_sha256
from govd.contract.votekey import public_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AGENT_TOKEN = "agent-token"
EXECUTOR_TOKEN = "executor-token"
POLICY = "0" * 64
LOG = "01980000-0000-7000-8000-000000000001"
_STRICT: dict[str, Outcome] = {
    "approved": Outcome.APPROVED,
    "held": Outcome.PENDING,
    "denied": Outcome.DENIED,
}


def new_id() -> str:
    digits = f"0198{secrets.token_hex(14)}"
    return f"{digits[:8]}-{digits[8:12]}-7{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


@dataclass
class Operator:
    name: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public(self) -> str:
        return public_text(self.key)


@dataclass
class Intent:
    detail: IntentDetail
    decided_by: str | list[Approver] = "policy"
    votes: list[votes.SignedVote] = field(default_factory=list)
    nonce: str | None = None


class FakeGovd:
    """Serves one agent `bot` and its executor `runner`."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.decision: str = "approved"
        self.message = "so the test says"
        self.guidance: str | None = None
        self.intents: dict[str, Intent] = {}
        self.by_key: dict[str, str] = {}
        self.redeemed: list[str] = []
        self.outcomes: dict[str, list[OutcomeReport]] = {}
        self.evidence: dict[str, EvidenceSubmission] = {}
        self.delivered: list[str] = []
        self.requests: list[tuple[str, str, Mapping[str, str]]] = []
        self.claim_changes: dict[str, Any] = {}
        self.attestation_header: dict[str, Any] = {}
        self.signing_key: Ed25519PrivateKey | None = None
        self.minted: Callable[[Minted], Minted] = lambda minted: minted
        self.lose_answer: set[str] = set()
        self.refuse: dict[str, GovError] = {}
        self.epoch, self.seq = 1, 1
        self.send_head = True
        self.changed = threading.Condition()
        fake = self

        class Handler(_Handler):
            govd = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    # -- what a test does --------------------------------------------------------------------------

    def settle(self, intent: str, state: str, **changes: Any) -> None:
        """Bring an intent into a state."""
        with self.changed:
            held = self.intents[intent]
            held.detail = held.detail.model_copy(update={"state": IntentState(state), **changes})
            self.seq += 1
            self.changed.notify_all()

    def wait_for(self, what: Callable[[], Any], seconds: float = 30) -> Any:
        """The first true answer of `what`, asked after each change."""
        with self.changed:
            assert self.changed.wait_for(what, seconds), "it did not happen"
            return what()

    def approve_by(self, intent: str, *operators: Operator, quorum: int = 1, **changes: Any) -> None:
        """Approve with signed votes; `changes` are made to each vote before it is signed."""
        held = self.intents[intent]
        held.nonce = secrets.token_hex(16)
        now = datetime.now(UTC)
        held.votes, approvers = [], []
        for operator in operators:
            fields: dict[str, Any] = {
                "operator": operator.name,
                "job": held.detail.job,
                "hold": new_id(),
                "review_token": "1" * 64,
                "actions": [votes.action_commitment(held.nonce, intent, held.detail.intent_sha256)],
                "quorum": quorum,
                "expires_at": now + timedelta(hours=1),
                "verdict": "approve",
                "reason_commitment": "2" * 64,
                "guidance_commitment": "3" * 64,
                "cast_at": now,
            }
            vote = votes.Vote(**(fields | changes))
            signed = votes.SignedVote(vote=vote, signature=votes.sign(vote, operator.key))
            held.votes.append(signed)
            approvers.append(Approver(operator=operator.name, vote_sha256=votes.vote_sha256(signed)))
        held.decided_by = approvers
        self.settle(intent, "approved")

    def outcome(self, intent: str) -> str | None:
        """The last outcome that was reported."""
        found = self.outcomes.get(intent, [])
        return found[-1].status if found else None

    # -- what it answers ---------------------------------------------------------------------------

    def head(self) -> str:
        digest = hashlib.sha256(f"{self.epoch}.{self.seq}".encode()).hexdigest()
        return Head(self.epoch, self.seq, digest).signed(LOG, self.key)

    def jwks(self) -> dict[str, Any]:
        public = json.loads(OKPAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": "k1", "use": "sig", "alg": "EdDSA"}]}

    def submit(self, body: Submission, agent: str) -> IntentDetail:
        if body.idempotency_key in self.by_key:
            return self.intents[self.by_key[body.idempotency_key]].detail
        job, origin = body.job or new_id(), body.origin or "user"
        outcome = _STRICT.get(self.decision, Outcome.PENDING)
        finding = Finding(block="test", rule="test-rule", code="test", outcome=outcome, message=self.message)
        decision = DecisionView(outcome=outcome, findings=[finding], risk=Risk(), policy_sha256=POLICY)
        digest = intent_sha256(
            agent=agent, job=job, kind=body.kind, action=body.action, inputs=body.inputs, origin=origin
        )
        detail = IntentDetail(
            id=new_id(), agent=agent, job=job, kind=body.kind, state=IntentState(self.decision),
            intent_sha256=digest, decision=decision, origin=origin, decided_at=datetime.now(UTC),
            guidance=self.guidance, action=body.action, inputs=body.inputs, purpose=body.purpose,
        )  # fmt: skip
        with self.changed:
            self.intents[detail.id] = Intent(detail)
            if body.idempotency_key is not None:
                self.by_key[body.idempotency_key] = detail.id
            self.seq += 1
            self.changed.notify_all()
        return detail

    def mint(self, intent: str) -> Minted:
        held = self.intents[intent]
        if held.detail.state is IntentState.REDEEMED:
            raise AlreadyRedeemedError("the intent has been redeemed")
        if held.detail.state is not IntentState.APPROVED:
            raise RedeemRefusedError(f"the intent is {held.detail.state.value}, not approved")
        now = int(time.time())
        claims = Claims(
            iss="govd", sub=held.detail.agent, aud="runner", jti=new_id(), iat=now, exp=now + 300,
            intent_id=intent, intent_sha256=held.detail.intent_sha256, policy_sha256=POLICY,
            decided_by=held.decided_by, assurance="enforced",
        ).model_copy(update=self.claim_changes)  # fmt: skip
        header = {"typ": TYPE, "kid": "k1"} | self.attestation_header
        key = self.signing_key or self.key
        token = jwt.encode(claims.model_dump(mode="json"), key, "EdDSA", headers=header)
        return self.minted(
            Minted(attestation=token, claims=claims, votes=held.votes, nonce=held.nonce, intent=held.detail)
        )

    def redeem(self, body: Mapping[str, Any]) -> dict[str, str]:
        payload = jwt.decode(body["attestation"], options={"verify_signature": False})
        with self.changed:
            held = self.intents[payload["intent_id"]]
            if held.detail.intent_sha256 != body["intent_sha256"]:
                raise RedeemRefusedError("what is about to run is not what was approved")
            if payload["intent_id"] in self.redeemed:
                raise AlreadyRedeemedError("the intent has been redeemed")
            self.redeemed.append(payload["intent_id"])
        self.settle(payload["intent_id"], "redeemed")
        return {"intent_id": payload["intent_id"], "jti": payload["jti"]}

    def take_evidence(self, intent: str, body: EvidenceSubmission) -> Any:
        if self.intents[intent].detail.state is not IntentState.HELD:
            raise ConflictError("evidence is taken while it is held")
        with self.changed:
            self.evidence[intent] = body
            self.changed.notify_all()
        head = body.model_dump(mode="json", exclude={"push", "text"})
        gathered = {"gathered_by": "runner", "gathered_at": "2026-01-01T00:00:00.000000Z"}
        return head | gathered | {"size": len(body.text.encode())}

    def report(self, intent: str, body: Mapping[str, Any]) -> IntentDetail:
        if intent not in self.redeemed:
            raise ForbiddenError("only the executor that redeemed an intent reports its outcome")
        outcome = OutcomeReport.model_validate(body)
        with self.changed:  # who waits for an outcome is to find a whole one
            if self.outcomes.get(intent) and self.outcomes[intent][-1] != outcome:
                raise ConflictError("the outcome is known")
            self.outcomes.setdefault(intent, []).append(outcome)
        self.settle(intent, outcome.status)
        return self.intents[intent].detail


class _Handler(BaseHTTPRequestHandler):
    govd: FakeGovd
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def _serve(self, method: str) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        with self.govd.changed:
            self.govd.requests.append((method, path, dict(self.headers.items())))
            self.govd.changed.notify_all()
        tail = path.rpartition("/")[2]
        try:
            if tail in self.govd.refuse:
                raise self.govd.refuse[tail]
            status, body = 200, self._answer(method, path, query, raw)
        except GovError as error:
            status, body = error.status, error.problem()
        except KeyError:
            error = NotFoundError("there is no such thing")
            status, body = error.status, error.problem()
        if tail in self.govd.lose_answer:
            self.close_connection = True
            return
        data = json.dumps(body).encode()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            if self.govd.send_head:
                self.send_header(HEADER, self.govd.head())
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def _answer(self, method: str, path: str, query: str, raw: bytes) -> Any:  # noqa: C901, PLR0911 - one line a route
        if path == "/.well-known/jwks.json":
            return self.govd.jwks()
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in {AGENT_TOKEN, EXECUTOR_TOKEN}:
            raise UnauthenticatedError("no such token")
        executor = token == EXECUTOR_TOKEN
        match [method, *path.strip("/").split("/")]:
            case ["GET", "v1", "me"]:
                return self._me(executor=executor)
            case ["POST", "v1", "me", "token"]:
                return {"token": "fresh-token", "token_expires_at": "2030-01-01T00:00:00.000000Z"}
            case ["POST", "v1", "jobs"]:
                return self._job(new_id(), json.loads(raw)["title"])
            case ["POST", "v1", "jobs", job, "deliver"]:
                self.govd.delivered.append(job)
                return self._job(job, "delivered")
            case ["POST", "v1", "intents"]:
                return _view(self.govd.submit(Submission.model_validate_json(raw), "bot"))
            case ["GET", "v1", "intents", intent]:
                return self._intent(intent, query)
            case ["POST", "v1", "intents", intent, "attestation"] if executor:
                return self.govd.mint(intent).model_dump(mode="json", by_alias=True)
            case ["POST", "v1", "attestations", "redeem"] if executor:
                return self.govd.redeem(json.loads(raw))
            case ["POST", "v1", "intents", intent, "outcome"] if executor:
                return _view(self.govd.report(intent, json.loads(raw)))
            case ["POST", "v1", "intents", intent, "evidence"] if executor:
                return self.govd.take_evidence(intent, EvidenceSubmission.model_validate_json(raw))
        raise ForbiddenError(f"not for the holder of this token: {path}")

    def _intent(self, intent: str, query: str) -> Any:
        seconds = int(query.removeprefix("wait=") or 0)
        held = self.govd.intents[intent]
        with self.govd.changed:
            self.govd.changed.wait_for(lambda: held.detail.state is not IntentState.HELD, seconds)
        return _view(held.detail)

    @staticmethod
    def _me(*, executor: bool) -> dict[str, Any]:
        kind = "executor" if executor else "agent"
        name = "runner" if executor else "bot"
        return {"name": name, "kind": kind, "assurance": "enforced", "policy_sha256": POLICY}

    @staticmethod
    def _job(job: str, title: str) -> dict[str, Any]:
        opened = "2026-01-01T00:00:00.000000Z"
        return {"id": job, "agent": "bot", "state": "processing", "title": title, "opened_at": opened}


_VIEW = (
    "id", "agent", "job", "kind", "state", "intent_sha256", "decision", "origin", "decided_at", "held_until",
    "approved_until", "guidance", "supersedes",
)  # fmt: skip


def _view(detail: IntentDetail) -> dict[str, Any]:
    full = detail.model_dump(mode="json", by_alias=True)
    return {name: full[name] for name in _VIEW}
