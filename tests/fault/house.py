"""A govd without doors, in this process, on a clock that the test moves; everybody around it in one place."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from govd.contract import votekey, votes
from govd.contract.attestations import Minted, Redemption
from govd.contract.errors import GovError, HaltedError, IntegrityError
from govd.contract.intents import OutcomeReport, Submission
from govd.contract.keys import KeyRotationSubmission, StolenKeySubmission
from govd.contract.system import PolicyApplication
from govd.founding import Founding, found
from govd.identities.model import Identity
from govd.service import Govd
from govd.settings import read_settings
from govd.storage.engine import make_engine, parse_url
from tests.support.clocks import Times
from tests.support.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from govd.contract.jobs import JobDetail
    from govd.contract.keys import KeyView
    from govd.storage.ledger import Transaction

PASSPHRASE: Final = b"a passphrase for tests"
HOLD_TTL: Final = timedelta(hours=1)
APPROVAL_TTL: Final = timedelta(hours=2)


def policy(name: str, *, allow: str, deny: str, count: int, usd: int) -> str:
    """One of several laws, with times that a test can run through."""
    return f"""\
version: 1
name: {name}
tools: ["search.*", "pay.*", "post.*", "wipe.*"]
tool_calls:
  effects: {{"search.*": read, "pay.*": irreversible}}
  allow: [{allow}]
  deny: [{deny}]
amounts:
  pay.*: {{usd: arguments.amount, currency: arguments.currency}}
soft_limits:
  - {{name: searches, metric: count, match: {{tools: ["search.*"]}}, per: agent, window: day, cap: "{count}"}}
  - {{name: payments, metric: usd, match: {{tools: ["pay.*"]}}, per: all, window: day, cap: "{usd}"}}
holds: {{ttl: 1h, quorum: 1, grace: 0s, reason_required: false}}
attestation: {{ttl: 5m, approval: 2h}}
"""


POLICIES: Final = {
    "base": policy("base", allow='"search.*", "pay.*"', deny='"wipe.*"', count=4, usd=100),
    "tight": policy("tight", allow='"search.*"', deny='"wipe.*", "pay.*"', count=2, usd=40),
    "loose": policy("loose", allow='"search.*", "pay.*", "post.*"', deny="", count=6, usd=200),
}


def found_state(root: Path) -> Path:
    """A state with one operator and the base policy, to be copied."""
    state = root / "template" / "state"
    found(
        Founding(
            state=state,
            operator="ana",
            operator_dir=root / "operator",
            passphrase=PASSPHRASE,
            policy=POLICIES["base"].encode(),
            policy_path=None,
            agent_port=0,
            database=None,
            rounds=1,
        )
    )
    return state


class Signer(Operator):
    """An operator who signs, and reaches govd by a call."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.name = "ana"
        self._key = key

    @property
    def key(self) -> Ed25519PrivateKey:
        """The vote key."""
        return self._key


