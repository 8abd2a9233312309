"""The operators' side of voices: enrolling in the console, listening, revoking, unlocking, the whole picture.

Must never save a voice without consent, enough samples and one fresh clip that matched.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from govd.audit.model import Entry
from govd.contract.errors import ConflictError, InvalidRequestError, NotFoundError
from govd.contract.voice import (
    DraftCheck,
    LockView,
    LockViews,
    SpeakerRemoval,
    Voices,
    VoiceSession,
    WaitingSample,
)
from govd.jobs import books
from govd.jobs import store as job_store
from govd.times import instant, micros
from govd.voice import channels, content, lockout, rules, sessions, store
from govd.voice.content import Sample
from govd.voice.enrollment import consent, signing
from govd.voice.hearing import replayed
from govd.voice.model import Party

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection, RowMapping

    from govd.alarms.service import Alarms
    from govd.contract.voice import Draft, DraftSample, DraftStart, SessionView, SpeakerView
    from govd.contract.voicechange import VoiceChangeSubmission
    from govd.freshness import SigningTime
    from govd.sealing import JobKey, StateKey
    from govd.storage.ledger import Transaction
    from govd.voice.model import Heard
    from govd.voice.service import Voices as Service

_OWED: Final = (
    "The key is forgotten. The database's journal, or a migration's backup, still holds it, because somebody "
    "reads an older state or has the backup open: it goes as soon as that ends."
)


class Desk:
    """What operators do.

    Args:
        voices: The service of this room.
        state_key: Opens the jobs' keys, for samples that wait.
        alarms: Told when it changes whose voice decides something.
        public_keys: The vote keys of all active operators, asked at each use.
    """

    def __init__(
        self,
        voices: Service,
        state_key: StateKey,
        alarms: Alarms,
        public_keys: Callable[[], Mapping[str, str]],
    ) -> None:
        self.voices, self._state_key, self._alarms = voices, state_key, alarms
        self._public_keys = public_keys

    # -- the whole picture -----------------------------------------------------------------------------

    def picture(self, connection: Connection, operator: str) -> Voices:
        """Everything that the Voices screen shows to this operator."""
        voices, now = self.voices, self.voices.ledger.now()
        model, degraded = voices.encoder.model, voices.encoder.degraded
        return Voices(
            model=model,
            degraded="" if degraded is None else degraded[0],
            mend="" if degraded is None else degraded[1],
            owner=voices.settings().owner,
            speakers=voices.speakers.views(connection, model),
            waiting=self._waiting(connection, operator),
            sessions=sessions.standing(connection, now, counts=partial(channels.counts, voices.settings())),
            locks=lockout.listed(connection, now),
            consent_version=consent.VERSION,
            consent_text=consent.TEXT,
            prompts=list(consent.PROMPTS),
            minimum_samples=rules.MINIMUM_SAMPLES,
            maximum_samples=rules.MAXIMUM_SAMPLES,
            minimum_net_seconds=rules.MINIMUM_NET_SECONDS,
            drafts=voices.drafts.of(operator),
            phrases=voices.phrasing.available,
            step_up_phrase=voices.phrasing.for_operators,
            tidying=voices.tidying.owed,
        )

    @staticmethod
    def _waiting(connection: Connection, operator: str) -> list[WaitingSample]:
        rows = store.waiting(connection)
        heard = store.heard(connection, operator, [row["id"] for row in rows])
        return [
            WaitingSample(
                id=row["id"],
                speaker=row["speaker"],
                agent=row["agent"],
                job=row["job"],
                seconds=row["seconds_ms"] / 1000,
                net_seconds=row["net_ms"] / 1000,
                heard=row["id"] in heard,
                expires_at=instant(row["expires_at"]),
            )
            for row in rows
        ]

    # -- enrolling -------------------------------------------------------------------------------------

    def begin(self, operator: str, start: DraftStart) -> Draft:
        """An enrollment in the console.

        Raises:
            InvalidRequestError: no consent, or to another text than the present one.
            VoiceUnavailableError: there is no model to enroll with.
        """
        if not start.consented:
            raise InvalidRequestError("nobody is enrolled without consent", pointer="/consented")
        if start.consent_version != consent.VERSION:
            raise InvalidRequestError(
                f"the consent text has version {consent.VERSION}: show it again", pointer="/consent_version"
            )
        return self.voices.drafts.begin(operator, start, self.voices.operators_hearing.model())

    def sample(self, operator: str, draft: str, data: bytes) -> DraftSample:
        """One sample of an enrollment. Blocks.

        Raises:
            NotFoundError, ConflictError: see `Drafts.add`.
            ClipRefusedError: it cannot be decoded, or was heard before.
        """
        voices = self.voices
        voices.drafts.own(draft, operator)
        heard = self._fresh(data, one_voice=True)
        return voices.drafts.add(draft, operator, heard, voices.replays.same)

    def check(self, operator: str, draft: str, data: bytes) -> DraftCheck:
        """A fresh clip held against an enrollment. Blocks."""
        voices = self.voices
        found = voices.drafts.own(draft, operator)
        heard = self._fresh(data)
        if found.matches(heard):
            heard = voices.operators_hearing.of_one_voice(heard, found.centre.tobytes())
        verified, score = voices.drafts.check(draft, operator, heard, voices.replays.same)
        return DraftCheck(
            verified=verified,
            clip_sha256=heard.sent_sha256,
            confidence=round(score, 4),
            threshold=found.model.threshold,
            quality=heard.quality,
        )

    def _fresh(self, data: bytes, *, one_voice: bool = False) -> Heard:
        heard = self.voices.operators_hearing.listen(data, one_voice=one_voice)
        known, _ = self.voices.ledger.read(lambda c: self.voices.replays.known(c, heard))
        if known and heard.model is not None:
            raise replayed()
        return heard

    def _check_signature(
        self, signed: VoiceChangeSubmission, operator: str, mend: str, at: SigningTime | None = None
    ) -> None:
        """`at`: the work's own time. Asked in the work too: who signed may have been removed a moment ago."""
        when = self.voices.ledger.signing() if at is None else at
        signing.check_signature(signed, operator, self._public_keys(), when, mend)

    def save(self, operator: str, draft: str, signed: VoiceChangeSubmission) -> SpeakerView:
        """Enroll what a draft holds, on the operator's signature. Blocks.

        Raises:
            ConflictError: it is not ready, no fresh clip has matched, or another model is in use by now.
            ForbiddenError: the name is another operator's own voice, or the signature is not his, not of just
                now, or not about exactly this.
        """
        voices = self.voices
        self._check_signature(signed, operator, signing.ENROLL)
        found = voices.drafts.finished(draft, operator)
        model = voices.operators_hearing.model()
        if model.sha256 != found.model.sha256:
            raise ConflictError("another model is in use by now: begin the enrollment again")
        start = found.start
        samples = [
            Sample(item.embedding, round(item.quality.net_seconds * 1000), f"operator:{operator}")
            for item in found.samples
        ]
        agreed = content.consent(consent.VERSION, consent.TEXT, found.began_at, f"operator:{operator}")

        def work(transaction: Transaction) -> None:
            self._check_signature(signed, operator, signing.ENROLL, transaction.signing)
            former = store.standing(transaction.connection, start.name)
            expected = signing.enrolling(signed, found, former, voices.settings().owner)
            signing.check_change(signed, expected, signing.ENROLL)
            for heard in (*found.samples, found.checked):
                voices.replays.remember(transaction, heard, f"speaker:{start.name}")
            self._warn(transaction, operator, start.name, mine=start.mine)
            voices.speakers.enroll(transaction, start.name, samples, model, agreed, signed)

        voices.ledger.submit(work).result()
        voices.drafts.leave(draft, operator)
        voices.tidying.attempt()
        return voices.ledger.read(lambda c: voices.speakers.view(c, start.name, model))

    def remove(self, operator: str, name: str, signed: VoiceChangeSubmission) -> SpeakerRemoval:
        """Forget a speaker, on the operator's signature. Blocks. It cannot be undone.

        Raises:
            NotFoundError: there is none of that name.
            ForbiddenError: the signature is not his, not of just now, or not about exactly this.
        """
        voices = self.voices
        self._check_signature(signed, operator, signing.DELETE)

        def work(transaction: Transaction) -> None:
            self._check_signature(signed, operator, signing.DELETE, transaction.signing)
            former = voices.speakers.row(transaction.connection, name)["enrolment"]
            expected = signing.deleting(signed, name, former, voices.settings().owner)
            signing.check_change(signed, expected, signing.DELETE)
            self._warn(transaction, operator, name)
            voices.speakers.remove(transaction, name, f"operator:{operator}", signed=signed)

        voices.ledger.submit(work).result()
        done = voices.tidying.attempt()
        return SpeakerRemoval(status="deleted", speaker=name, message="" if done else _OWED)

    def _warn(self, transaction: Transaction, operator: str, name: str, *, mine: bool = False) -> None:
        """An alarm where a voice that lets somebody do more is about to change.

        That is the policy owner's, an operator's own, and one more beside the own voices that he has. It is
        signed, and who stole key and passphrase signs too: the person behind the voice is to hear of it.
        """
        connection, voices = transaction.connection, self.voices
        former = store.speaker(connection, name)
        own = former is not None and former["operator"] is not None
        owners = former is not None and name == voices.settings().owner
        another = mine and store.has_own(connection, operator)
        if own or owners or another:
            self._alarms.raise_in(
                transaction,
                "own-voice-replaced",
                f"speaker:{name}",
                f"the voice {name}, {'the policy owner' if owners else 'an operator'}'s, was enrolled anew, "
                f"added or deleted by {operator}, on his signature",
                f"ask {operator} whether it was he; if not: govd operators remove {operator}",
            )

    # -- listening -------------------------------------------------------------------------------------

    def play(self, operator: str, sample: str) -> bytes:
        """The audio of a sample that waits, and the note that this operator has fetched it. Blocks.

        Raises:
            NotFoundError: it waits no more.
        """
        row, key = self.voices.ledger.read(lambda c: self._sample(c, sample))
        audio = key.open_json(row["audio"], content.request_name(sample, "audio"))

        def work(transaction: Transaction) -> None:
            if store.request(transaction.connection, sample) is None:
                raise NotFoundError("there is no such sample, or it waits no more")
            store.add_heard(transaction.connection, sample, operator, micros(transaction.now))
            transaction.record(
                Entry(
                    type="voice.heard",
                    actor=f"operator:{operator}",
                    agent=row["agent"],
                    job_id=row["job"],
                    intent_id=row["intent"],
                    details={"sample": sample},
                )
            )

        self.voices.ledger.submit(work).result()
        return audio

    def _sample(self, connection: Connection, sample: str) -> tuple[RowMapping, JobKey]:
        row = store.request(connection, sample)
        job = None if row is None else job_store.by_id(connection, row["job"])
        if row is None or job is None or row["audio"] is None:
            raise NotFoundError("there is no such sample, or it waits no more")
        return row, books.job_key(self._state_key, job)

    # -- sessions and locks ----------------------------------------------------------------------------

    def own_session(self, connection: Connection, operator: str) -> VoiceSession:
        """Whether this operator's step-up stands, and until when."""
        found = sessions.state(connection, Party(operator=operator), self.voices.ledger.now())
        return VoiceSession(
            state=found.state, chat="", speaker=found.speaker, admin=False, expires_at=found.expires_at
        )

    def revoke(self, operator: str, session: str) -> Callable[[Transaction], SessionView]:
        """The work that ends a session; what stood.

        Raises (from the work):
            NotFoundError: none of that id stands.
        """

        def work(transaction: Transaction) -> SessionView:
            row = sessions.by_id(transaction.connection, session)
            if row is None or not sessions.end(transaction, session):
                raise NotFoundError("no such session stands")
            transaction.record(
                Entry(
                    type="voice.session_revoked",
                    actor=f"operator:{operator}",
                    agent=row["agent"] or None,
                    details={"session": session, "speaker": self.voices.speakers.log_name(row["speaker"])},
                )
            )
            return sessions.view(row)

        return work

    def unlock(self, operator: str, agent: str, chat: str) -> Callable[[Transaction], LockView]:
        """The work that forgets the misses of an agent's chat; what stood against it.

        Raises (from the work):
            NotFoundError: it has none.
        """

        def work(transaction: Transaction) -> LockView:
            party = Party(agent=agent, chat=chat)
            stood = lockout.standing(transaction.connection, party, transaction.now)
            if not lockout.clear(transaction.connection, party):
                raise NotFoundError("nothing stands against that chat")
            transaction.record(
                Entry(
                    type="voice.unlocked",
                    actor=f"operator:{operator}",
                    agent=agent,
                    details={"chat": self.voices.speakers.log_name(chat or "-")},
                )
            )
            return LockView(
                agent=agent, chat=chat, failures=stood.failures, until=stood.until, locked=stood.locked
            )

        return work

    def unlock_all(self, operator: str, agent: str) -> Callable[[Transaction], LockViews]:
        """The work that forgets every miss of an agent, in all its chats; what stood against it.

        Raises (from the work):
            NotFoundError: it has none.
        """

        def work(transaction: Transaction) -> LockViews:
            stood = lockout.of_agent(transaction.connection, agent)
            if not stood:
                raise NotFoundError("nothing stands against that agent")
            lockout.clear_of(transaction.connection, agent=agent)
            transaction.record(
                Entry(
                    type="voice.unlocked",
                    actor=f"operator:{operator}",
                    agent=agent,
                    details={"counts": len(stood)},
                )
            )
            return LockViews(locks=stood)

        return work
