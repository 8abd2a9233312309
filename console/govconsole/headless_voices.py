"""Voices without a screen: listings, and an enrollment from files or from a pipe.

Must never enroll anybody without the consent's own version, nor leave a draft behind that was not saved.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from govconsole.client.document import plain, wrap
from govconsole.client.standing import short_left, standing_left
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
    session: Session, start: DraftStart, takes: AsyncIterator[Take], say: Say, *, whole: bool = False
) -> str:
    """Enroll a voice from clips: samples until there are enough, and one more that is held against them.

    Args:
        session: Where.
        start: Whose voice, with the consent that was given.
        takes: The clips, in order. Each verdict is told before the next one is asked for.
        say: Takes the verdicts.
        whole: Every clip but the last is a sample, and the last one is the check.

    Raises:
        ForbiddenError: the consent was given to another text.
        VoiceUnavailableError: there is no model.
        ConflictError: the clips do not make an enrollment; says what is missing. Nothing is kept.
    """
    voices = await session.voices.voices()
    if why := broken(voices):
        raise VoiceUnavailableError(why, hint=voices.mend or None)
    if start.consent_version != voices.consent_version:
        raise ForbiddenError(
            f"the consent is to version {voices.consent_version}, not {start.consent_version}",
            hint="read it: govconsole voices consent",
        )
    draft = await session.voices.start(start)
    try:
        return await _enroll(session, voices, draft, takes, say, whole=whole)
    except BaseException:
        with contextlib.suppress(GovError):
            await session.voices.abandon(draft.id)
        raise


async def _enroll(
    session: Session, voices: Voices, draft: Draft, takes: AsyncIterator[Take], say: Say, *, whole: bool
) -> str:
    held: Take | None = None
    async for take in takes:
        if whole:
            # The last of them is the check: one is always held back.
            held, now = take, held
            if now is not None:
                draft = await _sample(session, draft, now, say)
        elif not draft.ready:
            draft = await _sample(session, draft, take, say)
            if draft.ready:
                say("that is enough: one more, which is not kept, and it is held against them")
        elif await _checked(session, draft, take, say):
            return await _saved(session, draft)
    if whole and held is not None and draft.ready and await _checked(session, draft, held, say):
        return await _saved(session, draft)
    raise ConflictError(f"not enrolled: {_missing(voices, draft)}; nothing is kept")


def _missing(voices: Voices, draft: Draft) -> str:
    count = sum(one.kept for one in draft.samples)
    if draft.ready:
        return "no fresh sample matched"
    return (
        f"{count} samples of {voices.minimum_samples} at least, "
        f"{draft.net_seconds:.0f} of {voices.minimum_net_seconds:.0f} s of speech"
    )


async def _sample(session: Session, draft: Draft, take: Take, say: Say) -> Draft:
    try:
        sample = await session.voices.sample(draft.id, take)
    except ClipRefusedError as error:
        say(f"✗ left out: {error.detail}")
        return draft
    if sample.kept:
        agrees = f", agrees {cosine(sample.agreement)}" if sample.agreement is not None else ""
        say(f"✓ sample {sample.number}: {quality_words(sample.quality).strip()}{agrees}")
    else:
        say(f"✗ left out: {faults_words(sample.quality, sample.agreement)}")
    return await session.voices.draft(draft.id)


async def _checked(session: Session, draft: Draft, take: Take, say: Say) -> bool:
    try:
        check = await session.voices.check(draft.id, take)
    except ClipRefusedError as error:
        say(f"✗ not taken: {error.detail}")
        return False
    if check.quality.faults:
        say(f"✗ not taken: {faults_words(check.quality)}")
    elif check.verified:
        say(f"✓ recognised: {cosine(check.confidence)}, {cosine(check.threshold)} is enough")
    else:
        say(f"✗ not recognised: {cosine(check.confidence)}, {cosine(check.threshold)} is needed")
    return bool(check.verified)


async def _saved(session: Session, draft: Draft) -> str:
    speaker = await session.voices.save(draft.id)
    return (
        f"enrolled: {speaker.name}, {speaker.samples} samples, {speaker.net_seconds:.0f} s of speech,"
        f" agreement {cosine(speaker.agreement)}"
    )


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


async def delete(session: Session, name: str) -> str:
    """Forget a voice."""
    owed = (await session.voices.delete(name)).message
    return f"deleted: {name}" + (f". {owed}" if owed else "")


async def takes_of(takes: Iterable[Take]) -> AsyncIterator[Take]:
    """Clips that are there already, one after the other."""
    for take in takes:
        yield take
