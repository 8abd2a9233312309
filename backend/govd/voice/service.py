"""Voices: clips held against who is enrolled, sessions that follow, and what operators do about both.

Must never let a voice alone decide anything, take a threshold from a caller, or say more than the best match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.audit.model import Entry
from govd.contract.errors import ConflictError, ForbiddenError, NoneEnrolledError, VoiceUnavailableError
from govd.contract.voice import (
    SpeakerBriefs,
    StepUp,
    Verification,
    VoiceSession,
    VoiceState,
)
from govd.contract.voice_texts import filled
from govd.policy.model import VoiceFacts
from govd.times import micros
from govd.voice import answers, channels, lockout, modelchange, rules, sessions, store
from govd.voice.comparing import Comparing
from govd.voice.hearing import faulty, replayed
from govd.voice.lanes import Lane
from govd.voice.model import Party
from govd.voice.tidying import Tidying
from govd.voice.transcription.turns import MOST as TURNS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from govd.contract.jobs import JobState
    from govd.contract.voice import Enrolled, SpeakerRemoval
    from govd.identities.model import Identity
    from govd.storage.ledger import Ledger, Transaction
    from govd.voice.enrollment.drafts import Drafts
    from govd.voice.enrollment.enrolling import Speakers
    from govd.voice.enrollment.requests import Requests
    from govd.voice.enrollment.settling import Settling
    from govd.voice.hearing import Hearing
    from govd.voice.matching import Gallery, Match
    from govd.voice.model import Captures, Encoder, Heard
    from govd.voice.phrases.challenges import Challenge
    from govd.voice.phrases.phrasing import Phrasing
    from govd.voice.replays import Replays
    from govd.voice.settings import VoiceSettings

_POOR: Final = "This clip is not good enough to tell: see its faults, and record another."
_REPLAY: Final = "This recording was heard before: record a fresh one."
_OTHER: Final = "This does not sound like you: record another."
_SEVERAL: Final = "Somebody else is heard in this clip too: record yourself alone."
_UNSAID: Final = "This is your voice, and not the phrase: ask for another, and say it alone."


@dataclass(frozen=True)
class Parts:
    """What the service is made of; `govd.voice.building` puts it together."""

    ledger: Ledger
    encoder: Encoder
    hearing: Hearing
    operators_hearing: Hearing
    gallery: Gallery
    replays: Replays
    speakers: Speakers
    requests: Requests
    settling: Settling
    phrasing: Phrasing
    drafts: Drafts
    settings: Callable[[], VoiceSettings]
    captures: Captures | None


class Voices:
    """The service of this room."""

    def __init__(self, parts: Parts) -> None:
        self.ledger, self.encoder = parts.ledger, parts.encoder
        self._hearing, self.operators_hearing = parts.hearing, parts.operators_hearing
        self._gallery, self.replays = parts.gallery, parts.replays
        self._comparing = Comparing(parts.ledger, parts.gallery, parts.replays)
        self.speakers, self.requests, self.settling = parts.speakers, parts.requests, parts.settling
        self.tidying, self.phrasing = Tidying(parts.ledger), parts.phrasing
        self.drafts, self.settings, self.captures = parts.drafts, parts.settings, parts.captures
        self.agents, self.operators = Lane("agents", gone=TURNS), Lane("operators", gone=TURNS)

    # -- verifying -------------------------------------------------------------------------------------

    def verify(
        self, agent: str, chat: str, data: bytes, name: str = "", signed: str = "", job: str = ""
    ) -> Verification:
        """Whose voice a clip is, and a session for that agent's chat if it is somebody's. Blocks.

        Args:
            agent: Who sends it.
            chat: Which of its chats the clip came from.
            data: The clip as it was sent.
            name: A hint at its format at most.
            signed: What the chat's channel has signed about it, where the policy names channels.
            job: Whose phrase is said in it: then the owner's voice alone is a match, and without the phrase
                nobody's is.

        Raises:
            QuotaError, ForbiddenError: this chat has to wait, is locked, or no channel vouches for the clip.
            ClipRefusedError: it cannot be decoded.
            VoiceUnavailableError: nobody can be verified now, or no phrase.
            NoneEnrolledError: nobody is enrolled with the model in use.
            ConflictError: no phrase of the job stands, or something else waits in it by now.
        """
        party = Party(agent=agent, chat=chat)
        with self.phrasing.taken(party, job) as challenge:
            return self._verify(party, data, name, signed, challenge)

    def _verify(
        self, party: Party, data: bytes, name: str, signed: str, challenge: Challenge | None
    ) -> Verification:
        settings = self.settings()
        self.ledger.read(lambda c: lockout.check(c, party, self.ledger.now(), settings.owner))
        vouched = self._vouched(party, data, signed, settings)
        heard = self._hearing.listen(data, name)
        if heard.model is None:
            return self._poor(heard, settings)
        model = heard.model
        self.phrasing.fits(challenge, heard)
        found = self._comparing.compare(self._hearing, heard, model)
        match, heard, hit = found.match, found.heard, found.hit
        if match is None:
            raise NoneEnrolledError(settings.messages["none_enrolled"])
        if challenge is not None:
            hit = hit and match.heard and match.name == settings.owner
        said = self.phrasing.said(challenge, heard, matched=hit)
        low = answers.weak(match, model, settings)

        def work(transaction: Transaction) -> tuple[datetime | None, JobState | None]:
            # Who sent many at once is judged by what stands now, and a clip is good for one of them.
            lockout.check(transaction.connection, party, transaction.now, settings.owner)
            replay = found.known or self.replays.known_since(transaction.connection, heard, found.after)
            if not hit or replay or not said:
                code = found.code(replay=replay, hit=hit)
                if code == "phrase":
                    self.replays.remember(transaction, heard, f"speaker:{match.name}")
                self._missed(transaction, party, "voice.refused", f"agent:{party.agent}", code)
                return None, None
            ends = self._began(transaction, party, match, heard, settings, low=low, vouched=vouched)
            if challenge is None:
                return ends, None
            return ends, self.phrasing.settle(transaction, challenge, match, low=low, vouched=vouched)

        ends, state = self.ledger.submit(work).result()
        if ends is None:
            return answers.miss(heard, model, settings)
        more = {"expires_at": ends, "phrase": state is not None, "job_state": state}
        return answers.hit(heard, model, settings, match).model_copy(update=more)

    def _vouched(self, party: Party, data: bytes, signed: str, settings: VoiceSettings) -> str:
        """See `channels.vouched`; what no channel vouches for is a miss."""
        try:
            return channels.vouched(settings, party, data, signed, self.ledger.now())
        except ForbiddenError:
            actor = f"agent:{party.agent}"
            self.ledger.submit(
                lambda transaction: self._missed(transaction, party, "voice.refused", actor, "channel")
            ).result()
            raise

    def whose(self, data: bytes) -> Verification:
        """Whose voice a clip is, for an operator who asks: no session follows, and no miss counts. Blocks.

        Raises:
            ClipRefusedError, VoiceUnavailableError, NoneEnrolledError: see `verify`.
        """
        heard, settings = self.operators_hearing.listen(data), self.settings()
        if heard.model is None:
            return self._poor(heard, settings)
        found = self._comparing.compare(self.operators_hearing, heard, heard.model, again=True)
        if found.match is None:
            raise NoneEnrolledError(settings.messages["none_enrolled"])
        if not found.hit:
            return answers.miss(found.heard, heard.model, settings, found.match.score)
        return answers.hit(found.heard, heard.model, settings, found.match)

    def _poor(self, heard: Heard, settings: VoiceSettings) -> Verification:
        """A clip that no encoder should hear: no miss, since it tells nothing, and no match."""
        model = self._hearing.model()
        if not self.ledger.read(lambda c: self._gallery.usable(c, model.sha256)):
            raise NoneEnrolledError(settings.messages["none_enrolled"])
        return answers.miss(heard, model, settings)

    def _missed(self, transaction: Transaction, party: Party, type_: str, actor: str, code: str) -> None:
        lock = lockout.miss(transaction, party)
        details = {"code": code, "failures": lock.failures}
        if party.agent:
            details["chat"] = self.speakers.log_name(party.chat or "-")
        transaction.record(Entry(type=type_, actor=actor, agent=party.agent or None, details=details))
        if lock.locked:
            transaction.record(
                Entry(type="voice.locked", actor="govd", agent=party.agent or None, details=details)
            )

    def _began(
        self,
        transaction: Transaction,
        party: Party,
        match: Match,
        heard: Heard,
        settings: VoiceSettings,
        *,
        low: bool,
        vouched: str = "",
    ) -> datetime:
        """What a match leaves behind: a session, no misses, and a recording that works no second time."""
        row = store.speaker(transaction.connection, match.name)
        if row is None or row["enrolment"] != match.enrolment:
            raise ConflictError("the speaker was enrolled anew meanwhile: send the clip again")
        if modelchange.noted(transaction, self.encoder) != heard.model:
            raise VoiceUnavailableError("the model was changed meanwhile", hint="send the clip again")
        # Guesses at the owner's voice are not taken back by one clip of somebody else who is enrolled.
        if party.operator or settings.owner in {None, match.name}:
            lockout.clear(transaction.connection, party)
        self.replays.remember(transaction, heard, f"speaker:{match.name}")
        session, ends = sessions.begin(transaction, party, match, settings.session, low=low, vouched=vouched)
        store.change_speaker(transaction.connection, match.name, last_verified_at=micros(transaction.now))
        details = {"speaker": self.speakers.log_name(match.name), "session": session, "low_confidence": low}
        if party.agent:
            details["chat"] = self.speakers.log_name(party.chat or "-")
        transaction.record(
            Entry(
                type="voice.verified" if party.agent else "voice.stepped_up",
                actor=f"agent:{party.agent}" if party.agent else f"operator:{party.operator}",
                agent=party.agent or None,
                details=details,
            )
        )
        return ends

    # -- an operator's own voice -----------------------------------------------------------------------

    def step_up(self, operator: str, data: bytes) -> StepUp:
        """An operator shows his own voice, which for a time stands beside his token and his key. Blocks.

        Raises:
            ConflictError: no voice of his is enrolled, or no phrase of his stands where one is asked for.
            QuotaError, ForbiddenError: he has to wait, or is locked.
            ClipRefusedError, VoiceUnavailableError: see `verify`.
        """
        with self.phrasing.taken_own(Party(operator=operator)) as challenge:
            return self._step_up(operator, data, challenge)

    def _step_up(self, operator: str, data: bytes, challenge: Challenge | None) -> StepUp:
        party = Party(operator=operator)
        self.ledger.read(lambda c: lockout.check(c, party, self.ledger.now()))
        heard = self.operators_hearing.listen(data)
        settings, model = self.settings(), heard.model or self.operators_hearing.model()
        if heard.model is None:
            return StepUp(verified=False, threshold=model.threshold, message=_POOR, quality=heard.quality)
        self.phrasing.fits(challenge, heard)
        found = self._comparing.compare(
            self.operators_hearing, heard, model, lambda one: one.operator == operator
        )
        match, heard, hit = found.match, found.heard, found.hit
        if match is None:
            raise ConflictError(
                "no voice of yours is enrolled with the model in use",
                hint="govconsole enroll, as your own voice",
            )
        said = self.phrasing.said(challenge, heard, matched=hit)

        def work(transaction: Transaction) -> datetime | None:
            lockout.check(transaction.connection, party, transaction.now)
            replay = found.known or self.replays.known_since(transaction.connection, heard, found.after)
            if not hit or replay or not said:
                code = found.code(replay=replay, hit=hit)
                if code == "phrase":
                    self.replays.remember(transaction, heard, f"speaker:{match.name}")
                self._missed(transaction, party, "voice.step_up_refused", f"operator:{operator}", code)
                return None
            if challenge is not None:
                self.phrasing.said_own(transaction, challenge)
            low = answers.weak(match, model, settings)
            return self._began(transaction, party, match, heard, settings, low=low)

        ends = self.ledger.submit(work).result()
        other = _SEVERAL if found.several else _UNSAID if hit and not said else _OTHER
        return StepUp(
            verified=ends is not None,
            speaker=None if ends is None else match.name,
            confidence=round(match.score, answers.MATCH_DIGITS),
            threshold=model.threshold,
            expires_at=ends,
            message="" if ends is not None else _REPLAY if found.known else other,
            quality=heard.quality,
        )

    def stepped_up(self, connection: Connection, operator: str) -> bool:
        """Whether this operator's step-up stands now."""
        found = sessions.state(connection, Party(operator=operator), self.ledger.now())
        return found.state is VoiceState.VERIFIED

    # -- agents ----------------------------------------------------------------------------------------

    def ask(self, agent: Identity, name: str, data: bytes, hint: str = "") -> Enrolled:
        """A sample that an agent sends waits for a person. Blocks.

        Raises:
            ClipRefusedError: it cannot be decoded, is not good enough, or was heard before.
            VoiceUnavailableError, ConflictError, ForbiddenError, QuotaError: see `Requests.ask`.
        """
        heard = self._hearing.listen(data, hint, one_voice=True)
        if heard.model is None:
            raise faulty(heard)
        known, after = self.ledger.read(lambda c: self.replays.known(c, heard))
        if known:
            raise replayed()
        return self.ledger.submit(self.requests.ask(agent, name, heard, after)).result()

    def ask_delete(self, agent: Identity, name: str) -> Callable[[Transaction], SpeakerRemoval]:
        """The work by which an agent asks that a speaker is forgotten."""
        return self.requests.ask_delete(agent, name)

    def briefs(self, connection: Connection) -> SpeakerBriefs:
        """Who is enrolled, as agents see it."""
        words = self.settings().messages["enrolled"]
        return SpeakerBriefs(
            speakers=self.speakers.briefs(connection, lambda count: filled(words, samples=str(count)))
        )

    def session(self, connection: Connection, agent: str, chat: str) -> VoiceSession:
        """Where a chat of this agent stands."""
        found = channels.standing(connection, self.settings(), agent, chat, self.ledger.now())
        return VoiceSession(
            state=found.state,
            chat=chat,
            speaker=found.speaker,
            admin=found.heard and found.speaker == self.settings().owner,
            expires_at=found.expires_at,
        )

    def facts(self, connection: Connection, agent: str, origin: str) -> VoiceFacts:
        """What a decision knows of the voice behind an intent: from our own tables, never from the agent."""
        settings, chat = self.settings(), rules.chat_of(origin)
        found = channels.standing(connection, settings, agent, chat, self.ledger.now())
        if found.state is VoiceState.VERIFIED:
            # A voice that nobody has listened to may have become the owner's by a later policy (threats T24).
            speaker = found.speaker if found.heard or found.speaker != settings.owner else None
            return VoiceFacts("verified", speaker, found.low, found.confidence)
        if self.encoder.degraded is not None:
            return VoiceFacts("unavailable")
        if not store.enrolled(connection):
            return VoiceFacts("none_enrolled")
        return VoiceFacts("expired" if found.state is VoiceState.EXPIRED else "never_verified")

    # -- the whole -------------------------------------------------------------------------------------

    def identity_left(self, transaction: Transaction, identity: Identity) -> None:
        """Whoever gets the name next begins without sessions, misses and voices."""
        if identity.kind == "operator":
            sessions.end_of(transaction, operator=identity.name)
            lockout.clear_of(transaction.connection, operator=identity.name)
            store.disown(transaction.connection, identity.name)
            self.drafts.forget_all_of(identity.name)
            self.phrasing.challenges.forget_of(operator=identity.name)
        elif identity.kind == "agent":
            sessions.end_of(transaction, agent=identity.name)
            lockout.clear_of(transaction.connection, agent=identity.name)
            self.phrasing.challenges.forget_of(agent=identity.name)

    def look_at_model(self) -> None:
        """Whether an operator put another model in use, also while govd was down."""
        modelchange.look(self.ledger, self.encoder)

    def tick(self) -> None:
        """What the clock asks for: another model is noticed, audio that nobody waits for any more goes."""
        self.look_at_model()
        now = self.ledger.now()
        if self.ledger.read(lambda c: lockout.ended(c, now)):
            self.ledger.submit(lockout.forget_ended).result()
        if self.ledger.read(lambda c: bool(store.settled(c, 1)) or bool(store.overdue(c, micros(now), 1))):
            self.ledger.submit(self.settling.sweep).result()
            self.tidying.owe()
        self.tidying.attempt()

    def close(self) -> None:
        """End the processes."""
        for lane in (self.agents, self.operators):
            lane.close()
        self._hearing.close()
        self.operators_hearing.close()
        self.encoder.close()
