"""For Python: `with gate.intent("tool_call", {…}) as attested:`, sync and async.

The body of the block is the action: it runs once it is approved and redeemed, or not at all. The gate holds
an executor's token in the same process, so that this is ADVISORY (threats T1, T2): it says so in `assurance`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from govd.contract.errors import RedeemRefusedError, UsageError
from govd.contract.headmemory import HeadMemory
from govd.contract.intents import IntentState, OutcomeReport
from govgate import calls, voices, wait
from govgate.client import AsyncClient, Client
from govgate.declare import validated
from govgate.journal import Journal
from govgate.redemption import Redeemer
from govgate.settings import DEFAULT_URL, heads_dir, state_dir, token_reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from govd.contract.attestations import Claims
    from govd.contract.intents import IntentView, Submission
    from govd.contract.voice import Enrolled, Verification, VoiceSession
    from govd.contract.voicephrase import VoicePhrase
    from govgate.redemption import Begun

__all__ = ["AsyncGate", "Attested", "Gate"]

WAIT_SECONDS: Final = 300.0


@dataclass
class Attested:
    """What may happen now, once.

    Attributes:
        intent: As govd decided it.
        claims: Of the redeemed attestation; `claims.assurance` and `claims.sandbox` say what it is worth.
        failed: Set it where the action failed without an exception.
    """

    intent: IntentView
    claims: Claims
    failed: bool = False


def _named(path: str | Path | None, variable: str) -> Path | None:
    found = path or os.environ.get(variable)
    return Path(found) if found else None


class _Gate:
    """What both gates share.

    Args:
        url: The backend; `GOVGATE_URL`, else http://127.0.0.1:8200.
        token_file: The agent's token; `GOVGATE_TOKEN_FILE`.
        executor_token_file: A local executor's token; `GOVGATE_EXECUTOR_TOKEN_FILE`.
        heads: Where heads are remembered; `GOVGATE_HEADS`.
        journal: Where what was begun is written down.
    """

    def __init__(
        self,
        url: str | None = None,
        token_file: str | Path | None = None,
        executor_token_file: str | Path | None = None,
        *,
        heads: Path | None = None,
        journal: Path | None = None,
    ) -> None:
        self.url = url or os.environ.get("GOVGATE_URL") or DEFAULT_URL
        token = _named(token_file, "GOVGATE_TOKEN_FILE")
        if token is None:
            raise UsageError("no token file is named", hint="token_file=…, or GOVGATE_TOKEN_FILE")
        self._token = token_reader(token)
        self._heads = heads or heads_dir()
        self._executor_token = _named(executor_token_file, "GOVGATE_EXECUTOR_TOKEN_FILE")
        self._journal = journal
        self._executor: Client | None = None
        self._redeemer: Redeemer | None = None

    def _submission(
        self, kind: str, action: Mapping[str, Any], purpose: str, more: dict[str, Any]
    ) -> Submission:
        data = {"idempotency_key": uuid.uuid4().hex, "purpose": purpose, **more}
        return validated({**data, "kind": kind, "action": dict(action)})

    def _redeem(self, view: IntentView, submission: Submission) -> tuple[Begun, Claims]:
        """Spend the approval for exactly what was submitted."""
        redeemer = self._redeemer or self._identity()
        approval = redeemer.approval(view.id, view.agent)
        if not approval.covers(submission.kind, submission.action, submission.inputs):
            raise RedeemRefusedError("what was approved is not what was declared")
        return redeemer.begin(approval), approval.claims

    def _identity(self) -> Redeemer:
        if self._executor_token is None:
            raise UsageError(
                "no executor's token is named",
                hint="executor_token_file=…, or GOVGATE_EXECUTOR_TOKEN_FILE (advisory)",
            )
        self._executor = Client(self.url, token_reader(self._executor_token), HeadMemory(self._heads))
        name = self._executor.send(calls.me()).name
        self._redeemer = Redeemer(self._executor, name, Journal(self._journal or state_dir() / "journal"))
        self._redeemer.recover()
        return self._redeemer

    def _close_executor(self) -> None:
        if self._executor is not None:
            self._executor.close()


def _end(begun: Begun, attested: Attested, error: BaseException | None) -> None:
    failed = attested.failed or error is not None
    begun.end(OutcomeReport(status="failed" if failed else "succeeded"))


class Gate(_Gate):
    """A gate for ordinary code. Use it as a context manager, or close it."""

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401 - those of _Gate
        super().__init__(*args, **keywords)
        self.client = Client(self.url, self._token, HeadMemory(self._heads))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self._close_executor()

    def submit(self, kind: str, action: Mapping[str, Any], purpose: str = "", **more: Any) -> IntentView:  # noqa: ANN401 - members of a Submission
        """Declare, and run nothing.

        Raises:
            GovError: it was not accepted.
        """
        return self.client.send(calls.submit(self._submission(kind, action, purpose, more)))

    def wait(self, intent: str, seconds: float = WAIT_SECONDS) -> IntentView:
        """The intent once it is settled, or as it is after that many seconds."""
        return wait.settled(self.client, intent, seconds)

    def verify_voice(
        self, clip: str | Path | bytes, chat: str = "", signed: str = "", job: str = ""
    ) -> Verification:
        """Whose voice a clip is; a match verifies that chat. Say `message` where there is one.

        Args:
            clip: A file, or its bytes.
            chat: Which chat it came from: the NAME of the origin `channel:NAME`; empty: none.
            signed: What the chat's channel has signed about it, where the policy names channels.
            job: Whose phrase is said in it: see `voice_phrase`.

        Raises:
            ClipRefusedError: it cannot be decoded.
            ConflictError: no phrase of that job stands, or it changed since: ask for another.
            ForbiddenError: no channel vouches for it, or the chat is locked: deny.
            NoneEnrolledError, VoiceUnavailableError: deny, and say the error's `extra["message"]` or detail.
        """
        return self.client.send(voices.verify(clip, chat, signed, job))

    def voice_phrase(self, job: str, chat: str = "") -> VoicePhrase:
        """What the owner says in a voice note of that chat to open a held job: once, within three minutes.

        Raises:
            ConflictError: nothing of the job waits for it, or the job came by another chat.
            QuotaError: too many were asked for.
        """
        return self.client.send(voices.phrase(job, chat))

    def enroll_voice(self, clip: str | Path | bytes, name: str) -> Enrolled:
        """Ask that a sample of a voice is taken in: an operator settles it.

        Raises:
            GovError: it was not taken.
        """
        return self.client.send(voices.enroll(clip, name))

    def voice_session(self, chat: str = "") -> VoiceSession:
        """Whether a chat of this agent is verified, and until when."""
        return self.client.send(voices.session(chat))

    @contextlib.contextmanager
    def intent(
        self,
        kind: str,
        action: Mapping[str, Any],
        purpose: str = "",
        *,
        wait_seconds: float = WAIT_SECONDS,
        **more: Any,  # noqa: ANN401 - members of a Submission
    ) -> Iterator[Attested]:
        """Declare, wait, redeem; then the block is the action. An exception in it is reported as failed.

        Args:
            kind: As in the contract: `tool_call`, `http_request`, …
            action: Its members.
            purpose: Why, in the agent's words.
            wait_seconds: How long to wait while it is held.
            more: Further members: job, origin, model, inputs, …

        Raises:
            IntentHeldError, IntentDeniedError, IntentExpiredError: it may not run (yet).
            GovError: it was not redeemed.
        """
        submission = self._submission(kind, action, purpose, more)
        view = self.client.send(calls.submit(submission))
        if view.state is IntentState.HELD:
            view = self.wait(view.id, wait_seconds)
        begun, claims = self._redeem(wait.approved(view), submission)
        with begun:
            attested = Attested(view, claims)
            try:
                yield attested
            except BaseException as error:
                _end(begun, attested, error)
                raise
            _end(begun, attested, None)


class AsyncGate(_Gate):
    """`Gate` for asyncio."""

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401 - those of _Gate
        super().__init__(*args, **keywords)
        self.client = AsyncClient(self.url, self._token, HeadMemory(self._heads))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()
        self._close_executor()

    async def submit(
        self,
        kind: str,
        action: Mapping[str, Any],
        purpose: str = "",
        **more: Any,  # noqa: ANN401 - members of a Submission
    ) -> IntentView:
        """See `Gate.submit`."""
        return await self.client.send(calls.submit(self._submission(kind, action, purpose, more)))

    async def wait(self, intent: str, seconds: float = WAIT_SECONDS) -> IntentView:
        """See `Gate.wait`."""
        return await wait.settled_async(self.client, intent, seconds)

    async def verify_voice(
        self, clip: str | Path | bytes, chat: str = "", signed: str = "", job: str = ""
    ) -> Verification:
        """See `Gate.verify_voice`."""
        return await self.client.send(await asyncio.to_thread(voices.verify, clip, chat, signed, job))

    async def voice_phrase(self, job: str, chat: str = "") -> VoicePhrase:
        """See `Gate.voice_phrase`."""
        return await self.client.send(voices.phrase(job, chat))

    async def enroll_voice(self, clip: str | Path | bytes, name: str) -> Enrolled:
        """See `Gate.enroll_voice`."""
        return await self.client.send(await asyncio.to_thread(voices.enroll, clip, name))

    async def voice_session(self, chat: str = "") -> VoiceSession:
        """See `Gate.voice_session`."""
        return await self.client.send(voices.session(chat))

    @contextlib.asynccontextmanager
    async def intent(
        self,
        kind: str,
        action: Mapping[str, Any],
        purpose: str = "",
        *,
        wait_seconds: float = WAIT_SECONDS,
        **more: Any,  # noqa: ANN401 - members of a Submission
    ) -> AsyncIterator[Attested]:
        """See `Gate.intent`."""
        submission = self._submission(kind, action, purpose, more)
        view = await self.client.send(calls.submit(submission))
        if view.state is IntentState.HELD:
            view = await self.wait(view.id, wait_seconds)
        # The journal syncs to disk: not in the loop's thread.
        begun, claims = await asyncio.to_thread(self._redeem, wait.approved(view), submission)
        with begun:
            attested = Attested(view, claims)
            try:
                yield attested
            except BaseException as error:
                await asyncio.shield(asyncio.to_thread(_end, begun, attested, error))
                raise
            await asyncio.to_thread(_end, begun, attested, None)
