"""The road of one action on the executor's side: mint, verify, pin, compare, redeem once, run, report.

Nothing runs that differs from what was approved, and nothing runs twice: where it is not certain that the
one redemption was ours, the action is not started.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from govd.contract.actions import ProcessExec
from govd.contract.attestations import verify_attestation
from govd.contract.errors import (
    ConflictError,
    ForbiddenError,
    GovError,
    NotFoundError,
    RedeemRefusedError,
    UnreachableError,
    UsageError,
)
from govd.contract.intents import Input, OutcomeReport, intent_sha256
from govd.contract.text import visible
from govgate import calls
from govgate.differences import differences
from govgate.pins import Pins
from govgate.programs import FIXED_PATH
from govgate.push import Staging, check, git_environment
from govgate.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from govd.contract.actions import GitPush
    from govd.contract.attestations import Claims, Minted
    from govgate.client import Client
    from govgate.journal import Entry, Journal
    from govgate.resolve import Resolved
    from govgate.voters import PinnedOperators

_CHUNK: Final = 1024 * 1024
_SERVER_ERROR: Final = 500


@dataclass(frozen=True)
class Request:
    """What an agent asks an executor to run. All of it is the agent's word until the hash says otherwise."""

    intent: str
    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    git: GitPush | None = None
    pack: int | None = None


@dataclass(frozen=True)
class Launch:
    """A process to start, exactly as it was approved."""

    executable: str
    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    pass_fds: Sequence[int]
    assurance: str


@dataclass(frozen=True)
class Ran:
    """How it ended. `code`: as `subprocess` has it, negative for a signal. `reported`: whether govd knows."""

    code: int
    reported: bool


