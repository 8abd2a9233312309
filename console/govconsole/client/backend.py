"""The operators' door as the console speaks it: one method a route, domain models in and out.

Must never swallow an answer that does not fit the contract: a wrong shape is an error, not an empty queue.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from govconsole.client.door import Door
from govconsole.client.problems import error_of
from govd.contract.errors import GovError, IntegrityError, UnreachableError
from govd.contract.events import Event
from govd.contract.evidence import Evidence
from govd.contract.heads import HEADER, SignedHead
from govd.contract.intents import IntentDetail
from govd.contract.jobs import JobDetail, JobPage, JobsQuery
from govd.contract.limits import HEARTBEAT_SECONDS
from govd.contract.plain import no_authorities
from govd.contract.system import Alarms, Identities, IdentityView, Overview
from govd.contract.wire import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from pathlib import Path

    from govd.contract.afterwards import ResolutionSubmission, RevocationSubmission
    from govd.contract.headmemory import HeadMemory
    from govd.contract.system import Alarm
    from govd.contract.votes import VoteSubmission

M = TypeVar("M", bound=Wire)

_TIMEOUT = httpx.Timeout(10.0)
_LONG = httpx.Timeout(60.0, connect=10.0)
"""For a clip: it is decoded, measured and encoded before there is an answer, and a model may load first."""

_IDLE = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2.0)
"""A connection that rests is closed from here. govd closes it after five seconds, which is httpx's own time
too: a request that is sent in that very moment gets no answer, and the backend is taken for lost."""

Upload = tuple[str, bytes, str]
"""A file on its way: its name, its bytes, its type."""

_SILENCE = 3.0 * HEARTBEAT_SECONDS
"""Seconds without a word after which a stream is lost: behind a dead tunnel nobody hangs up."""


@contextlib.contextmanager
def own_files() -> Iterator[None]:
    """Around what reads and writes the operator's own files, the token and the remembered heads.

    Raises:
        GovError: one of them cannot be read or written: nothing can be asked without them.
    """
    try:
        yield
    except OSError as error:
        place = f" {error.filename}" if error.filename else ""
        raise GovError(f"the operator's own file{place} does not serve: {error.strerror or error}") from None
    except UnicodeError:
        raise GovError("the file of the operator's token holds none") from None


def part(name: str) -> str:
    """A name as one part of a path, whatever was typed."""
    return quote(name, safe="")


class Backend:
    """A connection to one govd.

    Args:
        socket: The operators' Unix socket.
        token: Reads the operator's token, at each request, so that a rotated one is taken up.
        heads: What is remembered of this backend's log.
        silence: Seconds without a word after which an event stream is lost.
        door: Looks at whose the socket is; without one, it must be this user's or root's.
    """

    def __init__(
        self,
        socket: Path,
        token: Callable[[], str],
        heads: HeadMemory,
        silence: float = _SILENCE,
        door: Door | None = None,
    ) -> None:
        self.socket = socket
        self._token = token
        self._heads = heads
        self._watch = {"trace": (door or Door(socket)).trace}
        self._silence = httpx.Timeout(10.0, read=silence)
        transport = httpx.AsyncHTTPTransport(uds=str(socket), verify=no_authorities(), limits=_IDLE)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://govd", timeout=_TIMEOUT)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def overview(self) -> Overview:
        """What the header shows."""
        return await self.call(Overview, "GET", "/v1/overview")

    async def jobs(self, query: JobsQuery) -> JobPage:
        """One page of jobs.

        Raises:
            InvalidRequestError: the filter or the cursor is none.
        """
        return await self.call(JobPage, "GET", "/v1/jobs", params=query.params())

    async def job(self, job: str, *, peek: bool = False) -> JobDetail:
        """A job for review: asking closes its open hold, unless `peek`."""
        params = {"peek": "true"} if peek else {}
        return await self.call(JobDetail, "GET", f"/v1/jobs/{part(job)}", params=params)

    async def vote(self, job: str, submission: VoteSubmission) -> JobDetail:
        """Cast a signed vote."""
        return await self.call(JobDetail, "POST", f"/v1/jobs/{part(job)}/votes", body=submission)

    async def operators(self) -> list[IdentityView]:
        """The operators with their public keys, as the backend lists them."""
        return (await self.call(Identities, "GET", "/v1/operators")).identities

    async def evidence(self, intent: str, kind: str) -> Evidence:
        """What was gathered about an intent, with its text."""
        return await self.call(Evidence, "GET", f"/v1/intents/{part(intent)}/evidence/{part(kind)}")

    async def intent(self, intent: str) -> IntentDetail:
        """One intent."""
        return await self.call(IntentDetail, "GET", f"/v1/intents/{part(intent)}")

    async def resolve(self, intent: str, submission: ResolutionSubmission) -> IntentDetail:
        """Say what became of an action whose outcome nobody reported."""
        return await self.call(
            IntentDetail, "POST", f"/v1/intents/{part(intent)}/resolution", body=submission
        )

    async def revoke(self, job: str, submission: RevocationSubmission) -> JobDetail:
        """Take back whatever of a job has not been redeemed."""
        return await self.call(JobDetail, "POST", f"/v1/jobs/{part(job)}/revoke", body=submission)

    async def alarms(self) -> list[Alarm]:
        """The alarms that stand, oldest first."""
        return (await self.call(Alarms, "GET", "/v1/alarms")).alarms

    async def alarm_seen(self, alarm: str) -> None:
        """Say that an alarm was seen."""
        await self.send("POST", f"/v1/alarms/{part(alarm)}/seen")

    def log_position(self) -> int:
        """The `seq` of the last head that was seen; 0 before the first answer."""
        return SignedHead.parse(self._heads.current).head.seq if self._heads.current else 0

    @property
    def log(self) -> str:
        """The id of the backend's log; empty before the first answer."""
        return SignedHead.parse(self._heads.current).log if self._heads.current else ""

    async def events(self, after: int) -> AsyncGenerator[Event]:
        """The events after that `seq`, each once and in order, until the connection ends.

        Raises:
            UnreachableError: the connection could not be made, or was lost.
        """
        from httpx_sse import SSEError, aconnect_sse

        seen = after
        sent = self._heads.current
        headers = self._headers(sent) | {"Last-Event-ID": str(after)}
        try:
            async with aconnect_sse(
                self._http,
                "GET",
                "/v1/events",
                headers=headers,
                timeout=self._silence,
                extensions=self._watch,
            ) as source:
                if source.response.is_error:
                    await source.response.aread()
                    raise error_of(source.response)
                if (head := source.response.headers.get(HEADER)) is not None:
                    self._received(head, sent)
                async with contextlib.aclosing(source.aiter_sse()) as stream:
                    async for item in stream:
                        if not item.data:
                            continue
                        event = Event.model_validate_json(item.data)
                        if event.seq > seen:
                            seen = event.seq
                            yield event
        except (httpx.HTTPError, SSEError, ValidationError) as error:
            raise UnreachableError(f"the event stream broke: {type(error).__name__}") from error

    def _headers(self, sent: str | None) -> dict[str, str]:
        with own_files():
            headers = {"Authorization": f"Bearer {self._token()}"}
        return headers | {HEADER: sent} if sent is not None else headers

    async def call(
        self,
        model: type[M],
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Wire | None = None,
        upload: Upload | None = None,
        slow: bool = False,
    ) -> M:
        """Ask, and take the answer for that model.

        Args:
            model: What the answer is.
            method: Of HTTP.
            path: On the operators' door.
            params: Behind the path.
            body: Sent as JSON.
            upload: Sent as a form with one file, in place of a body.
            slow: Whether a clip is to be looked at, as behind every upload: that takes its time.

        Raises:
            IntegrityError: the answer is no such model.
            UnreachableError: nobody answered.
            GovError: it was refused.
        """
        response = await self.send(method, path, params=params, body=body, upload=upload, slow=slow)
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            place = "/".join(str(part) for part in error.errors()[0]["loc"])
            raise IntegrityError(
                f"the backend's answer is no {model.__name__}: {place}",
                hint="console and backend are of different versions",
            ) from None

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Wire | None = None,
        upload: Upload | None = None,
        slow: bool = False,
    ) -> httpx.Response:
        """Ask, and take the answer as it is; `call` says what the arguments are."""
        sent = self._heads.current
        extra: dict[str, Any] = {"json": body.model_dump(mode="json", by_alias=True)} if body else {}
        if upload is not None:
            extra = {"files": {"file": upload}}
        if upload is not None or slow:
            extra["timeout"] = _LONG
        try:
            response = await self._http.request(
                method,
                path,
                params=params or None,
                headers=self._headers(sent),
                extensions=self._watch,
                **extra,
            )
        except httpx.HTTPError as error:
            raise UnreachableError(
                f"no backend answers at {self.socket}: {type(error).__name__}", hint="govd serve"
            ) from error
        if response.is_error:
            self._note_head_of_refusal(response, sent)
            raise error_of(response)
        self._received(response.headers.get(HEADER), sent)
        return response

    def _received(self, head: str | None, sent: str | None) -> None:
        with own_files():
            self._heads.received(head, sent)

    def _note_head_of_refusal(self, response: httpx.Response, sent: str | None) -> None:
        """A refusal's head is looked at where there is one; the refusal itself is what is told."""
        head = response.headers.get(HEADER)
        if head is not None:
            with contextlib.suppress(GovError):
                self._received(head, sent)
