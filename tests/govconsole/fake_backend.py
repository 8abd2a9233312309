"""An operators' door with jobs in memory, over a real Unix socket. It verifies votes as govd does."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from govconsole.client.row import Row
from govconsole.state.queue import KEYS
from govd.contract import filters, votekey
from govd.contract.afterwards import ResolutionSubmission, RevocationSubmission
from govd.contract.errors import ConflictError, ForbiddenError, GovError, NotFoundError, ReviewStaleError
from govd.contract.events import Event
from govd.contract.heads import HEADER, Head
from govd.contract.intents import IntentDetail, IntentState
from govd.contract.jobs import JobDetail, JobPage, JobsQuery, JobState, JobSummary, VoteView
from govd.contract.system import Alarm, Alarms, Identities, IdentityView, Overview
from govd.contract.votes import Review, VoteSubmission, action_commitment, reviewed, text_commitment, verify
from tests.govconsole.fake_voices import FakeVoices
from tests.govconsole.world import NOW, POLICY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from govd.contract.evidence import Evidence
    from govd.contract.jobs import Assurance

TOKEN = "opr_made-up"
_TURNS = 10
_SELECTED = {JobState.HELD: {"held", "open"}, JobState.PROCESSING: {"open"}}
"""The selections that a job of that state is in; all others are settled."""


class Door:
    """A server in a thread of its own, which ends at once: uvicorn's own end waits two tenths of a second."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
        self._listener = listener
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
        self._closing = asyncio.Event()
        self._waiting: set[asyncio.Event] = set()
        self._open: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._loop = self._open.result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def happened(self) -> None:
        """Wake whoever waits for news."""
        self._loop.call_soon_threadsafe(self._wake)

    @contextlib.contextmanager
    def news(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever something happened."""
        woken = asyncio.Event()
        self._waiting.add(woken)
        try:
            yield woken
        finally:
            self._waiting.discard(woken)

    def _wake(self) -> None:
        for one in self._waiting:
            one.set()

    async def _serve(self) -> None:
        server = self._server
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(sockets=[self._listener])
        self._open.set_result(asyncio.get_running_loop())
        await self._closing.wait()
        # What was just accepted becomes a connection in the next turns, and only while the server is open.
        await _turns()
        for one in server.servers:
            one.close()
        for connection in list(server.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await _turns()


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class FakeBackend:
    """A door that can be closed and opened again, and a log that can be made to go back."""

    def __init__(self, path: Path, public_key: str = "", operator: str = "anna") -> None:
        self.path = path
        self.operator = operator
        self.public_key = public_key
        self.jobs: dict[str, JobDetail] = {}
        self.events: list[Event] = []
        self.submissions: list[VoteSubmission] = []
        self.queries: list[JobsQuery] = []
        self.answered_queries: int | None = None  # behind these, pages are refused
        self.operators: list[IdentityView] = []
        self.resolutions: dict[str, ResolutionSubmission] = {}
        self.revocations: dict[str, RevocationSubmission] = {}
        self.alarms: list[Alarm] = []
        self.evidence: dict[str, Evidence] = {}
        self.heads_received: list[str | None] = []
        self.resumed_from: list[int] = []
        self.voices = FakeVoices(operator, self.happen, lambda: NOW, lambda: self.public_key)
        self.seq = 1
        self.log = "log-1"
        self.assurance: Assurance = "enforced"
        self._key = votekey.generate()
        self._door: Door | None = None

    # The world as tests change it

    def put(self, *jobs: JobDetail) -> None:
        for job in jobs:
            self.jobs[job.id] = job
            self.happen("job.held", job.id)

    def take(self, job: str, state: JobState = JobState.CANCELLED) -> None:
        detail = self.jobs[job]
        self.jobs[job] = detail.model_copy(update={"state": state, "hold": None, "held": 0})
        self.happen("job.settled", job)

    def happen(self, kind: str, job: str | None = None) -> None:
        self.seq += 1
        self.events.append(Event(seq=self.seq, type=kind, time=NOW, job=job))
        if self._door is not None:
            self._door.happened()

    # The server

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self.path))
        listener.listen(64)
        self._door = Door(self.app(), listener)

    def close(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None

    def head(self) -> str:
        digest = hashlib.sha256(str(self.seq).encode()).hexdigest()
        return Head(1, self.seq, digest).signed(self.log, self._key)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def door(request: Request, call_next: Any) -> Response:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return JSONResponse({"type": "urn:govconsole:error:unauthenticated", "detail": "who?"}, 401)
            self.heads_received.append(request.headers.get(HEADER))
            response: Response = await call_next(request)
            response.headers[HEADER] = self.head()
            return response

        @app.exception_handler(GovError)
        async def refuse(_: Request, error: GovError) -> Response:
            return JSONResponse(error.problem(), error.status, media_type="application/problem+json")

        app.get("/v1/overview")(self._overview)
        app.get("/v1/jobs")(self._jobs)
        app.get("/v1/operators")(self._operators)
        app.get("/v1/jobs/{job}")(self._job)
        app.post("/v1/jobs/{job}/votes")(self._vote)
        app.get("/v1/intents/{intent}/evidence/{kind}")(self._evidence)
        app.get("/v1/intents/{intent}")(self._intent)
        app.post("/v1/intents/{intent}/resolution")(self._resolve)
        app.post("/v1/jobs/{job}/revoke")(self._revoke)
        app.get("/v1/alarms")(self._alarms)
        app.post("/v1/alarms/{alarm}/seen")(self._seen)
        app.get("/v1/events")(self._events)
        app.include_router(self.voices.router())
        return app

    # The routes

    async def _overview(self) -> Response:
        held = [job for job in self.jobs.values() if job.state is JobState.HELD]
        return _json(
            Overview(
                status="ok",
                version="0.1.0",
                mode="embedded",
                storage="sqlite",
                policy_sha256=POLICY,
                policy_name="default",
                alarms=len(self.alarms),
                operator=self.operator,
                assurance=self.assurance,
                assurance_why="release-bot shares this Unix user",
                pending=len(held),
                next_expiry=min((job.held_until for job in held if job.held_until), default=None),
                alarm_list=self.alarms,
                log=self.log,
                agent_url="http://127.0.0.1:8200",
            )
        )

    async def _jobs(self, request: Request) -> Response:
        given = dict(request.query_params)
        ids = given.pop("ids", None)
        query = JobsQuery.model_validate(
            given | ({"ids": ids.split(",") if ids else []} if ids is not None else {})
        )
        self.queries.append(query)
        if self.answered_queries is not None and len(self.queries) > self.answered_queries:
            raise ConflictError("what was to follow is gone")
        return _json(self._page(query))

    def _page(self, query: JobsQuery) -> JobPage:
        """As govd has it: pages by key in both directions, filtered; a cursor is the key of a row, in hex."""
        fits = filters.parse(query.filter)
        found = [
            JobSummary.model_validate(job.model_dump(include=set(JobSummary.model_fields)))
            for job in self.jobs.values()
            if query.state == "all" or query.state in _SELECTED.get(job.state, {"settled"})
        ]
        found = [job for job in found if fits.matches(job, NOW)]
        found.sort(key=lambda job: KEYS[query.order](Row.of(job)))
        if query.ids is not None:
            return JobPage(jobs=[job for job in found if job.id in query.ids], total=len(found))
        places = {job.id: place for place, job in enumerate(found)}
        start, end = 0, len(found)
        if query.after is not None:
            start = places.get(query.after.removeprefix("k-"), len(found) - 1) + 1
        elif query.before is not None:
            end = places.get(query.before.removeprefix("k-"), 0)
        page = found[start:end]
        backwards = query.end or query.before is not None
        page = page[-query.limit :] if backwards else page[: query.limit]
        first = places[page[0].id] if page else start
        last = first + len(page)
        return JobPage(
            jobs=page,
            previous=f"k-{page[0].id}" if page and first else None,
            next=f"k-{page[-1].id}" if page and last < len(found) else None,
            total=len(found),
            offset=first,
        )

    async def _operators(self) -> Response:
        own = IdentityView(
            kind="operator", name=self.operator, state="active", created_at=NOW, public_key=self.public_key
        )
        return _json(Identities(identities=[own, *self.operators]))

    def _known(self, job: str) -> JobDetail:
        if job not in self.jobs:
            raise NotFoundError("no such job")
        return self.jobs[job]

    async def _job(self, job: str) -> Response:
        return _json(self._known(job))

    async def _vote(self, job: str, request: Request) -> Response:
        submission = VoteSubmission.model_validate_json(await request.body())
        detail = self._known(job)
        self._check(detail, submission)
        self.submissions.append(submission)
        vote = submission.signed.vote
        approved = vote.verdict == "approve"
        seen = VoteView(
            signed=submission.signed,
            operator=vote.operator,
            verdict=vote.verdict,
            cast_at=vote.cast_at,
            reason=submission.reason,
            guidance=submission.guidance,
            lapsed=False,
            salt=submission.salt,
        )
        state = IntentState.APPROVED if approved else IntentState.DENIED
        intents = detail.hold.intents if detail.hold else []
        self.jobs[job] = detail.model_copy(
            update={
                "state": JobState.PROCESSING if approved else JobState.DENIED,
                "hold": None,
                "held": 0,
                "approvals": int(approved),
                "votes": [*detail.votes, seen],
                "settled": [item.model_copy(update={"state": state}) for item in intents],
            }
        )
        self.happen("vote.cast", job)
        return _json(self.jobs[job])

    def _check(self, detail: JobDetail, submission: VoteSubmission) -> None:
        vote, hold = submission.signed.vote, detail.hold
        if hold is None:
            raise ConflictError("the job is settled")
        if not verify(vote, submission.signed.signature, self.public_key):
            raise ForbiddenError("the signature is not that operator's")
        review = Review(
            job=detail.id,
            hold=hold.id,
            nonce=hold.nonce,
            policy_sha256=hold.policy_sha256,
            intents=[reviewed(item.id, item.body().sha256(), item.decision) for item in hold.intents],
        )
        if vote.review_token != review.token():
            raise ReviewStaleError("what was signed is not what stands")
        wanted = [action_commitment(hold.nonce, item.id, item.body().sha256()) for item in hold.intents]
        if vote.actions != wanted or vote.reason_commitment != text_commitment(
            submission.salt, submission.reason
        ):
            raise ForbiddenError("the vote commits to something else")

    def _settled(self, intent: str) -> IntentDetail:
        for job in self.jobs.values():
            for item in job.settled:
                if item.id == intent:
                    return item
        raise NotFoundError("no such intent")

    async def _intent(self, intent: str) -> Response:
        return _json(self._settled(intent))

    async def _resolve(self, intent: str, request: Request) -> Response:
        body = ResolutionSubmission.model_validate_json(await request.body())
        shown = self._settled(intent)
        if not verify(body.statement, body.signature, self.public_key):
            raise ForbiddenError("the signature is not that operator's")
        if body.statement.action != action_commitment(body.salt, intent, shown.body().sha256()):
            raise ReviewStaleError("what was signed is another action")
        self.resolutions[intent] = body
        return _json(shown.model_copy(update={"state": IntentState(body.statement.status)}))

    async def _revoke(self, job: str, request: Request) -> Response:
        body = RevocationSubmission.model_validate_json(await request.body())
        if not verify(body.statement, body.signature, self.public_key):
            raise ForbiddenError("the signature is not that operator's")
        self.revocations[job] = body
        self.jobs[job] = self.jobs[job].model_copy(update={"state": JobState.REVOKED, "hold": None})
        return _json(self.jobs[job])

    async def _evidence(self, intent: str, kind: str) -> Response:
        if intent not in self.evidence or self.evidence[intent].kind != kind:
            raise NotFoundError("there is no such evidence")
        return _json(self.evidence[intent])

    async def _alarms(self) -> Response:
        return _json(Alarms(alarms=self.alarms))

    async def _seen(self, alarm: str) -> Response:
        self.alarms = [one for one in self.alarms if one.id != alarm]
        self.happen("alarm.seen")
        return JSONResponse({})

    async def _events(self, request: Request) -> Response:
        after = int(request.headers.get("last-event-id", "0"))
        self.resumed_from.append(after)
        door = self._door

        async def stream() -> AsyncIterator[str]:
            sent = after
            yield ": hello\n\n"
            if door is None:
                return
            with door.news() as news:
                while True:
                    news.clear()
                    for event in list(self.events):
                        if event.seq > sent:
                            sent = event.seq
                            yield f"id: {event.seq}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n"
                    await news.wait()

        return StreamingResponse(stream(), media_type="text/event-stream")


def _json(model: Any) -> Response:
    return Response(model.model_dump_json(by_alias=True), media_type="application/json")
