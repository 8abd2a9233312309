"""Voices without a screen: listings, and an enrollment from files or from a pipe.

Must never enroll anybody without the consent's own version, nor leave a draft behind that was not saved.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from govconsole.client.document import plain, wrap
from govconsole.client.standing import seconds_left, short_left, standing_left
from govconsole.client.voiceplan import VoicePlan
from govconsole.client.voicewords import (
    TIDYING,
    TIDYING_MEND,
    broken,
    cosine,
    faults_words,
    model_line,
    quality_words,
    refused_words,
)
from govconsole.headless import machine
from govconsole.state.voicelist import detail_document
from govconsole.state.voices import Entry, VoiceList
from govd.contract.errors import (
    ClipRefusedError,
    ConflictError,
    ForbiddenError,
    GovError,
    NotFoundError,
    VoiceUnavailableError,
)
from govd.contract.voicechange import foreign

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from govconsole.client.voices import Take
    from govconsole.session import Session
    from govd.contract.voice import Draft, DraftStart, Voices

    Say = Callable[[str], None]


async def list_voices(session: Session, *, as_json: bool, say: Say) -> str:
    """The speakers, and what waits, stands and is locked."""
    voices = await session.voices.voices()
    if why := voices.degraded:
        say(f"nobody can be verified: {why}" + (f"; mend: {voices.mend}" if voices.mend else ""))
    if voices.tidying:
        say(f"a deletion is owed: {TIDYING}; mend: {TIDYING_MEND}")
    if as_json:
        return machine(voices.model_dump(mode="json", by_alias=True))
    now = session.clock.now()
    lines = [
        f"speaker  {one.name:<20} {one.samples:>2} samples  {cosine(one.agreement)}"
        f"{'  not heard' if one.unheard else ''}{'  admin' if one.admin else ''}"
        f"{'  stale' if one.stale else ''}"
        for one in voices.speakers
    ]
    lines += [
        f"draft    {one.name:<20} {sum(item.kept for item in one.samples):>2} samples"
        f"  {short_left(one.expires_at, now) or 'over'}"
        for one in voices.drafts
    ]
    lines += [
        f"waiting  {one.speaker:<20} {one.id}  {one.seconds:.1f} s  from {one.agent}"
        f"{'' if one.heard else '  not heard'}"
        for one in voices.waiting
    ]
    lines += [
        f"session  {one.speaker:<20} {one.id}  {short_left(one.expires_at, now) or 'over'}"
        f"  {one.operator or f'{one.agent} {one.chat}'.strip()}"
        for one in voices.sessions
    ]
    lines += [
        f"lock     {one.agent:<20} {one.chat or '-'}  {one.failures} misses{'  locked' if one.locked else ''}"
        for one in voices.locks
    ]
    if voices.model is not None:
        lines.append(f"model    {model_line(voices.model)}{'  demo' if voices.model.demo else ''}")
    return "\n".join(lines)


async def show_voice(session: Session, name: str, *, as_json: bool, width: int) -> str:
    """One speaker.

    Raises:
        NotFoundError: nobody of that name is enrolled.
    """
    voices = await session.voices.voices()
    found = next((one for one in voices.speakers if one.name == name), None)
    if found is None:
        raise NotFoundError(f"nobody called {name} is enrolled", hint="govconsole voices list")
    if as_json:
        return machine(found.model_dump(mode="json", by_alias=True))
    listed = VoiceList()
    listed.take(voices)
    listed.select(Entry("speaker", name))
    return plain(wrap(detail_document(listed, session.clock.now()), width))


async def consent(session: Session) -> tuple[str, str]:
    """The version of the consent that is asked for, and its text."""
    voices = await session.voices.voices()
    return voices.consent_version, voices.consent_text


async def net_seconds(session: Session) -> float:
    """How much speech to aim at in a sample."""
    voices = await session.voices.voices()
    return voices.minimum_net_seconds / voices.minimum_samples


async def enroll(
    session: Session,
    start: DraftStart,
    takes: AsyncIterator[Take],
    passphrase: str,
    say: Say,
    *,
    whole: bool = False,
) -> str:
    """Enroll a voice from clips: samples until there are enough, and one more that is held against them.

    Args:
        session: Where.
        start: Whose voice, with the consent that was given.
        takes: The clips, in order. Each verdict is told before the next one is asked for.
        passphrase: Of the vote key: it is opened before anything is sent, and signs what is saved.
        say: Takes the verdicts, and what is signed.
        whole: Every clip but the last is a sample, and the last one is the check.

    Raises:
        ForbiddenError: the consent was given to another text, or the passphrase is wrong.
        VoiceUnavailableError: there is no model.
        ConflictError: the clips do not make an enrollment, says what is missing; or others than these are in
            it. Nothing is kept.
    """
    voices = await session.voices.voices()
    if why := broken(voices):
        raise VoiceUnavailableError(why, hint=voices.mend or None)
    if start.consent_version != voices.consent_version:
        raise ForbiddenError(
            f"the consent is to version {voices.consent_version}, not {start.consent_version}",
            hint="read it: govconsole voices consent",
        )
    await asyncio.to_thread(session.keys.unlock, passphrase)
    draft = await session.voices.start(start)
    try:
        return await _Enrolling(session, voices, start, draft, say).enroll(takes, whole=whole)
    except BaseException:
        with contextlib.suppress(GovError):
            await session.voices.abandon(draft.id)
        raise


@dataclass
class _Enrolling:
    """An enrollment under way.

    Attributes:
        sent: SHA-256 of each file that was sent: no other is signed for.
    """

    session: Session
    voices: Voices
    start: DraftStart
    draft: Draft
    say: Say
    sent: set[str] = field(default_factory=set)

    async def enroll(self, takes: AsyncIterator[Take], *, whole: bool) -> str:
        """Send the clips, and save what they make; see `enroll`."""
        held: Take | None = None
        async for take in takes:
            if whole:
                # The last of them is the check: one is always held back.
                held, now = take, held
                if now is not None:
                    await self._sample(now)
            elif not self.draft.ready:
                await self._sample(take)
                if self.draft.ready:
                    self.say("that is enough: one more, which is not kept, and it is held against them")
            elif await self._checked(take):
                return await self._saved()
        if whole and held is not None and self.draft.ready and await self._checked(held):
            return await self._saved()
        raise ConflictError(f"not enrolled: {self._missing()}; nothing is kept")

    def _missing(self) -> str:
        count = sum(one.kept for one in self.draft.samples)
        if self.draft.ready:
            return "no fresh sample matched"
        return (
            f"{count} samples of {self.voices.minimum_samples} at least, "
            f"{self.draft.net_seconds:.0f} of {self.voices.minimum_net_seconds:.0f} s of speech"
        )

    async def _sample(self, take: Take) -> None:
        self._sends(take)
        try:
            sample = await self.session.voices.sample(self.draft.id, take)
        except ClipRefusedError as error:
            self.say(f"✗ left out: {error.detail}")
            return
        if sample.kept:
            agrees = f", agrees {cosine(sample.agreement)}" if sample.agreement is not None else ""
            self.say(f"✓ sample {sample.number}: {quality_words(sample.quality).strip()}{agrees}")
        else:
            self.say(f"✗ left out: {faults_words(sample.quality, sample.agreement)}")
        self.draft = await self.session.voices.draft(self.draft.id)

    def _sends(self, take: Take) -> None:
        self.sent.add(take.sha256)
        self.session.keys.touch()  # whoever speaks is there, as whoever presses keys

    async def _checked(self, take: Take) -> bool:
        self._sends(take)
        try:
            check = await self.session.voices.check(self.draft.id, take)
        except ClipRefusedError as error:
            self.say(f"✗ not taken: {error.detail}")
            return False
        if check.quality.faults:
            self.say(f"✗ not taken: {faults_words(check.quality)}")
        elif check.verified:
            self.say(f"✓ recognised: {cosine(check.confidence)}, {cosine(check.threshold)} is enough")
        else:
            self.say(f"✗ not recognised: {cosine(check.confidence)}, {cosine(check.threshold)} is needed")
        return bool(check.verified)

    async def _saved(self) -> str:
        draft, voices = await self.session.voices.draft(self.draft.id), await self.session.voices.voices()
        foreign(draft, self.start, self.sent)
        plan = VoicePlan(draft.name, voices, draft, frozenset(self.sent))
        _tell(plan, self.say)
        speaker = await self.session.save_voice(plan)
        return (
            f"enrolled: {speaker.name}, {speaker.samples} samples, {speaker.net_seconds:.0f} s of speech,"
            f" agreement {cosine(speaker.agreement)}"
        )


def _tell(plan: VoicePlan, say: Say) -> None:
    say("signed with your vote key:")
    for one in plan.told():
        say(f"  {one.label:<12}{one.text}")


async def step_up(session: Session, take: Take) -> str:
    """Show the operator's own voice.

    Raises:
        ForbiddenError: it was not recognised.
    """
    answer = await session.voices.step_up(take)
    if not answer.verified or answer.expires_at is None:
        raise ForbiddenError(refused_words(answer))
    left = short_left(answer.expires_at, session.clock.now())
    return f"your voice stands for {left}: {answer.speaker}, {cosine(answer.confidence)}"


async def phrase(session: Session, *, as_json: bool, say: Say) -> str:
    """What the next step-up says, where one is asked for. `say`: takes how long it can be said."""
    found = await session.voices.phrase()
    if as_json:
        return machine(found.model_dump(mode="json", by_alias=True))
    left = seconds_left(found.expires_at, session.clock.now())
    say(f"say it within {left}, and nothing else: govconsole voices step-up FILE")
    return found.phrase


async def standing(session: Session, *, as_json: bool) -> str:
    """Whether the operator's own voice stands."""
    found = await session.voices.standing()
    if as_json:
        return machine(found.model_dump(mode="json", by_alias=True))
    left = standing_left(found, session.clock.now())
    return f"your voice stands for {left}" if left else "your voice does not stand"


async def revoke(session: Session, id_: str) -> str:
    """End a session."""
    await session.voices.revoke(id_)
    return f"revoked: {id_}"


async def unlock(session: Session, agent: str, chat: str) -> str:
    """Let a chat try again."""
    await session.voices.unlock(agent, chat)
    return f"unlocked: {agent} {chat}".rstrip()


async def delete(session: Session, name: str, passphrase: str, say: Say) -> str:
    """Forget a voice, on a signature. `say`: takes what is signed."""
    plan = VoicePlan(name, await session.voices.voices())
    _tell(plan, say)
    owed = (await session.delete_voice(plan, passphrase)).message
    return f"deleted: {name}" + (f". {owed}" if owed else "")


async def takes_of(takes: Iterable[Take]) -> AsyncIterator[Take]:
    """Clips that are there already, one after the other."""
    for take in takes:
        yield take
