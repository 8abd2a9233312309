"""Speech for tests: espeak-ng and flite say it, and hostile and poor clips are mixed from it.

Everything is a WAV file as bytes (16 kHz, mono, 16 bit) unless a name says otherwise. What was said once is
kept in the temporary directory by its words and the program that said it: all workers of a run share it.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import soundfile
import soxr

from tests.support import needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

RATE: Final = 16_000


@dataclass(frozen=True)
class Voice:
    """A synthetic voice: the program, and what makes it this voice."""

    program: str
    arguments: tuple[str, ...]


def espeak(name: str, pitch: int, words_per_minute: int) -> Voice:
    """A voice of espeak-ng; `pitch`: 0 to 99, 50 is the name's own."""
    return Voice("espeak-ng", ("-v", name, "-p", str(pitch), "-s", str(words_per_minute)))


VOICES: Final[dict[str, Voice]] = {
    "us-m3": espeak("en-us+m3", 40, 160),
    "us-f2": espeak("en-us+f2", 55, 165),
    "gb-m7": espeak("en+m7", 30, 150),
    "gb-f4": espeak("en+f4", 65, 170),
    "scots-m1": espeak("en-gb-scotland+m1", 50, 155),
    "rp-f5": espeak("en-gb-x-rp+f5", 45, 150),
    "us-croak": espeak("en-us+croak", 35, 145),
    "gb-m5": espeak("en+m5", 60, 180),
    "flite-slt": Voice("flite", ("-voice", "slt")),
    "flite-rms": Voice("flite", ("-voice", "rms")),
    "flite-awb": Voice("flite", ("-voice", "awb")),
    "flite-kal": Voice("flite", ("-voice", "kal16")),
}
"""Twelve voices that differ from one another; take some for those who enroll and others for impostors."""

TEXTS: Final = (
    "The old lighthouse keeper counted seven ships before the fog came in from the west.",
    "Please bring the blue folder, two sharp pencils and the longest ruler you can find.",
    "Every autumn the river rises a little, and the children measure it with painted sticks.",
    "My neighbour grows tomatoes on the balcony, but the pigeons reach them before she does.",
    "We changed trains twice, missed one bus and still arrived before the doors were open.",
    "A good soup needs patience, clean water, onions and somebody who is hungry.",
    "The printer on the third floor works best when nobody is waiting for it.",
    "Yesterday it rained so hard that the street sounded like a stage full of applause.",
    "She keeps a list of birds on the kitchen door and adds a new one every week.",
    "Turn left at the bakery, walk past the school and ring the second bell twice.",
    "He wrote the numbers down, added them again and found that both sums were wrong.",
    "When the lights went out, we told stories until the candle was down to its plate.",
)
"""Twelve sentences of four to six seconds each."""