class House:
    """One govd, its agents, its executor, its operator."""

    def __init__(self, template: Path, state: Path, key: Ed25519PrivateKey) -> None:
        shutil.copytree(template, state)
        self.state = state
        self.times = Times(wall=datetime.now(UTC) + timedelta(seconds=1))
        self.govd = Govd(state, read_settings(state), clock=self.times.clock())
        self.signer = Signer(key)
        made = self.govd.clock.now()
        self.agents = {
            name: Identity(kind="agent", name=name, state="active", created_at=made)
            for name in ("ada", "ben")
        }
        for identity in self.agents.values():
            self.govd.directory.add_agent(identity, timedelta(days=30), by="ana")
        self.executor = Identity(
            kind="executor", name="runner", state="active", created_at=made, agents=("ada", "ben")
        )
        self.engine = make_engine(parse_url(self.govd.url), writer=False)

    def close(self) -> None:
        """End, and leave nothing behind."""
        self.govd.close()
        self.engine.dispose()
        shutil.rmtree(self.state.parent, ignore_errors=True)

    def restart(self) -> None:
        """Another start on the same state, on the same machine."""
        self.govd.close()
        self.govd = Govd(self.state, read_settings(self.state), clock=self.times.clock())

    def now(self) -> datetime:
        """The governed time."""
        return self.govd.clock.now()

    def do(self, work: Callable[[Transaction], Any]) -> Any:
        """A work of the ledger: its result, or the error that it was refused with."""
        return self.attempt(lambda: self.govd.ledger.submit(work).result())

    @staticmethod
    def attempt(call: Callable[[], Any]) -> Any:
        """A refusal is a result; a govd that stops, or that finds itself broken, is none."""
        try:
            return call()
        except (HaltedError, IntegrityError):
            raise
        except GovError as refused:
            return refused

    # -- agents ----------------------------------------------------------------------------------

    def submit(self, agent: str, content: dict[str, object]) -> Any:
        """Declare."""
        identity = self.agents[agent]
        return self.attempt(
            lambda: (
                self.govd.ledger.submit(
                    self.govd.decisions.submit(identity, Submission.model_validate(content))
                )
                .result()
                .view()
            )
        )

    # -- the operator ----------------------------------------------------------------------------

    def show(self, job: str) -> Any:
        """Open a job for review."""
        return self._shown(job, self.do(self.govd.reviews.close_hold(job)))

    def _shown(self, job: str, done: Any) -> Any:
        if isinstance(done, GovError):
            return done
        return self.govd.ledger.read(lambda connection: self.govd.reviews.detail(connection, job))

    def vote(self, detail: JobDetail, verdict: votes.Verdict, **changes: Any) -> Any:
        """Sign what was shown, and cast it; None where it was decided again under another policy."""
        guidance = "less" if verdict == "deny_with_guidance" else ""
        submission = self.signer.sign(detail, verdict, guidance=guidance, cast_at=self.now(), **changes)
        done = self.do(self.govd.reviews.vote("ana", detail.id, submission))
        return None if done is False else self._shown(detail.id, done)

    def resolve(self, intent: str, status: str) -> Any:
        """Say what became of a run."""
        shown = self.govd.ledger.read(lambda c: self.govd.afterwards.intent(c, intent))
        body = self.signer.signed_resolution(shown, status, signed_at=self.now())
        return self.do(self.govd.afterwards.resolve("ana", intent, body))

    def revoke(self, job: str) -> Any:
        """Take back what has not been redeemed."""
        body = self.signer.signed_revocation(job, signed_at=self.now())
        return self.do(self.govd.afterwards.revoke("ana", job, body))

    def apply(self, source: str) -> Any:
        """Put another policy in force."""
        return self.attempt(lambda: self.govd.policies.apply("ana", self.signed_policy(source)))

    def signed_policy(self, source: str) -> PolicyApplication:
        """Another policy, signed to follow the one in force."""
        salt = secrets.token_hex(16)
        change = votes.PolicyChange(
            sha256=hashlib.sha256(source.encode()).hexdigest(),
            base_sha256=self.govd.policies.current.sha256,
            reason_commitment=votes.text_commitment(salt, "other times"),
            signed_by="ana",
            signed_at=self.now(),
        )
        return PolicyApplication(
            source=source,
            change=change.model_dump(mode="json"),
            signature=votes.sign(change, self.signer.key),
            salt=salt,
            reason="other times",
        )

    def signed_rotation(self, **changes: Any) -> KeyRotationSubmission:
        """What the operator signs for the key that was made to follow; `changes` before signing."""
        following = self.govd.rotations.prepare()
        fields = {
            "public_key": following.public_key,
            "previous": following.previous,
            "signed_by": "ana",
            "signed_at": self.now(),
        }
        rotation = votes.KeyRotation(**(fields | changes))
        return KeyRotationSubmission(rotation=rotation, signature=votes.sign(rotation, self.signer.key))

    def rotate(self, **changes: Any) -> list[KeyView]:
        """Have another key sign."""
        return self.govd.rotations.rotate("ana", self.signed_rotation(**changes))

    def signed_stolen(self, key_id: str, **changes: Any) -> StolenKeySubmission:
        """What the operator signs about a key that was found stolen; `changes` before signing."""
        fields = {"kid": key_id, "signed_by": "ana", "signed_at": self.now()}
        statement = votes.StolenKey(**(fields | changes))
        return StolenKeySubmission(statement=statement, signature=votes.sign(statement, self.signer.key))

    def give_up(self, key_id: str) -> list[KeyView]:
        """Have nothing count that a former key signed."""
        return self.govd.rotations.give_up("ana", self.signed_stolen(key_id))

    # -- the executor ----------------------------------------------------------------------------

    def mint(self, intent: str) -> Any:
        """Ask for an attestation."""
        return self.do(self.govd.attestations.mint(self.executor, intent))

    def redeem(self, minted: Minted) -> Any:
        """Spend one."""
        body = Redemption(attestation=minted.attestation, intent_sha256=minted.claims.intent_sha256)
        now = int(self.now().timestamp())
        return self.attempt(
            lambda: self.govd.ledger.submit(self.govd.attestations.redeem(self.executor, body, now)).result()
        )

    def report(self, intent: str, status: str) -> Any:
        """What became of it."""
        body = OutcomeReport.model_validate({"status": status})
        return self.do(self.govd.attestations.report(self.executor, intent, body))

    # -- time ------------------------------------------------------------------------------------

    def go_on(self, seconds: float) -> None:
        """Time passes."""
        self.times.go_on(seconds)

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.times.step(seconds)
        self.govd.tick()

    def see_alarms(self) -> None:
        """The operator has seen every alarm."""
        for alarm in list(self.govd.alarms.standing):
            self.govd.alarms.seen(alarm.id, "ana")


def load_key(root: Path) -> Ed25519PrivateKey:
    """The operator's vote key."""
    return votekey.load(root / "operator" / "ana.key", PASSPHRASE)
