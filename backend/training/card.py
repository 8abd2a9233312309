"""Puts a trained model into govd, with its card, and writes the page that says what it is and is not.

Must never write a figure that was not measured on these very files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, Final

from training.speakers import Speaker, everyone
from training.synthesise import UTTERANCES
from training.train import DIMENSION, FILTERS, REPEAT, WIDTH

ROOT: Final = Path(__file__).resolve().parents[2]
MODELS: Final = ROOT / "backend" / "govd" / "voice" / "models"
PAGE: Final = ROOT / "docs" / "reference" / "demo-voice-model.md"
MODEL: Final = "titanet-demo"

TEXT: Final = """\
# The demo's voice model

<!-- Written by `make train-demo-voice` (backend/training/card.py); do not edit by hand. -->

`{model}` makes `govconsole demo` and the tests real where there is no network. **It verifies nobody.** It
has never heard a person: everything that it learned from was made by two speech synthesisers. `govd voice
model use {model}` is refused outside of a state that was founded for a demo, and the console says so
wherever it is in use.

## What it is

A TitaNet (Koluguri, Park and Ginsburg, 2022) that is small: {filters} filters, {repeat} repeats in each
of three blocks, {width} channels out of the encoder, embeddings of {dimension} numbers. Trained with NeMo
3.0.0 and Lightning, exported by NeMo. Raw cosines, 16 kHz, one channel.

| file | bytes | SHA-256 |
| --- | --- | --- |
{files}

## What it learned from

Speech of espeak-ng and flite, with light noise, gain and colour. Each speaker says sentences of his own,
put together at random. {variants} espeak-ng voices come from variant files drawn at random (vocal tract,
pitch, phonation), the rest are variants that espeak-ng ships, and flite's voices.

| speakers | how many | utterances of each | for |
| --- | --- | --- | --- |
{splits}

No speaker is in two of these.

## What was measured

Each sample is a whole recording, of which the encoder gets what the service calls speech (in parts, whose
mean counts, where it is four seconds or more), and is held against the centroid of five others, as in
verification. The threshold {threshold:.3f} is the lowest at which 1 % of the strangers among the speakers
that chose it match, and not below the one of their equal error rate. A match below {low:.3f} is named weak:
one speaker's scores differ by that much from clip to clip.

| | on the speakers that chose it | on the others, who count |
| --- | --- | --- |
{figures}

"At most" is the 95 % bound that so many trials support, taken as independent, which those of one speaker
are not; zero errors in N trials would support 3/N and no better. Of people these figures say nothing.

## What it must not be used for

- Verifying a person, as the only factor or as the second.
- Comparing with another model's threshold: 0.25, 0.4 and 0.7 of other models mean nothing here.
- Judging whether a voice is synthetic. To it, all are.

`make train-demo-voice` makes it anew, in .venv-nemo, from the same seeds. Weights differ in their last
digits between machines, and so does the hash.
"""


def rate(card: dict[str, Any], name: str, errors: str, trials: str) -> str:
    """A rate with its count and its bound."""
    found = card["calibration"]
    most = found[f"{name}_at_most"]
    return f"{card[name]:.2%} ({found[errors]} of {found[trials]} trials; at most {most:.2%})"


def page(card: dict[str, Any], choose: dict[str, Any], files: list[tuple[str, int, str]]) -> str:
    """The page."""
    speakers = everyone()
    meaning = {
        "train": "learning",
        "choose": "choosing the threshold",
        "report": "the figures",
    }
    splits = [
        f"| {split} | {_count(speakers, split)} | {UTTERANCES[split]} | {meaning[split]} |"  # type: ignore[index]
        for split in meaning
    ]
    fmr = ("fmr", "false_matches", "impostor_trials")
    fnmr = ("fnmr", "false_non_matches", "genuine_trials")
    figures = [
        f"| equal error rate | {choose['eer']:.2%} | {card['eer']:.2%} |",
        f"| false matches at the threshold | {rate(choose, *fmr)} | {rate(card, *fmr)} |",
        f"| false non-matches at the threshold | {rate(choose, *fnmr)} | {rate(card, *fnmr)} |",
    ]
    return TEXT.format(
        model=MODEL,
        filters=FILTERS,
        repeat=REPEAT,
        width=WIDTH,
        dimension=DIMENSION,
        variants=sum(bool(one.made) for one in speakers),
        files="\n".join(f"| `{name}` | {size} | `{digest}` |" for name, size, digest in files),
        splits="\n".join(splits),
        threshold=card["threshold"],
        low=card["low_confidence"],
        figures="\n".join(figures),
    )


def _count(speakers: list[Speaker], split: str) -> int:
    return sum(one.split == split for one in speakers)


def main() -> int:
    """Copy the model, write card and page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where model.nemo, model.onnx and figures.json are")
    folder: Path = parser.parse_args().folder
    measured = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    hashes = {kind: _sha256(folder / f"model.{kind}") for kind in ("onnx", "nemo")}
    if measured["sha256"] != hashes["onnx"]:
        raise SystemExit("figures.json was measured on another model.onnx: run training.calibrate again")
    MODELS.mkdir(exist_ok=True)
    for kind in hashes:
        shutil.copyfile(folder / f"model.{kind}", MODELS / f"{MODEL}.{kind}")
    card = {
        "id": MODEL,
        "runtime": "onnx",
        "sha256": hashes["onnx"],
        "weights": hashes,
        "dimension": DIMENSION,
        "score_scale": "cosine",
        "demo": True,
        **measured["report"],
        "source": "backend/training: espeak-ng and flite, no person's voice",
    }
    card["calibration"]["data"] = (
        "synthetic speakers that it did not learn from; the threshold is of yet others"
    )
    text = json.dumps(card, indent=2, ensure_ascii=False)
    (MODELS / f"{MODEL}.json").write_text(text + "\n", encoding="utf-8")
    files = [
        (f"{MODEL}.{kind}", (MODELS / f"{MODEL}.{kind}").stat().st_size, digest)
        for kind, digest in hashes.items()
    ]
    PAGE.write_text(page(card, measured["choose"], files), encoding="utf-8")
    return 0


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
