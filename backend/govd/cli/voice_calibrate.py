"""govd voice calibrate: a model's threshold from people who agreed, with what so many trials support."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from govd.cli import frame
from govd.contract.errors import ClipRefusedError, InvalidRequestError, UsageError
from govd.contract.voice_limits import MAX_CLIP_BYTES
from govd.contract.wire import iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from govd.voice.calibration import Calibration
    from govd.voice.modelstore.card import Card
    from govd.voice.modelstore.store import ModelStore

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FIELDS: Final = ("eer", "fmr", "fnmr", "trials", "calibration")
_MOST_FILES: Final = 100_000


@click.command()
@click.argument("name", help="A model, as `govd voice model list` has it.")
@click.argument("folder", type=_FOLDER, help="A folder of folders, each one speaker's clips.")
@click.option("--consent", is_flag=True, help="Everybody in FOLDER has agreed to this use of his voice.")
@click.option(
    "--false-matches",
    type=click.FloatRange(min=0.0, max=0.5, min_open=True),
    default=0.01,
    show_default=True,
    help="Share of strangers' clips that may match.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@frame.state_option
@frame.json_option
@frame.failing
def calibrate(
    name: str,
    folder: Path,
    consent: bool,  # noqa: FBT001 - a flag
    false_matches: float,
    dry_run: bool,  # noqa: FBT001 - a flag
    state: Path,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Measure the model NAME on FOLDER, one folder of clips a speaker, and write its threshold down.

    Two speakers or more, three clips or more of each: with few of them the figures support little, and say
    so.
    """
    from govd.voice.calibration import calibrate as figures
    from govd.voice.modelstore.store import ModelStore

    if not consent:
        raise UsageError("whose voices are these?", hint="pass --consent when everybody in there has agreed")
    store = ModelStore(state.absolute())
    card = store.card(name)
    embeddings, refused = _embedded(store, card, _speakers(folder))
    found = figures(embeddings, allowed_fmr=false_matches)
    if not dry_run:
        written(store, name, found)
    if as_json:
        frame.show_json({"model": name, "written": not dry_run, "refused": refused, **found.as_card()})
        return
    for line in found.lines():
        frame.show(line)
    if refused:
        frame.say(f"{len(refused)} clips were not good enough and had no part in it")
    frame.say("nothing was written" if dry_run else f"written down; next: govd voice model use {name}")


def _speakers(folder: Path) -> dict[str, list[Path]]:
    """The clips of each speaker, by the name of his folder.

    Raises:
        UsageError: there is no such folder, or far too much in it.
    """
    try:
        found = {
            item.name: sorted(path for path in item.iterdir() if path.is_file())
            for item in sorted(folder.iterdir())
            if item.is_dir() and not item.name.startswith(".")
        }
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None
    if sum(map(len, found.values())) > _MOST_FILES:
        raise UsageError(f"{folder} holds more than {_MOST_FILES} clips")
    return found


def _embedded(
    store: ModelStore, card: Card, speakers: Mapping[str, Sequence[Path]]
) -> tuple[dict[str, list[bytes]], list[str]]:
    """What the model makes of each clip, by speaker; and the clips that it was not shown."""
    from govd.voice.encoder.pool import EncoderPool
    from govd.voice.intake.pool import ClipIntake
    from govd.voice.model import SAMPLE_RATE
    from govd.voice.parts import embedded, together

    choice = store.choice(card)
    total = sum(map(len, speakers.values()))
    embeddings: dict[str, list[bytes]] = {}
    refused: list[str] = []
    with contextlib.ExitStack() as stack:
        intake, encoder = ClipIntake(), EncoderPool(lambda: choice)
        stack.callback(intake.close)
        stack.callback(encoder.close)
        done = 0
        for speaker, paths in speakers.items():
            for path in paths:
                try:
                    clip = intake.take(_read(path))
                except ClipRefusedError as error:
                    refused.append(f"{path.name}: {error.detail}")
                else:
                    if clip.quality.faults:
                        refused.append(f"{path.name}: {', '.join(clip.quality.faults)}")
                    else:
                        parts = embedded(clip.pcm, SAMPLE_RATE, encoder.embed)
                        embeddings.setdefault(speaker, []).append(together(parts))
                done += 1
            frame.say(f"{done} of {total} clips: {speaker}")
    for line in refused:
        frame.say(f"not used: {line}")
    return embeddings, refused


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_CLIP_BYTES + 1)
    except OSError as error:
        raise InvalidRequestError(f"{path}: {error.strerror}") from None


def written(store: ModelStore, name: str, found: Calibration) -> None:
    """Put the figures into the model's card, with when and by what."""
    fields: dict[str, Any] = found.as_card()
    figures = {key: fields[key] for key in _FIELDS}
    figures["calibration"] = {
        **figures["calibration"],
        "at": iso(datetime.now(UTC)),
        "by": "govd voice calibrate",
    }
    store.calibrated(name, found.threshold, found.low_confidence, figures)
