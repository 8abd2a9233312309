"""A phrase for one held job, or an operator's step-up: given, heard, and what follows from it (threats T23).

Must never take words for a voice: they count only in a clip whose voice was matched. Nor for more than what
waited when they were given: what came later, or instead, has no phrase.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.audit.model import Entry
from govd.contract.errors import ConflictError, NotFoundError
from govd.contract.jobs import JobState
from govd.contract.voicephrase import VoicePhrase
from govd.intents import store as intent_store
from govd.intents.content import open_content
from govd.jobs import books
from govd.jobs import store as job_store
from govd.policy.model import VoiceFacts
from govd.policy.voicing import capabilities_of, lacks_phrase
from govd.reviews.said import Said
from govd.times import micros
from govd.voice import channels, lockout, rules
from govd.voice.model import Party
from govd.voice.phrases import phrase
from govd.voice.phrases.challenges import Purpose, Waiting
from govd.voice.transcription.transcribing import short_enough

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from govd.contract.decisions import DecisionView
    from govd.intents.content import Content
    from govd.sealing import StateKey
    from govd.storage.ledger import Transaction
    from govd.voice.matching import Match
    from govd.voice.model import Heard
    from govd.voice.phrases.challenges import Challenge, Challenges
    from govd.voice.settings import VoiceSettings
    from govd.voice.transcription.transcribing import Transcriber

MOST_INTENTS: Final = 16
"""So many may wait in a job that a phrase opens: nobody says yes to more by word of mouth."""

_NOTHING: Final = "nothing of that job waits for a phrase: no admin request is held in it, or it was said"


@dataclass(frozen=True)
class Elsewhere:
    """What phrases need from elsewhere.

    Attributes:
        transcriber: Asks the upstream.
        settled: Decides a job again, now that its phrase was said.
        assessed: What the policy in force would say of intents that wait, and that policy's sha256.
        for_operators: Whether a step-up asks for a phrase, asked at each use.
    """

    transcriber: Transcriber
    settled: Callable[[Transaction, str, Said], None]
    assessed: Callable[[Connection, datetime, Sequence[Content]], tuple[str, list[DecisionView]]]
    for_operators: Callable[[], bool]


class Phrasing:
    """Gives phrases, and says whether they were said.

    Args:
        state_key: Opens the jobs' keys.
        challenges: The phrases that stand.
        elsewhere: What else it needs.
        settings: What the policy says, asked at each use.
        log_name: How the log writes a chat.
    """

    def __init__(
        self,
        state_key: StateKey,
        challenges: Challenges,
        elsewhere: Elsewhere,
        *,
        settings: Callable[[], VoiceSettings],
        log_name: Callable[[str], str],
    ) -> None:
        self._state_key, self.challenges, self._elsewhere = state_key, challenges, elsewhere
        self._settings, self._log_name = settings, log_name

    @property
    def available(self) -> bool:
        """Whether phrases can be checked."""
        return self._elsewhere.transcriber.available

    @property
    def for_operators(self) -> bool:
        """Whether a step-up asks for one."""
        return self._elsewhere.for_operators()

    # -- giving ------------------------------------------------------------------------------------------

    def ask(
        self, agent: str, job: str, chat: str
    ) -> Callable[[Connection], Callable[[Transaction], VoicePhrase]]:
        """The query that looks at a held job; it returns the work that gives the job's phrase.

        What waits is opened in the query, outside the writer: others' decisions do not wait for it. What was
        asked there is asked again when the phrase was said.

        Raises (from the query):
            NotFoundError: it is no job of this agent's.
            ConflictError: nothing of it waits for the owner's voice, it came by another chat, or is too much.
            ForbiddenError, QuotaError: the chat is locked, has to wait, or no channel vouches for it; or the
                agent has asked too often (also from the work).
        """
        party = Party(agent=agent, chat=chat)

        def query(connection: Connection) -> Callable[[Transaction], VoicePhrase]:
            now = self.challenges.now()
            rows = self._askable(connection, party, job, now)
            self.challenges.count(party, job)
            purpose, decisions = self._purpose(
                connection, now, job, self._opened(connection, party, job, rows)
            )
            if not purpose.opening or not any(map(lacks_phrase, decisions)):
                raise ConflictError(_NOTHING)
            return lambda transaction: self._give(transaction, party, purpose)

        return query

    def _askable(self, connection: Connection, party: Party, job: str, now: datetime) -> Sequence[RowMapping]:
        """What waits in a job that may have a phrase: cheap, since whoever asks is not counted so far."""
        if not self.available:
            raise ConflictError(
                "no phrase can be given: no transcription upstream is set, and a person settles the job",
                hint="set transcription_url in govd.toml, then govd reload",
            )
        settings = self._settings()
        if settings.owner is None:
            raise ConflictError(_NOTHING, hint="the policy's voice: block names the owner")
        _own(connection, party, job)
        channels.named(settings, party.chat)
        lockout.check(connection, party, now, settings.owner)
        rows = intent_store.held_of_job(connection, job, micros(now), MOST_INTENTS + 1)
        if not rows:
            raise ConflictError(_NOTHING)
        if len(rows) > MOST_INTENTS:
            raise ConflictError(f"more intents wait than a phrase is for: {MOST_INTENTS} at most")
        return rows

    def _opened(
        self, connection: Connection, party: Party, job: str, rows: Sequence[RowMapping]
    ) -> list[Content]:
        key = books.job_key(self._state_key, _own(connection, party, job))
        return [open_content(row, key) for row in rows]

    def _purpose(
        self, connection: Connection, now: datetime, job: str, waiting: Sequence[Content]
    ) -> tuple[Purpose, list[DecisionView]]:
        """What a phrase would be for by the policy in force, not by the one that had held it."""
        policy, decisions = self._elsewhere.assessed(connection, now, waiting)
        intents = (
            Waiting(one.declared.id, one.declared.intent_sha256, tuple(capabilities_of(decision)))
            for one, decision in zip(waiting, decisions, strict=True)
        )
        return Purpose(job, tuple(intents), policy), decisions

    def ask_own(self, operator: str) -> Callable[[Transaction], VoicePhrase]:
        """The work that gives an operator the phrase of his next step-up.

        Raises (from the work):
            ConflictError: his step-ups have no phrase.
            QuotaError: he has to wait.
        """

        def work(transaction: Transaction) -> VoicePhrase:
            if not self.for_operators:
                raise ConflictError("a step-up has no phrase here", hint="step_up_phrase in govd.toml")
            party = Party(operator=operator)
            lockout.check(transaction.connection, party, transaction.now)
            self.challenges.count(party)
            return self._give(transaction, party, Purpose())

        return work

    def _give(self, transaction: Transaction, party: Party, purpose: Purpose) -> VoicePhrase:
        made = self.challenges.give(party, purpose, transaction.now)
        self._record(transaction, "voice.phrase_given", made)
        return _view(made)

    def _record(self, transaction: Transaction, type_: str, made: Challenge, **more: object) -> None:
        party = made.party
        details = {"phrase": made.id, "intents": [one.id for one in made.purpose.intents], **more}
        if party.agent:
            details["chat"] = self._log_name(party.chat or "-")
        transaction.record(
            Entry(
                type=type_,
                actor=f"agent:{party.agent}" if party.agent else f"operator:{party.operator}",
                agent=party.agent or None,
                job_id=made.purpose.job or None,
                policy_sha256=made.purpose.policy_sha256 or None,
                details=details,
            )
        )

    # -- hearing -----------------------------------------------------------------------------------------

    def taken(self, party: Party, job: str) -> AbstractContextManager[Challenge | None]:
        """The phrase of a job while a clip is held against it; None where no job is named.

        Raises:
            ConflictError: none stands.
        """
        return self.challenges.taken(party, job) if job else nullcontext()

    def taken_own(self, party: Party) -> AbstractContextManager[Challenge | None]:
        """The same for an operator's step-up; None where it has no phrase."""
        return self.challenges.taken(party) if self.for_operators else nullcontext()

    def fits(self, challenge: Challenge | None, heard: Heard) -> None:
        """Whether a clip can be a phrase at all, before anybody asks whose voice it is.

        Raises:
            ClipRefusedError: it is longer than any phrase.
        """
        if challenge is not None:
            short_enough(heard.pcm)

    def said(self, challenge: Challenge | None, heard: Heard, *, matched: bool) -> bool:
        """Whether a clip has the phrase, where one is asked for. Blocks. It is used up by whatever is judged.

        Nobody else's clip goes to the upstream; where that fails, clip and phrase are as good as before.

        Raises:
            QuotaError: the upstream is busy, with a clip of this party or with too many.
            VoiceUnavailableError: the upstream has no answer that counts.
        """
        if challenge is None:
            return True
        found = matched and phrase.said(
            challenge.phrase, self._elsewhere.transcriber.transcribe(challenge.party, heard.pcm)
        )
        self.challenges.spend(challenge)
        return found

    def settle(
        self,
        transaction: Transaction,
        challenge: Challenge,
        match: Match,
        *,
        low: bool,
        vouched: str,
    ) -> JobState:
        """What follows from a phrase that was said, inside the work that uses the clip; where its job stands.

        Raises:
            ConflictError: the time of the phrase is over, something else waits in the job than when it was
                given, or another policy is in force.
            ReviewStaleError: see `Reviews.phrase_said`.
        """
        connection, now, party = transaction.connection, transaction.now, challenge.party
        purpose = challenge.purpose
        self.challenges.in_time(challenge, now)
        rows = intent_store.held_of_job(connection, purpose.job, micros(now), MOST_INTENTS + 1)
        if [row["id"] for row in rows] != [one.id for one in purpose.intents]:
            raise _changed()
        opened = self._opened(connection, party, purpose.job, rows)
        if self._purpose(connection, now, purpose.job, opened)[0] != purpose:
            raise _changed()
        self._record(transaction, "voice.phrase_said", challenge, vouched=bool(vouched))
        voice = VoiceFacts(
            "verified",
            match.name,
            low,
            match.score,
            phrase=True,
            vouched=vouched,
            enrolment=match.enrolment,
        )
        opens = {one.id: one.capabilities for one in purpose.intents}
        self._elsewhere.settled(transaction, purpose.job, Said(challenge.id, voice, opens))
        return JobState(_own(connection, party, purpose.job)["state"])

    def said_own(self, transaction: Transaction, challenge: Challenge) -> None:
        """Write down that an operator has said his.

        Raises:
            ConflictError: its time is over.
        """
        self.challenges.in_time(challenge, transaction.now)
        self._record(transaction, "voice.phrase_said", challenge)


def _own(connection: Connection, party: Party, job: str) -> RowMapping:
    """The agent's own job, which came by this chat.

    Raises:
        NotFoundError: it is none of this agent's.
        ConflictError: it came by another chat.
    """
    row = job_store.by_id(connection, job)
    if row is None or row["agent"] != party.agent:
        raise NotFoundError("there is no such job")
    if rules.chat_of(row["origin"]) != party.chat:
        raise ConflictError("the job came by another chat: its phrase is said where it was asked for")
    return row


def _changed() -> ConflictError:
    return ConflictError(
        "the job is not what it was when its phrase was given: something in it, or the policy, has changed",
        hint="look at the job again, and ask for another phrase",
    )


def _view(made: Challenge) -> VoicePhrase:
    return VoicePhrase(
        id=made.id,
        phrase=made.phrase.text,
        job=made.purpose.job or None,
        chat=made.party.chat,
        intents=[one.id for one in made.purpose.intents],
        expires_at=made.expires_at,
    )
