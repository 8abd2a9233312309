"""What agents ask for: samples and deletions that wait for a person.

Must never change a speaker: that is `settling`'s, behind an operator's signed vote.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from govd.contract.actions import Admin
from govd.contract.canonical import commitment
from govd.contract.decisions import Finding, Outcome
from govd.contract.errors import ClipRefusedError, ConflictError, ForbiddenError, QuotaError
from govd.contract.intents import IntentState, Submission
from govd.contract.jobs import JobState
from govd.contract.voice import Enrolled, SpeakerRemoval
from govd.decisions.service import OWN_OPERATIONS
from govd.decisions.submitting import origin_of
from govd.ids import new_id
from govd.jobs import books
from govd.jobs.rules import OPEN
from govd.policy.model import ReasonCode
from govd.times import micros
from govd.voice import content, rules, store
from govd.voice.audio import wav
from govd.voice.content import Sample
from govd.voice.enrollment import consent

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, RowMapping

    from govd.contract.intents import IntentView
    from govd.contract.voice import ModelView
    from govd.decisions.service import Decisions
    from govd.identities.model import Identity
    from govd.identities.service import Directory
    from govd.sealing import JobKey, StateKey
    from govd.storage.ledger import Transaction
    from govd.voice.enrollment.enrolling import Speakers
    from govd.voice.model import Heard
    from govd.voice.replays import Replays

ENROLL: Final = OWN_OPERATIONS + "enroll"
DELETE: Final = OWN_OPERATIONS + "delete"

LONGEST_WAIT_S: Final = 86_400
MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
"""Audio of one agent that waits for people (threats T18)."""

_SALT_BYTES: Final = 16
_AGREES: Final = "Approving says that the person whose voice this is was asked and agreed to this: "
_RETRY_S: Final = 600


@dataclass(frozen=True)
class _Ask:
    """One request on its way into the table."""

    id: str
    name: str
    operation: str
    view: IntentView
    key: JobKey


class Requests:
    """Samples and deletions that agents have asked for.

    Args:
        decisions: Declares the intent in the agent's name.
        directory: Knows how sure we are of the agent.
        speakers: Knows who is enrolled.
        replays: Remembers samples from the moment that they come.
        model: The model in use; None: there is none.
    """

    def __init__(
        self,
        state_key: StateKey,
        decisions: Decisions,
        directory: Directory,
        speakers: Speakers,
        replays: Replays,
        model: Callable[[], ModelView | None],
    ) -> None:
        self._state_key, self._decisions, self._directory = state_key, decisions, directory
        self._speakers, self._replays, self._model = speakers, replays, model

    # -- asking ----------------------------------------------------------------------------------------

    def ask(self, agent: Identity, name: str, heard: Heard, after: int) -> Callable[[Transaction], Enrolled]:
        """The work that lets a sample wait.

        Args:
            agent: Who sends it.
            name: Whose voice it is said to be.
            heard: The clip, without a fault.
            after: Up to which row replays were looked for.

        Raises (from the work):
            ClipRefusedError: the recording was heard before.
            ConflictError: there are enough samples of this name.
            ForbiddenError: the policy denies it.
            QuotaError: too much of this agent waits.
        """
        audio = wav(heard.pcm)

        def work(transaction: Transaction) -> Enrolled:
            connection = transaction.connection
            if self._replays.known_since(connection, heard, after):
                raise ClipRefusedError("this recording, or one all but the same, was heard before")
            total = self._check_room(connection, agent.name, name, len(audio)) + 1
            request, salt = new_id(), os.urandom(_SALT_BYTES)
            arguments = {
                "name": name,
                "sample": request,
                "seconds": f"{heard.quality.seconds:.1f}",
                "speech_seconds": f"{heard.quality.net_seconds:.1f}",
                "audio_commitment": commitment(salt, audio),
            }
            asked = self._declare(transaction, agent, request, "enroll", arguments)
            self._put_sample(transaction, asked, heard, audio, salt)
            self._replays.remember(transaction, heard, f"agent:{agent.name}")
            return Enrolled(
                status="held",
                speaker=name,
                total_samples=total,
                embedding_dim=len(heard.embedding) // 4,
                message=f"Sample {total} of {name} waits: nobody is enrolled before an operator agrees.",
                job=asked.view.job,
                quality=heard.quality,
            )

        return work

    def ask_delete(self, agent: Identity, name: str) -> Callable[[Transaction], SpeakerRemoval]:
        """The work that lets a deletion wait; asked for again it is the same job.

        Raises (from the work):
            NotFoundError: there is no such speaker.
            ForbiddenError: the policy denies it.
        """

        def work(transaction: Transaction) -> SpeakerRemoval:
            connection = transaction.connection
            self._speakers.row(connection, name)
            waiting = store.waiting_of(connection, agent.name, name, "delete")
            if waiting:
                job = waiting[0]["job"]
            else:
                asked = self._declare(transaction, agent, new_id(), "delete", {"name": name})
                sealed = asked.key.seal({"name": name}, content.request_name(asked.id, "sample"))
                store.add_request(connection, _row(transaction, asked, sealed))
                job = asked.view.job
            return SpeakerRemoval(
                status="held", speaker=name, job=job, message=f"Deleting {name} waits for an operator."
            )

        return work

    def _check_room(self, connection: Connection, agent: str, name: str, size: int) -> int:
        """How many samples of this name there are, enrolled or waiting."""
        if store.waiting_bytes(connection, agent) + size > MAX_WAITING_BYTES:
            raise QuotaError(
                f"more than {MAX_WAITING_BYTES} bytes of audio would wait for one agent", retry_after=_RETRY_S
            )
        row, model = store.speaker(connection, name), self._model()
        if row is not None and row["operator"] is not None:
            raise ConflictError("this is an operator's own voice: he enrolls it in the console")
        # Samples of another model give way to those that are asked for now.
        usable = row is not None and model is not None and row["model_sha256"] == model.sha256
        had = int(row["samples"]) if row is not None and usable else 0
        waiting = len(store.waiting_of(connection, agent, name, "enroll"))
        if had + waiting >= rules.MAXIMUM_SAMPLES:
            raise ConflictError(
                f"{had} samples of this name are enrolled and {waiting} wait: at most "
                f"{rules.MAXIMUM_SAMPLES} are taken"
            )
        return had + waiting

    def _declare(
        self,
        transaction: Transaction,
        agent: Identity,
        request: str,
        operation: str,
        arguments: dict[str, Any],
    ) -> _Ask:
        """The intent in the agent's name, in the one job of this name: made where none is open."""
        name = arguments["name"]
        job = self._open_job(transaction, agent, name, operation)
        finding = Finding(
            block="voice",
            rule=operation,
            code=ReasonCode.VOICE_ENROLMENT.value,
            outcome=Outcome.PENDING,
            message="an agent asks for it: whose voice is known here, a person settles",
        )
        submission = Submission(
            kind="admin",
            action=Admin(operation=OWN_OPERATIONS + operation, arguments=arguments),
            job=job["id"],
            origin=job["origin"],
        )
        view = self._decisions.submit_own(agent, submission, (finding,))(transaction)
        if view.state is not IntentState.HELD:
            raise ForbiddenError("the policy denies that agents ask for this")
        return _Ask(request, name, operation, view, books.job_key(self._state_key, job))

    def _open_job(self, transaction: Transaction, agent: Identity, name: str, operation: str) -> RowMapping:
        found = store.latest_job(transaction.connection, agent.name, name, operation)
        if found is not None:
            row = books.job_row(transaction, found)
            if JobState(row["state"]) in OPEN:
                return row
        enroll = operation == "enroll"
        new = books.NewJob(
            agent=agent.name,
            title=f"{'Enroll' if enroll else 'Delete'} the voice {name}",
            purpose=_AGREES + consent.TEXT
            if enroll
            else "The voiceprint is forgotten. This cannot be undone.",
            origin=origin_of(agent, None),
            parent=None,
            implicit=False,
            assurance=self._directory.assurance(agent.name)[0],
        )
        job, _ = books.open_job(transaction, self._state_key, new)
        return books.job_row(transaction, job)

    @staticmethod
    def _put_sample(transaction: Transaction, asked: _Ask, heard: Heard, audio: bytes, salt: bytes) -> None:
        if heard.model is None:
            raise ClipRefusedError("a clip with faults is no sample")
        quality = heard.quality
        net_ms, source = round(quality.net_seconds * 1000), f"agent:{asked.view.agent}"
        sample = Sample(heard.embedding, net_ms, source, heard=False)
        sealed = content.seal_sample(asked.key, asked.id, sample, heard.model, salt)
        row = _row(transaction, asked, sealed) | {
            "audio": asked.key.seal_json(audio, content.request_name(asked.id, "audio")),
            "size": len(audio),
            "seconds_ms": round(quality.seconds * 1000),
            "net_ms": sample.net_ms,
        }
        store.add_request(transaction.connection, row)


def _row(transaction: Transaction, asked: _Ask, sealed: bytes) -> dict[str, Any]:
    latest = transaction.now + timedelta(seconds=LONGEST_WAIT_S)
    ends = latest if asked.view.held_until is None else min(latest, asked.view.held_until)
    return {
        "id": asked.id,
        "intent": asked.view.id,
        "job": asked.view.job,
        "agent": asked.view.agent,
        "speaker": asked.name,
        "operation": asked.operation,
        "sealed": sealed,
        "audio": None,
        "size": 0,
        "seconds_ms": 0,
        "net_ms": 0,
        "asked_at": micros(transaction.now),
        "expires_at": micros(ends),
    }
