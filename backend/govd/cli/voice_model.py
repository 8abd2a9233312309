"""govd voice model list, fetch, import, use, remove. They work on STATE, whether govd runs or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from govd.cli import frame
from govd.contract.verbs import Verbs
from govd.voice.modelstore.store import ModelStore

if TYPE_CHECKING:
    from govd.voice.modelstore.importing import Imported

_FILE = click.Path(path_type=Path, dir_okay=False)
_MIB = 1 << 20


@click.group(cls=Verbs)
def model() -> None:
    """The models that tell voices apart: what is here, what is in use."""


def _checked(store: ModelStore, name: str, active: tuple[str, str] | None) -> dict[str, object]:
    from govd.contract.errors import GovError

    try:
        card = store.card(name)
    except GovError as error:
        return {"id": name, "active": False, "state": error.detail}
    runtime = card.runtime if active is None or active[0] != name else active[1]
    pinned: Literal["onnx", "nemo"] = "nemo" if runtime == "nemo" else "onnx"
    if not store.intact(card, pinned):
        state = "its file is not the one that was imported"
    elif card.demo and not store.demo:
        state = "for the demo alone"
    elif card.threshold is None:
        state = "not calibrated"
    else:
        state = "good"
    return {
        "id": name,
        "active": active is not None and active[0] == name,
        "state": state,
        "runtime": runtime,
        "runtimes": sorted(card.weights or {card.runtime: card.sha256}),
        "dimension": card.dimension,
        "threshold": card.threshold,
        "low_confidence": card.low_confidence,
        "eer": card.eer,
        "fmr": card.fmr,
        "fnmr": card.fnmr,
        "trials": card.trials,
        "demo": card.demo,
        "sha256": card.sha256,
        "source": card.source,
    }


@model.command("list")
@frame.state_option
@frame.json_option
@frame.failing
def list_(state: Path, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """List the models that are here, each checked against its SHA-256."""
    store = ModelStore(state.absolute())
    active = store.active()
    rows = [_checked(store, name, active) for name in store.ids()]
    if as_json:
        frame.show_json({"models": rows})
        return
    shown = [row | {"active": "yes" if row["active"] else ""} for row in rows]
    frame.table(shown, ["id", "active", "state", "runtime", "dimension", "threshold", "trials"])
    if active is None:
        frame.say("none is in use: nobody can be verified")


def _taken_in(found: Imported, as_json: bool) -> None:  # noqa: FBT001 - a flag
    card = found.card
    if as_json:
        frame.show_json(
            {**card.model_dump(mode="json"), "file_sha256": found.sha256, "warnings": found.warnings}
        )
        return
    for warning in found.warnings:
        frame.say(f"warning: {warning}")
    frame.say(f"{card.id} is here: {card.dimension} numbers a voice; SHA-256 of the file {found.sha256}")
    frame.say(f"compare it with what the publisher names; next: govd voice calibrate {card.id}")


@model.command("import")
@click.argument("file", type=_FILE, help="A .onnx or a .nemo, at most 1 GiB.")
@click.option("--name", help="The model's name here. Unset: the file's.")
@click.option("--sha256", help="What the file must have; anything else is refused.")
@frame.state_option
@frame.json_option
@frame.failing
def import_(file: Path, name: str | None, sha256: str | None, state: Path, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Take in FILE, a .onnx or a .nemo; it is looked at without a network, unprivileged, before it counts."""
    from govd.voice.modelstore.importing import import_model

    store = ModelStore(state.absolute())
    _taken_in(import_model(store, file, name=name, sha256=sha256, say=frame.say), as_json)


@model.command()
@click.argument("name", default="titanet_large", help="One of NeMo's speaker models.")
@click.option("--as-name", help="The model's name here. Unset: NeMo's, with a dash.")
@click.option("--sha256", help="What the download must have; anything else is refused.")
@frame.state_option
@frame.json_option
@frame.failing
def fetch(name: str, as_name: str | None, sha256: str | None, state: Path, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Download one of NeMo's models (titanet_large unless told otherwise), check it, export it."""
    from govd.voice.modelstore.fetching import fetch as run

    store = ModelStore(state.absolute())
    found = run(store, name, name=as_name, sha256=sha256, say=frame.say, progress=_progress)
    _taken_in(found, as_json)


def _progress(so_far: int, total: int | None) -> None:
    known = "" if total is None else f" of {total / _MIB:.0f}"
    frame.say(f"downloaded {so_far / _MIB:.0f}{known} MiB")


@model.command()
@click.argument("name", help="A model, as `govd voice model list` has it.")
@click.option(
    "--runtime",
    type=click.Choice(("onnx", "nemo")),
    help="What runs it. Unset: onnx, which needs nothing else; nemo needs the extra.",
)
@frame.state_option
@frame.failing
def use(name: str, runtime: Literal["onnx", "nemo"] | None, state: Path) -> None:
    """Verify with the model NAME from now on, also in a govd that runs. Other models' voices enroll again."""
    card = ModelStore(state.absolute()).use(name, runtime)
    frame.say(f"in use: {card.id}, accepting from {card.threshold} on")
    if card.demo:
        frame.say("it was trained on synthetic voices for the demo: it verifies nobody")


@model.command()
@click.argument("name", help="A model, as `govd voice model list` has it.")
@frame.state_option
@frame.failing
def remove(name: str, state: Path) -> None:
    """Delete the model NAME, which must not be in use."""
    ModelStore(state.absolute()).remove(name)
    frame.say(f"{name} is gone; whoever was enrolled with it enrolls again")
