"""A phrase for one held job, or an operator's step-up: given, heard, and what follows from it (threats T23).

Must never take words for a voice: they count only in a clip whose voice was matched. Nor for more than what
waited when they were given: what came later, or instead, has no phrase.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.audit.model import Entry
from govd.contract.errors import ConflictError, NotFoundError
from govd.contract.intents import IntentState
from govd.contract.jobs import JobState
from govd.contract.voicephrase import VoicePhrase
from govd.intents import store as intent_store
from govd.intents.content import open_content
from govd.jobs import books
from govd.jobs import store as job_store
from govd.policy.model import VoiceFacts
from govd.policy.voicing import capabilities_of, lacks_phrase
from govd.reviews.service import Said
from govd.voice import channels, lockout, phrase, rules
from govd.voice.model import Party

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, RowMapping

    from govd.intents.content import Content
    from govd.sealing import StateKey
    from govd.storage.ledger import Transaction
    from govd.voice.challenges import Challenge, Challenges
    from govd.voice.matching import Match
    from govd.voice.model import Heard
    from govd.voice.settings import VoiceSettings
    from govd.voice.transcribing import Transcriber

MOST_INTENTS: Final = 16
"""So many may wait in a job that a phrase opens: nobody says yes to more by word of mouth."""


@dataclass(frozen=True)
class Elsewhere:
    """What phrases need from elsewhere.

    Attributes:
        transcriber: Asks the upstream.
        settled: Decides a job again, now that its phrase was said.
        for_operators: Whether a step-up asks for a phrase, asked at each use.
    """

    transcriber: Transcriber
    settled: Callable[[Transaction, str, Said], None]
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

    def ask(self, agent: str, job: str, chat: str) -> Callable[[Transaction], VoicePhrase]:
        """The work that gives the phrase of a held job.

        Raises (from the work):
            NotFoundError: it is no job of this agent's.
            ConflictError: nothing of it waits for the owner's voice, it came by another chat, or is too much.
            ForbiddenError, QuotaError: the chat is locked, has to wait, or no channel vouches for it.
            VoiceUnavailableError: no transcription upstream is set.
        """

        def work(transaction: Transaction) -> VoicePhrase:
            settings, party = self._settings(), Party(agent=agent, chat=chat)
            waiting = self._waiting(transaction.connection, party, job)
            channels.named(settings, chat)
            lockout.check(transaction.connection, party, transaction.now, settings.owner)
            opening = sorted({name for one in waiting for name in capabilities_of(one.decision)})
            if not opening or not any(lacks_phrase(one.decision) for one in waiting):
                raise ConflictError(
                    "nothing of that job waits for a phrase: no admin request is held in it, or it was said"
                )
            if len(waiting) > MOST_INTENTS:
                raise ConflictError(f"{len(waiting)} intents wait: a phrase is for {MOST_INTENTS} at most")
            self._elsewhere.transcriber.need()
            made = self.challenges.give(party, job, _bound(waiting), tuple(opening))
            self._given(transaction, made)
            return _view(made)

        return work

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
            made = self.challenges.give(party)
            self._given(transaction, made)
            return _view(made)

        return work

    def _given(self, transaction: Transaction, made: Challenge) -> None:
        self._record(transaction, "voice.phrase_given", made)

    def _record(self, transaction: Transaction, type_: str, made: Challenge, **more: object) -> None:
        party = made.party
        details = {"phrase": made.id, "intents": [intent for intent, _ in made.intents], **more}
        if party.agent:
            details["chat"] = self._log_name(party.chat or "-")
        transaction.record(
            Entry(
                type=type_,
                actor=f"agent:{party.agent}" if party.agent else f"operator:{party.operator}",
                agent=party.agent or None,
                job_id=made.job or None,
                details=details,
            )
        )

    def _waiting(self, connection: Connection, party: Party, job: str) -> list[Content]:
        """What is held in a job, in the order of its ids."""
        row = _own(connection, party, job)
        key = books.job_key(self._state_key, row)
        held = [
            item for item in intent_store.of_job(connection, job) if item["state"] == IntentState.HELD.value
        ]
        return [open_content(item, key) for item in sorted(held, key=lambda item: str(item["id"]))]

    # -- hearing -----------------------------------------------------------------------------------------

    def standing(self, party: Party, job: str = "") -> Challenge:
        """The phrase that this clip may have.

        Raises:
            ConflictError: none stands.
        """
        return self.challenges.standing(party, job)

    def said(self, challenge: Challenge, heard: Heard) -> bool:
        """Whether a clip whose voice was matched has the phrase. Blocks.

        Raises:
            ClipRefusedError: it is longer than any phrase.
            QuotaError: the upstream is busy, with a clip of this party or with too many.
            VoiceUnavailableError: the upstream has no answer that counts.
        """
        text = self._elsewhere.transcriber.transcribe(challenge.party, heard.pcm)
        return phrase.said(challenge.phrase, text)

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
            ConflictError: something else waits in the job than when the phrase was given.
            ReviewStaleError: see `Reviews.phrase_said`.
        """
        waiting = self._waiting(transaction.connection, challenge.party, challenge.job)
        if _bound(waiting) != challenge.intents:
            raise ConflictError(
                "the job is not what it was when its phrase was given: something came, went or was replaced",
                hint="look at the job again, and ask for another phrase",
            )
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
        self._elsewhere.settled(transaction, challenge.job, Said(challenge.id, voice))
        return JobState(_own(transaction.connection, challenge.party, challenge.job)["state"])

    def said_own(self, transaction: Transaction, challenge: Challenge) -> None:
        """Write down that an operator has said his."""
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


def _bound(waiting: Sequence[Content]) -> tuple[tuple[str, str], ...]:
    return tuple((one.declared.id, one.declared.intent_sha256) for one in waiting)


def _view(made: Challenge) -> VoicePhrase:
    return VoicePhrase(
        id=made.id,
        phrase=made.phrase.text,
        job=made.job or None,
        chat=made.party.chat,
        intents=[intent for intent, _ in made.intents],
        expires_at=made.expires_at,
    )