def speak(voice: str | Voice, text: str, *, seconds: float | None = None) -> bytes:
    """Somebody says that, as a WAV file.

    Args:
        voice: A name of `VOICES`, or another voice.
        text: English words.
        seconds: Exactly so long: the words are said again as often as it takes, and cut. None: as they are.
    """
    who = VOICES[voice] if isinstance(voice, str) else voice
    said = _kept(f"{who}|{text}".encode(), lambda: _said(who, text), who.program)
    if seconds is None:
        return said
    count = round(seconds * RATE)
    once = samples(said)
    return wav(np.tile(once, count // len(once) + 1)[:count])


def _said(voice: Voice, text: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.wav")
        words = ["-t", text, "-o", out] if voice.program == "flite" else ["-w", out, "--", text]
        command = [voice.program, *voice.arguments, *words]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
        data, rate = soundfile.read(out, dtype="float32", always_2d=True)
    return wav(soxr.resample(data[:, 0], rate, RATE) if rate != RATE else data[:, 0])


def _kept(key: bytes, make: Callable[[], bytes], program: str | None = None) -> bytes:
    """What `make` makes, from the last time if it was made before by the same program."""
    if program is not None:
        found = Path(needs.program(program)).stat()
        key += f"|{program}|{found.st_size}|{found.st_mtime_ns}".encode()
    path = _cache() / hashlib.sha256(key).hexdigest()
    try:
        return path.read_bytes()
    except FileNotFoundError:
        data = make()
        part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        part.write_bytes(data)
        part.replace(path)
        return data


def _cache() -> Path:
    """A directory of this user's alone; somebody else's of that name is not believed."""
    folder = Path(tempfile.gettempdir()) / f"govconsole-test-speech-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    entry = folder.lstat()
    assert stat.S_ISDIR(entry.st_mode), folder
    assert entry.st_uid == os.geteuid(), folder
    return folder


# -- between files and samples ---------------------------------------------------------------------------


def wav(data: Any, rate: int = RATE, *, subtype: str = "PCM_16") -> bytes:
    """Samples, `(n,)` or `(n, channels)` in -1 to 1, as a WAV file."""
    out = io.BytesIO()
    soundfile.write(out, np.clip(data, -1.0, 1.0 - 2**-15), rate, format="WAV", subtype=subtype)
    return out.getvalue()


def samples(file: bytes) -> Samples:
    """A WAV file's samples, `(n,)` float32; the first channel."""
    data, _rate = soundfile.read(io.BytesIO(file), dtype="float32", always_2d=True)
    return np.ascontiguousarray(data[:, 0])


def seconds_of(file: bytes) -> float:
    """How long a WAV file is."""
    found = soundfile.info(io.BytesIO(file))
    return float(found.frames / found.samplerate)


# -- what is no speech -----------------------------------------------------------------------------------


def silence(seconds: float, *, rate: int = RATE) -> bytes:
    """Digital silence."""
    return wav(np.zeros(round(seconds * rate)), rate)


def tone(seconds: float, hertz: float = 440.0, *, level: float = 0.3) -> bytes:
    """A sine."""
    return wav(level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE))


def noise(seconds: float, *, level: float = 0.1, seed: int = 1) -> bytes:
    """White noise; `level`: its RMS."""
    return wav(np.random.default_rng(seed).normal(0.0, level, round(seconds * RATE)))


def music(seconds: float, *, seed: int = 1) -> bytes:
    """Chords with harmonics over a beat, some hundred notes: steady pitches that begin at once and fade."""
    random = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE) + RATE)
    at = np.arange(round(0.9 * RATE)) / RATE
    for number, start in enumerate(np.arange(0.0, seconds, 0.25)):
        root = 110.0 * 2 ** (random.choice([0, 3, 5, 7, 10]) / 12)
        for step in (0, 4, 7) if number % 2 == 0 else (12,):
            pitch = root * 2 ** (step / 12)
            note = sum(np.sin(2 * np.pi * pitch * k * at) / k for k in range(1, 7)) * np.exp(-3.0 * at)
            out[round(start * RATE) : round(start * RATE) + len(at)] += 0.06 * note
        beat = random.normal(0.0, 0.15, round(0.05 * RATE)) * np.exp(-80.0 * at[: round(0.05 * RATE)])
        out[round(start * RATE) : round(start * RATE) + len(beat)] += beat
    return wav(out[: round(seconds * RATE)])


def flac_of_silence(hours: float = 2.0) -> bytes:
    """A small file that decodes to hours."""

    def make() -> bytes:
        out, left = io.BytesIO(), round(hours * 3600 * RATE)
        block = np.zeros(60 * RATE, np.int16)
        with soundfile.SoundFile(out, "w", RATE, 1, "PCM_16", format="FLAC") as file:
            while left > 0:
                file.write(block[:left])
                left -= len(block)
        return out.getvalue()

    return _kept(f"flac of silence|{hours}|{soundfile.__libsndfile_version__}".encode(), make)


# -- what happens to speech on its way -------------------------------------------------------------------


def louder(file: bytes, decibels: float) -> bytes:
    """A change of level; what goes over full scale is clipped."""
    return wav(samples(file) * 10 ** (decibels / 20))


def clipped(file: bytes, decibels: float = 30.0) -> bytes:
    """So loud that much of it stands at full scale."""
    return louder(file, decibels)


def with_noise(file: bytes, snr_db: float, *, seed: int = 1) -> bytes:
    """White noise under it; `snr_db`: of the whole file's power."""
    data = samples(file)
    rms = float(np.sqrt(np.mean(data**2)))
    added = np.random.default_rng(seed).normal(0.0, rms / 10 ** (snr_db / 20), len(data))
    return wav(data + added)


