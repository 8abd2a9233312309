"""An executor's identity at work: attestations minted and verified, redeemed once, outcomes reported.

Nothing may be begun twice, and where it is not certain that the one redemption was ours, nothing begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from govd.contract.attestations import verify_attestation
from govd.contract.errors import (
    ConflictError,
    ForbiddenError,
    GovError,
    NotFoundError,
    RedeemRefusedError,
    UnreachableError,
)
from govd.contract.intents import OutcomeReport, intent_sha256
from govgate import calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.contract.actions import Action
    from govd.contract.attestations import Claims, Minted
    from govd.contract.intents import Input
    from govgate.client import Client
    from govgate.journal import Entry, Journal
    from govgate.voters import PinnedOperators

_SERVER_ERROR: Final = 500


@dataclass(frozen=True)
class Approval:
    """An approval that stands, verified, not yet spent.

    Attributes:
        claims: From the signature alone: what stands beside it in the answer proves nothing.
        minted: The answer; its intent is believed only where the hash agrees.
    """

    claims: Claims
    minted: Minted

    def covers(self, kind: str, action: Action, inputs: Sequence[Input]) -> bool:
        """Whether exactly this action was approved (threats T7)."""
        intent = self.minted.intent
        digest = intent_sha256(
            agent=self.claims.sub,
            job=intent.job,
            kind=kind,
            action=action,
            inputs=list(inputs),
            origin=intent.origin,
        )
        return digest == self.claims.intent_sha256


class Begun:
    """An action that was redeemed and is to be ended with its outcome. Left without one, it is `unknown`."""

    def __init__(self, redeemer: Redeemer, entry: Entry) -> None:
        self._redeemer = redeemer
        self._entry = entry

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._entry.close()

    def end(self, outcome: OutcomeReport) -> bool:
        """Write the outcome down and report it; False where govd could not be told yet."""
        return self._redeemer.end(self._entry, outcome)


class Redeemer:
    """Mints, verifies, redeems, reports.

    Args:
        client: With the executor's token.
        name: The executor, as `GET /v1/me` says it.
        journal: What was begun.
        voters: Pinned operator keys, or None to take the backend's word for who approved.
    """

    def __init__(
        self, client: Client, name: str, journal: Journal, voters: PinnedOperators | None = None
    ) -> None:
        self._client = client
        self._name = name
        self._journal = journal
        self._voters = voters
        self._jwks: dict[str, Any] = {}

    def approval(self, intent: str, agent: str | None) -> Approval:
        """The approval of an intent.

        Args:
            intent: Its id.
            agent: Whose it must be; None where any agent of this executor will do.

        Raises:
            GovError: it is not approved, or what came does not prove it.
        """
        minted = self._client.send(calls.mint(intent))
        claims = self._claims(minted.attestation)
        if claims.intent_id != intent or minted.intent.id != intent:
            raise RedeemRefusedError("the attestation is for another intent")
        if (agent is not None and claims.sub != agent) or minted.intent.agent != claims.sub:
            raise RedeemRefusedError("the attestation is for another agent")
        if self._voters is not None:
            self._voters.check(claims, minted)
        return Approval(claims, minted)

    def _claims(self, attestation: str) -> Claims:
        if self._jwks:
            try:
                return verify_attestation(attestation, self._jwks, self._name)
            except RedeemRefusedError:  # keys rotate: once more, with those of now
                pass
        self._jwks = self._client.send(calls.jwks()).root
        return verify_attestation(attestation, self._jwks, self._name)

    def begin(self, approval: Approval) -> Begun:
        """Redeem, once; each step is on disk before it happens.

        Raises:
            GovError: it was not redeemed, or nobody knows: nothing may run.
        """
        claims = approval.claims
        entry = self._journal.begin(claims.intent_id)
        try:
            entry.step("redeeming", jti=claims.jti)
            self._redeem(entry, approval.minted.attestation, claims)
            entry.step("starting")
        except BaseException:
            entry.close()
            raise
        return Begun(self, entry)

    def _redeem(self, entry: Entry, attestation: str, claims: Claims) -> None:
        try:
            self._client.send(calls.redeem(attestation, claims.intent_sha256))
        except UnreachableError as error:
            if error.extra.get("sent"):
                # It may have been redeemed for us; nothing has run, and nothing will.
                self.end(entry, OutcomeReport(status="not_run"))
            else:
                entry.done()
            raise
        except GovError as error:
            if error.status < _SERVER_ERROR:
                entry.done()
            raise

    def end(self, entry: Entry, outcome: OutcomeReport) -> bool:
        """Write the outcome down and report it; what cannot be reported now stays for `recover`."""
        entry.step("ended", outcome=outcome.model_dump(mode="json"))
        return self._report(entry, outcome)

    def _report(self, entry: Entry, outcome: OutcomeReport) -> bool:
        try:
            self._client.send(calls.report(entry.intent, outcome))
        except ConflictError:  # settled meanwhile, by a person
            entry.done()
            return True
        except GovError as error:
            if outcome.status == "not_run" and isinstance(error, NotFoundError | ForbiddenError):
                entry.done()  # it was never redeemed for us: there is nothing to tell
                return True
            return False
        entry.done()
        return True

    def recover(self) -> int:
        """Report what an earlier process left behind: `unknown` for what had been started.

        Returns:
            How many could not be reported yet.
        """
        waiting = 0
        for entry in self._journal.left_over():
            with entry:
                waiting += not self._report(entry, entry.outcome())
        return waiting
