"""Makes the corpus: every speaker says sentences of his own, 16 kHz mono, with light noise, gain and colour.

Writes one manifest a split, as NeMo reads them. Must never read audio that it did not make.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import soundfile
import soxr

from training.speakers import SEED, Speaker, Split, everyone
from training.texts import sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE: Final = 16_000
UTTERANCES: Final[dict[Split, int]] = {"train": 10, "choose": 14, "report": 14}
PIECE: Final = 2.0
"""Seconds of a clip to learn from; longer utterances give two pieces."""


@dataclass(frozen=True)
class Tools:
    """The synthesisers' programs, and espeak-ng's data with our own voices among it."""

    espeak: str
    flite: str
    data: Path


def tools(folder: Path, speakers: list[Speaker]) -> Tools:
    """Find the programs, and lay espeak-ng's data out anew with our variants in it.

    Raises:
        SystemExit: one of them is missing.
    """
    found = {name: shutil.which(name) for name in ("espeak-ng", "flite")}
    for name, path in found.items():
        if path is None:
            raise SystemExit(f"{name} is missing; on Debian and Ubuntu: apt install {name}")
    told = subprocess.run([str(found["espeak-ng"]), "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    where = re.search(r"Data at: (.+)", told.stdout)
    if where is None:
        raise SystemExit("espeak-ng --version does not say where its data is")
    theirs, ours = Path(where[1].strip()), folder / "espeak" / "espeak-ng-data"
    if ours.exists():
        shutil.rmtree(ours)
    variants = ours / "voices" / "!v"
    variants.mkdir(parents=True)
    (ours / "lang").mkdir()
    for entry in theirs.iterdir():
        if entry.name not in {"voices", "lang"}:
            (ours / entry.name).symlink_to(entry)
    # espeak-ng lists 349 voices at most and does not find what lies beyond: no other languages, no MBROLA.
    (ours / "lang" / "gmw").symlink_to(theirs / "lang" / "gmw")
    for entry in (theirs / "voices" / "!v").iterdir():
        (variants / entry.name).symlink_to(entry)
    for speaker in speakers:
        if speaker.made:
            (variants / speaker.variant).write_text(speaker.made, encoding="utf-8")
    return Tools(str(found["espeak-ng"]), str(found["flite"]), ours.parent)


def spoken(tool: Tools, speaker: Speaker, text: str, draw: random.Random) -> NDArray[np.float32]:
    """One utterance, `(samples,)` at 16 kHz: pace and pitch vary a little, as a person's do."""
    if speaker.engine == "flite":
        stretch = speaker.speed / 100 * draw.uniform(0.92, 1.1)
        command = [
            *(tool.flite, "-voice", speaker.variant, "--setf", f"duration_stretch={stretch:.3f}"),
            *("-t", text, "-o", "/dev/stdout"),
        ]
    else:
        command = [
            *(
                tool.espeak,
                f"--path={tool.data}",
                "-v",
                f"{speaker.accent}+{speaker.variant}",
                "-z",
                "--stdout",
            ),
            *("-p", str(speaker.pitch + draw.randint(-2, 2))),
            *("-s", str(round(speaker.speed * draw.uniform(0.92, 1.08))), text),
        ]
    wav = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603
    # Both write a header with no length when they write into a pipe.
    start = wav.index(b"data") + 8
    rate = int.from_bytes(wav[24:28], "little")
    whole = np.frombuffer(wav[start : start + (len(wav) - start) // 2 * 2], dtype="<i2")
    pcm: NDArray[np.float32] = whole.astype(np.float32) / np.float32(32768)
    if rate == RATE:
        return pcm
    resampled: NDArray[np.float32] = soxr.resample(pcm, rate, RATE)
    return resampled


def without_silence(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """The frames of 20 ms within 35 dB of the loudest: what a model learns from holds no pauses."""
    frames = pcm[: len(pcm) // 320 * 320].reshape(-1, 320)
    level = np.sqrt((frames**2).mean(axis=1))
    loud: NDArray[np.float32] = frames[level > level.max() * 10 ** (-35 / 20)].reshape(-1)
    return loud


def coloured(pcm: NDArray[np.float32], noise: np.random.Generator) -> NDArray[np.float32]:
    """What a room and a microphone would do: a tilt of the spectrum, a level, noise at 15 to 45 dB below."""
    spectrum = np.fft.rfft(pcm)
    octaves = np.log2(np.maximum(np.arange(len(spectrum)) * RATE / len(pcm), 50) / 1000)
    tilt = np.clip(noise.normal(0, 0.8) * octaves, -6, 6)
    tilted = np.fft.irfft(spectrum * 10 ** (tilt / 20), len(pcm))
    tilted = tilted / (np.abs(tilted).max() + 1e-9) * 10 ** (noise.uniform(-18, -1) / 20)
    white = noise.standard_normal(len(tilted))
    if noise.random() < 0.5:  # noqa: PLR2004 - one in two is duller: a fan rather than a hiss
        white = np.convolve(white, np.ones(8) / 8**0.5, mode="same")
    level = np.sqrt((tilted**2).mean()) * 10 ** (-noise.uniform(15, 45) / 20)
    heard: NDArray[np.float32] = np.clip(tilted + white * level, -1, 1).astype(np.float32)
    return heard


def utterances(tool: Tools, speaker: Speaker, folder: Path) -> list[dict[str, object]]:
    """Everything that this speaker says, as files and rows of a manifest."""
    seed = zlib.crc32(f"{SEED} {speaker.name}".encode())
    draw = random.Random(seed)  # noqa: S311 - a corpus, not a secret
    noise = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    place = folder / speaker.split / speaker.name
    place.mkdir(parents=True, exist_ok=True)
    for number in range(UTTERANCES[speaker.split]):
        said = spoken(tool, speaker, sentence(draw), draw)
        # What is measured comes as a recording does, and the service's own search for speech cuts it.
        pcm = coloured(without_silence(said) if speaker.split == "train" else said, noise)
        path = place / f"{number:02}.wav"
        soundfile.write(path, pcm, RATE, subtype="PCM_16")
        seconds = len(pcm) / RATE
        row = {"audio_filepath": str(path.resolve()), "label": speaker.name}
        if speaker.split != "train":
            rows.append(row | {"offset": 0.0, "duration": seconds})
            continue
        length = min(PIECE, seconds)
        starts = [0.0, seconds - length] if seconds > PIECE * 1.3 else [max(0.0, seconds - length) / 2]
        rows += [row | {"offset": round(start, 3), "duration": round(length, 3)} for start in starts]
    return rows


def all_different(tool: Tools, speakers: list[Speaker]) -> None:
    """See that no two speakers are one voice: espeak-ng falls back to another voice without a word.

    Raises:
        SystemExit: two are.
    """
    found: dict[bytes, str] = {}
    for speaker in speakers:
        # The same pitch and pace for all: what is left is the voice.
        alike = replace(speaker, pitch=0 if speaker.engine == "flite" else 50, speed=160)
        sound = spoken(tool, alike, "a quiet word", random.Random(SEED)).tobytes()  # noqa: S311 - a corpus
        voice = speaker.variant
        if found.setdefault(sound, voice) != voice:
            raise SystemExit(
                f"{voice} and {found[sound]} sound the same as {speaker.accent}: they are one voice"
            )


def main() -> int:
    """Write the corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the corpus goes (about 400 MB)")
    parser.add_argument("--only", choices=("train", "choose", "report"), help="one part of it")
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    speakers = [one for one in everyone() if options.only in {None, one.split}]
    tool = tools(folder, speakers)
    all_different(tool, speakers)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        made = list(pool.map(lambda speaker: utterances(tool, speaker, folder), speakers))
    splits: dict[Split, list[dict[str, object]]] = {}
    for speaker, rows in zip(speakers, made, strict=True):
        splits.setdefault(speaker.split, []).extend(rows)
    for split, rows in splits.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