def mixed(one: bytes, other: bytes, *, decibels: float = 0.0) -> bytes:
    """Both at once, as long as the longer; the other so much louder."""
    a, b = samples(one), samples(other) * 10 ** (decibels / 20)
    out = np.zeros(max(len(a), len(b)))
    out[: len(a)] += a
    out[: len(b)] += b
    return wav(out)


def joined(*files: bytes, gap: float = 0.0) -> bytes:
    """One after the other, with silence of `gap` seconds between."""
    quiet = np.zeros(round(gap * RATE), np.float32)
    parts = [part for file in files for part in (samples(file), quiet)]
    return wav(np.concatenate(parts[:-1]))


def shifted(file: bytes, milliseconds: float) -> bytes:
    """Begins later by so much silence, or earlier if negative."""
    count, data = round(milliseconds * RATE / 1000), samples(file)
    return wav(np.concatenate([np.zeros(count, np.float32), data]) if count > 0 else data[-count:])


def with_dc(file: bytes, offset: float = 0.1) -> bytes:
    """A constant on top, as a poor sound card adds it."""
    return wav(samples(file) + offset)


def at_rate(file: bytes, rate: int) -> bytes:
    """Another sample rate: 8000 is a telephone's."""
    return wav(soxr.resample(samples(file), RATE, rate), rate)


def low_passed(file: bytes, hertz: float) -> bytes:
    """Nothing above that frequency, at the old rate."""
    data = samples(file)
    spectrum = np.fft.rfft(data)
    spectrum[np.fft.rfftfreq(len(data), 1 / RATE) > hertz] = 0
    return wav(np.fft.irfft(spectrum, len(data)))


def in_channels(file: bytes, count: int = 2) -> bytes:
    """The same in each of several channels."""
    return wav(np.repeat(samples(file)[:, None], count, axis=1))


# -- other formats ---------------------------------------------------------------------------------------

_SOUNDFILE: Final = {"flac": ("FLAC", "PCM_16"), "mp3": ("MP3", "MPEG_LAYER_III"), "ogg": ("OGG", "VORBIS"),
                     "opus": ("OGG", "OPUS")}  # fmt: skip
_PYAV: Final = {"m4a": ("ipod", "aac", RATE), "webm": ("webm", "libopus", 48_000),
                "amr": ("amr", "libopencore_amrnb", 8_000)}  # fmt: skip
FORMATS: Final = ("wav", *_SOUNDFILE, *_PYAV)
"""What `encoded` makes; `EXTRA` needs PyAV to be read."""
EXTRA: Final = tuple(_PYAV)


def encoded(file: bytes, kind: str) -> bytes:
    """A WAV file in another format: one of `FORMATS`."""
    if kind == "wav":
        return file
    if kind in _SOUNDFILE:
        container, subtype = _SOUNDFILE[kind]
        out = io.BytesIO()
        with soundfile.SoundFile(out, "w", RATE, 1, subtype, format=container) as target:
            data = samples(file)
            for start in range(0, len(data), RATE):  # libsndfile's Vorbis overflows its stack on large writes
                target.write(data[start : start + RATE])
        return out.getvalue()
    return by_pyav(file, *_PYAV[kind])


def by_pyav(file: bytes, container: str, codec: str, rate: int) -> bytes:
    """A WAV file as any container and codec that PyAV writes."""
    try:
        import av
    except ImportError:
        needs.skip("av (the extra govconsole[formats]) is not installed")
    out = io.BytesIO()
    with av.open(out, "w", format=container) as target:
        stream: Any = target.add_stream(codec, rate=rate)
        stream.layout = "mono"
        data = soxr.resample(samples(file), RATE, rate)
        frame = av.AudioFrame.from_ndarray(
            (np.clip(data, -1, 1) * 32767).astype(np.int16)[None, :], format="s16", layout="mono"
        )
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            stream.codec_context.format, "mono", rate, frame_size=stream.codec_context.frame_size or None
        )
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return out.getvalue()
