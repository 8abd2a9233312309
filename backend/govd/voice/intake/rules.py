"""What the numbers of a clip mean: its format, whether it is good enough, and the words for a refusal.

Must never decode anything, and never believe a name: a file is what its first bytes say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract import voice_limits as limits
from govd.contract.errors import BodyTooLargeError, ClipRefusedError, VoiceUnavailableError
from govd.contract.voice import Fault, Quality
from govd.voice.intake.wireform import MAX_PRINTS, PRINT_BYTES, Format, Outcome

if TYPE_CHECKING:
    from govd.contract.errors import GovError
    from govd.voice.intake.wireform import Measures

FORMATS: Final = "wav, flac, mp3, ogg and opus; with the extra, m4a, webm and amr"
EXTRA_HINT: Final = "pip install 'govconsole[formats]'"
RECORD_HINT: Final = "record it again, as wav if you can"

_MP3: Final = (0xFFE2, 0xFFE6)
"""The bits of an MPEG frame's first two bytes that say layer III, and their mask; AAC's have others there."""


def format_of(data: bytes) -> Format | None:
    """What a file is, by its first bytes; None: nothing that is taken here."""
    if data[:4] in {b"RIFF", b"RF64"} and data[8:12] == b"WAVE":
        return Format.WAV
    for start, found in (
        (b"fLaC", Format.FLAC),
        (b"OggS", Format.OGG),
        (b"ID3", Format.MP3),
        (b"\x1a\x45\xdf\xa3", Format.WEBM),
        (b"#!AMR", Format.AMR),
    ):
        if data.startswith(start):
            return found
    if data[4:8] == b"ftyp":
        return Format.M4A
    value, mask = _MP3
    return Format.MP3 if int.from_bytes(data[:2]) & mask == value else None


def quality_of(measures: Measures) -> Quality:
    """The verdict on a clip, with the numbers that it stands on."""
    return Quality(
        seconds=round(measures.seconds, 3),
        net_seconds=round(measures.net_seconds, 3),
        level_dbfs=round(measures.level_dbfs, 1),
        snr_db=round(measures.snr_db, 1),
        clipped=round(measures.clipped, 4),
        bandwidth_hz=round(measures.bandwidth_hz),
        faults=_faults(measures),
    )


def _faults(measures: Measures) -> list[Fault]:
    """Every fault of a clip. What is no speech has that one alone: the others speak of speech."""
    if not measures.net_seconds and measures.level_dbfs < limits.MIN_LEVEL_DBFS:
        return [Fault.TOO_SHORT, Fault.TOO_QUIET]
    if measures.seconds < limits.MIN_NET_SECONDS:
        return [Fault.TOO_SHORT]
    if (
        not measures.net_seconds
        or measures.flatness > limits.MAX_FLATNESS
        or measures.spread_db < limits.MIN_SPREAD_DB
        or measures.steadiness > limits.MAX_STEADINESS + limits.STEADINESS_FOR_HISS * measures.hiss
    ):
        return [Fault.NOT_SPEECH]
    found = {
        Fault.TOO_SHORT: measures.net_seconds < limits.MIN_NET_SECONDS,
        Fault.TOO_QUIET: measures.level_dbfs < limits.MIN_LEVEL_DBFS,
        Fault.CLIPPED: measures.clipped > limits.MAX_CLIPPED,
        Fault.NOISY: measures.snr_db < limits.MIN_SNR_DB,
        Fault.NARROW_BAND: measures.bandwidth_hz < limits.MIN_BANDWIDTH_HZ,
    }
    return [fault for fault, there in found.items() if there]


def too_big(size: int) -> GovError:
    """A file over the cap, before anything looks into it."""
    most = limits.MAX_CLIP_BYTES // 2**20
    return BodyTooLargeError(f"the clip has {size} bytes; at most {most} MiB are taken", hint=RECORD_HINT)


def unknown_format() -> GovError:
    """A file of none of the formats."""
    return ClipRefusedError(f"this is no audio file that is taken here: {FORMATS}", hint=RECORD_HINT)


def needs_extra(kind: Format) -> GovError:
    """A file that only the extra reads."""
    return ClipRefusedError(
        f"{kind.name.lower()} needs an extra that is not installed: {EXTRA_HINT}", hint=EXTRA_HINT
    )


def crashed(how: str) -> GovError:
    """A file at which the decoder ended."""
    return ClipRefusedError(
        f"the decoder {how} on this clip and was replaced; other clips are not affected", hint=RECORD_HINT
    )


def busy(retry_after: int) -> GovError:
    """More clips at once than there are decoders."""
    return VoiceUnavailableError(
        "every decoder is busy with another clip", hint="try again in a moment", retry_after=retry_after
    )


def no_decoder() -> GovError:
    """The decoder does not start."""
    return VoiceUnavailableError(
        "the audio decoder does not start", hint="pip install --force-reinstall govconsole"
    )


def refusal(outcome: Outcome, figure: float) -> GovError:
    """The sentence for a clip that the decoder refused."""
    if outcome is Outcome.BROKEN:
        return no_decoder()
    said = {
        Outcome.EMPTY: "there is no audio in this file",
        Outcome.TOO_LONG: f"the clip is longer than {limits.MAX_CLIP_SECONDS:.0f} s",
        Outcome.BAD_RATE: f"a sample rate of {figure:.0f} Hz is not taken:"
        f" {limits.MIN_SAMPLE_RATE} to {limits.MAX_SAMPLE_RATE} Hz are",
        Outcome.BAD_CHANNELS: f"{figure:.0f} channels are not taken: 1 to {limits.MAX_CHANNELS} are",
        Outcome.NOT_NUMBERS: "the clip holds samples that are no numbers",
        Outcome.BAD_CODEC: "the clip is compressed in a way that is not taken here",
        Outcome.TOO_BIG: "the clip takes more memory than a clip may",
    }.get(outcome, "the file is damaged, or is not what its first bytes say")
    return ClipRefusedError(said, hint=RECORD_HINT)


def distance(one: bytes, other: bytes) -> int:
    """How far two clips are apart: within so many of 256 bits, most prints of one are found in the other.

    One of them, since a part of a clip is found in it whole, and it in the part by half. About 105 for
    other words of one voice; 256 at most.

    Raises:
        ValueError: one of them is no fingerprint.
    """
    ones, others = _prints(one), _prints(other)
    apart = [[(a ^ b).bit_count() for b in others] for a in ones]
    there: int = sorted(min(row) for row in apart)[len(ones) // 2]
    back: int = sorted(min(column) for column in zip(*apart, strict=True))[len(others) // 2]
    return min(there, back)


def _prints(fingerprint: bytes) -> list[int]:
    if not PRINT_BYTES <= len(fingerprint) <= MAX_PRINTS * PRINT_BYTES or len(fingerprint) % PRINT_BYTES:
        raise ValueError(f"a fingerprint has 1 to {MAX_PRINTS} times {PRINT_BYTES} bytes")
    starts = range(0, len(fingerprint), PRINT_BYTES)
    return [int.from_bytes(fingerprint[at : at + PRINT_BYTES]) for at in starts]