class Runner:
    """One executor's identity at work.

    Args:
        client: With the executor's token.
        name: The executor, as `GET /v1/me` says it.
        journal: What was begun.
        voters: Pinned operator keys, or None to take the backend's word for who approved.
        home: HOME of what is run.
        git_config: The executor's own git settings (credentials), or None.
    """

    def __init__(
        self,
        client: Client,
        name: str,
        journal: Journal,
        *,
        voters: PinnedOperators | None = None,
        home: str = "/",
        git_config: Path | None = None,
    ) -> None:
        self._client = client
        self._name = name
        self._journal = journal
        self._voters = voters
        self._home = home
        self._git_config = git_config
        self._jwks: dict[str, Any] = {}

    def run(self, request: Request, agent: str | None, start: Callable[[Launch], int]) -> Ran:
        """Run what was approved, once.

        Args:
            request: What to run.
            agent: Whose intent it must be; None where the caller is whoever the intent names.
            start: Starts the process, waits for it, returns its code. An OSError means that it never ran.

        Raises:
            GovError: it was not run, with the reason.
        """
        minted = self._client.send(calls.mint(request.intent))
        claims = self._verified(minted, request, agent)
        with Pins(keep=True) as pins:
            resolved = resolve(request.argv, request.cwd, request.env, pins, request.git)
            self._compare(claims, minted, resolved)
            if request.git is None:
                launch = self._plain(resolved, request, pins, claims)
                return self._once(request.intent, minted.attestation, claims, launch, start)
            return self._push(request, request.git, minted, claims, start)

    def _verified(self, minted: Minted, request: Request, agent: str | None) -> Claims:
        """The claims, from the signature alone: what stands beside it in the answer proves nothing."""
        claims = self._claims(minted.attestation)
        if claims.intent_id != request.intent or minted.intent.id != request.intent:
            raise RedeemRefusedError("the attestation is for another intent")
        if (agent is not None and claims.sub != agent) or minted.intent.agent != claims.sub:
            raise RedeemRefusedError("the attestation is for another agent")
        if self._voters is not None:
            self._voters.check(claims, minted)
        return claims

    def _claims(self, attestation: str) -> Claims:
        if self._jwks:
            try:
                return verify_attestation(attestation, self._jwks, self._name)
            except RedeemRefusedError:  # keys rotate: once more, with those of now
                pass
        self._jwks = self._client.send(calls.jwks()).root
        return verify_attestation(attestation, self._jwks, self._name)

    def _compare(self, claims: Claims, minted: Minted, resolved: Resolved) -> None:
        """Hold what would run now against the hash that was approved (threats T7)."""
        digest = intent_sha256(
            agent=claims.sub,
            job=minted.intent.job,
            kind="process_exec",
            action=resolved.action,
            inputs=[_fresh(item) for item in minted.intent.inputs],
            origin=minted.intent.origin,
        )
        if digest == claims.intent_sha256:
            return
        if not isinstance(minted.intent.action, ProcessExec):
            raise RedeemRefusedError("what was approved is no command")
        changed = differences(minted.intent.action, resolved.action, minted.intent.inputs, _fresh)
        why = visible("; ".join(changed) or "its agent, job or origin differ", 1000)
        raise RedeemRefusedError(f"not what was approved: {why}", hint="declare it anew")

    def _plain(self, resolved: Resolved, request: Request, pins: Pins, claims: Claims) -> Launch:
        # Names that were declared win: their values are part of what was approved.
        env = {"PATH": FIXED_PATH, "HOME": self._home, "LANG": "C.UTF-8", **request.env}
        return Launch(resolved.executable, resolved.argv, resolved.cwd, env, pins.fds(), claims.assurance)

    def _push(
        self,
        request: Request,
        push: GitPush,
        minted: Minted,
        claims: Claims,
        start: Callable[[Launch], int],
    ) -> Ran:
        check(request.argv, push)
        if request.pack is None:
            raise UsageError("the objects of the push did not come along")
        environment = git_environment(self._home, self._git_config)
        with Staging(environment) as staging:
            staging.fill(push, request.pack)
            argv = staging.command(request.argv, push)
            where = str(staging.path)
            launch = Launch(staging.program, argv, where, environment, (), claims.assurance)
            return self._once(request.intent, minted.attestation, claims, launch, start)

    def _once(
        self,
        intent: str,
        attestation: str,
        claims: Claims,
        launch: Launch,
        start: Callable[[Launch], int],
    ) -> Ran:
        """Redeem, start, report; each step is on disk before it happens."""
        with self._journal.begin(intent) as entry:
            entry.step("redeeming", jti=claims.jti)
            self._redeem(entry, attestation, claims)
            entry.step("starting")
            try:
                code = start(launch)
            except OSError as error:
                self._end(entry, OutcomeReport(status="not_run"))
                raise UsageError(f"the command could not be started: {error.strerror}") from None
            status: Any = "succeeded" if code == 0 else "failed"
            return Ran(code, self._end(entry, OutcomeReport(status=status, exit_code=code)))

    def _redeem(self, entry: Entry, attestation: str, claims: Claims) -> None:
        try:
            self._client.send(calls.redeem(attestation, claims.intent_sha256))
        except UnreachableError as error:
            if error.extra.get("sent"):
                # It may have been redeemed for us; nothing has run, and nothing will.
                self._end(entry, OutcomeReport(status="not_run"))
            else:
                entry.done()
            raise
        except GovError as error:
            if error.status < _SERVER_ERROR:
                entry.done()
            raise

    def _end(self, entry: Entry, outcome: OutcomeReport) -> bool:
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


def _fresh(item: Input) -> Input:
    """The input as it is now."""
    digest = hashlib.sha256()
    try:
        fd = os.open(item.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise RedeemRefusedError(
            f"the input {visible(item.path, 300)} cannot be read: {error.strerror}"
        ) from None
    try:
        while chunk := os.read(fd, _CHUNK):
            digest.update(chunk)
    except OSError as error:
        raise RedeemRefusedError(
            f"the input {visible(item.path, 300)} cannot be read: {error.strerror}"
        ) from None
    finally:
        os.close(fd)
    return Input(path=item.path, sha256=digest.hexdigest())
