"""What is said of clips, models and speakers, with the numbers that it is said by.

Must never say that a voice is somebody's for certain: it is evidence beside a stronger factor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from govconsole.client.document import Span
from govd.contract import voice_limits as limits
from govd.contract.voice import Fault, SpeakerName

if TYPE_CHECKING:
    from collections.abc import Callable

    from govconsole.client.document import Role
    from govd.contract.voice import ModelView, Quality, SessionView, StepUp, Voices

DEMO: Final = "the demo model verifies nobody: it tells synthetic voices apart, for demo and tests"
TIDYING: Final = (
    "a deleted voice may still lie in the database's journal: something reads an older state of it; it goes,"
    " within a second, when that ends"
)
TIDYING_MEND: Final = "fuser -v govd.db"
"""Names what reads, in the state's folder."""

UNHEARD: Final = (
    "no admin scope, whatever the policy says: samples of it came from an agent, and were approved by"
    " somebody who had not played them"
)
WHAT_VOICE_IS: Final = (
    "A voice is evidence beside your token and your key, never in their place: recordings and synthetic"
    " voices pass."
)

_NAMES: Final = {
    Fault.TOO_SHORT: "too short",
    Fault.TOO_QUIET: "too quiet",
    Fault.CLIPPED: "clipped",
    Fault.NOISY: "noisy",
    Fault.NARROW_BAND: "narrow-band",
    Fault.NOT_SPEECH: "no speech",
    Fault.SEVERAL_VOICES: "several voices",
    Fault.NOT_THE_SAME_VOICE: "not the same voice",
}
_NUMBERS: Final[dict[Fault, Callable[[Quality], str]]] = {
    Fault.TOO_SHORT: lambda one: f"{one.net_seconds:.1f} s of speech, {limits.MIN_NET_SECONDS:g} at least",
    Fault.TOO_QUIET: lambda one: f"{one.level_dbfs:.0f} dBFS, {limits.MIN_LEVEL_DBFS:.0f} at least",
    Fault.CLIPPED: lambda one: f"{one.clipped:.1%} at full scale, {limits.MAX_CLIPPED:.0%} at most",
    Fault.NOISY: lambda one: f"speech {one.snr_db:.0f} dB over the room, {limits.MIN_SNR_DB:.0f} at least",
    Fault.NARROW_BAND: lambda one: (
        f"nothing above {one.bandwidth_hz:,.0f} Hz, {limits.MIN_BANDWIDTH_HZ:,.0f} at least"
    ),
    Fault.NOT_SPEECH: lambda one: f"{one.net_seconds:.1f} s of {one.seconds:.1f} s sound like speech",
}
_MENDS: Final = {
    Fault.TOO_SHORT: "say more",
    Fault.TOO_QUIET: "closer to the microphone, or turn it up",
    Fault.CLIPPED: "further away, or turn it down",
    Fault.NOISY: "a quieter room",
    Fault.NARROW_BAND: "not over a telephone or a headset's call mode",
    Fault.NOT_SPEECH: "speak, in whole sentences",
    Fault.SEVERAL_VOICES: "one person alone",
    Fault.NOT_THE_SAME_VOICE: "the same person as before",
}


_SPEAKER: Final[TypeAdapter[str]] = TypeAdapter(SpeakerName)


def is_speaker(text: str) -> bool:
    """Whether a speaker may be called so."""
    try:
        _SPEAKER.validate_python(text)
    except ValidationError:
        return False
    return True


def fault_words(fault: Fault, quality: Quality, agreement: float | None = None) -> str:
    """One fault with its number and what helps, as `too quiet: -54 dBFS, -50 at least; …`."""
    number = _NUMBERS[fault](quality) if fault in _NUMBERS else ""
    if fault is Fault.NOT_THE_SAME_VOICE and agreement is not None:
        number = f"agreement {cosine(agreement)} with the others"
    name = f"{_NAMES[fault]}: {number}" if number else _NAMES[fault]
    return f"{name}; {_MENDS[fault]}"


def faults_words(quality: Quality, agreement: float | None = None) -> str:
    """All faults of a clip in one line."""
    return " · ".join(fault_words(one, quality, agreement) for one in quality.faults)


def quality_words(quality: Quality) -> str:
    """What was measured of a clip, as `6.2 s speech, -23 dBFS, 24 dB over the room`."""
    return (
        f"{quality.net_seconds:4.1f} s speech  {quality.level_dbfs:3.0f} dBFS"
        f"  {quality.snr_db:3.0f} dB over the room"
    )


def enroll_again(name: str) -> str:
    """The command by which a voice is enrolled anew."""
    return f"govconsole voices enroll {name} FILE --consent VERSION"


def cosine(value: float) -> str:
    """A raw cosine with two places."""
    return f"{value:.2f}"


def refused_words(answer: StepUp) -> str:
    """Why a voice that was shown does not stand, with its number where there is one."""
    if answer.quality is not None and answer.quality.faults:
        return f"not taken: {faults_words(answer.quality)}"
    if answer.confidence < answer.threshold or not answer.message:
        return f"not recognised: {cosine(answer.confidence)}, {cosine(answer.threshold)} is needed"
    return answer.message


def share_words(name: str, share: float | None, trials: int | None) -> str:
    """An error rate with what its trials support: zero errors in N say no better than 3/N."""
    if share is None:
        return f"{name} not measured"
    if trials and share == 0:
        return f"{name} 0 in {trials:,} trials: below {3 / trials:.2%}"
    return f"{name} {share:.1%}" + (f" of {trials:,} trials" if trials else "")


def model_line(model: ModelView) -> str:
    """A model in one line."""
    return f"{model.id} · {model.runtime} · {model.dimension}-d · threshold {cosine(model.threshold)}"


def broken(voices: Voices | None) -> str:
    """Why nobody can be verified now; empty: nothing is wrong."""
    if voices is None:
        return "the voices are still being fetched"
    if voices.degraded:
        return voices.degraded
    return "" if voices.model is not None else "there is no speaker model"


def bound_to(session: SessionView) -> str:
    """What a session stands for."""
    if session.operator is not None:
        return f"{session.operator} in the console"
    return f"{session.agent} · {session.chat or 'its own session'}"


def verdict_span(*, good: bool, words: str) -> Span:
    """A verdict: glyph, word and colour."""
    role: Role = "good" if good else "bad"
    return Span(f"{'✓' if good else '✗'} {words}", role)
