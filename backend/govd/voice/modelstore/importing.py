"""Takes a model file in: copied, hashed, looked at in isolation, given a card without a threshold.

Must never load or unpack anything of the file in this process.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from govd.contract.errors import ConflictError, InvalidRequestError, UsageError
from govd.voice.modelstore import files, isolation
from govd.voice.modelstore.card import DEMO, Card
from govd.voice.modelstore.store import NEMO_EXTRA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from govd.voice.modelstore.card import RuntimeName
    from govd.voice.modelstore.store import ModelStore


@dataclass(frozen=True)
class Imported:
    """A model that is here now.

    Attributes:
        card: Its card.
        sha256: Of the file as it came.
        warnings: What could not be had of the isolation, in words.
    """

    card: Card
    sha256: str
    warnings: list[str]


def name_for(path: Path) -> str:
    """A model's name from its file's: lower case, nothing but letters, digits, dot, dash, underscore."""
    return re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._")[:64]


_NETWORK_UP: Final = "this system allows no network namespace: the model was looked at with the network up"


def import_model(
    store: ModelStore,
    path: Path,
    *,
    name: str | None = None,
    sha256: str | None = None,
    source: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Imported:
    """Take in a .onnx or a .nemo file.

    Args:
        store: Where to.
        path: The file.
        name: The model's name; None: the file's.
        sha256: What the file must have, in lower-case hex; None: whatever it has is pinned.
        source: Where it came from, for the card; None: the file's name.
        say: Told of each step.

    Raises:
        UsageError: neither .onnx nor .nemo.
        InvalidRequestError: the file is refused, and why.
        ConflictError: the name is taken, NeMo is needed and not installed, or it is the demo's model.
    """
    kind = _kind(path)
    model = store.free(name or name_for(path))
    staged = store.staging()
    try:
        say(f"copying {path.name}")
        digest = files.take(path, staged / f"model.{kind}")
        _expected(path, digest, sha256)
        found, pinned = _looked_at(staged, kind, digest, say)
        _not_the_demos(store, {digest, *pinned.values()})
        card = Card(
            id=model,
            sha256=pinned["onnx"],
            file_sha256=digest,
            weights=pinned,
            dimension=found.dimension or 0,
            source=(source or path.name)[:500],
            imported_at=datetime.now(UTC),
        )
        store.install(staged, card)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    return Imported(card, digest, [_NETWORK_UP] if found.network else [])


def _expected(path: Path, digest: str, sha256: str | None) -> None:
    if sha256 is not None and digest != sha256.lower():
        raise InvalidRequestError(f"{path.name} has the SHA-256 {digest}, not {sha256}")


def _not_the_demos(store: ModelStore, digests: set[str]) -> None:
    """Under another name it would be no less the model that verifies nobody."""
    if store.is_the_demos(digests):
        raise ConflictError(f"this is {DEMO}, which was trained on synthetic voices and verifies nobody")


def _kind(path: Path) -> RuntimeName:
    if path.suffix == ".onnx":
        return "onnx"
    if path.suffix == ".nemo":
        return "nemo"
    raise UsageError(f"{path.name} is neither .onnx nor .nemo")


def cleaned(staged: Path, folder: Path) -> tuple[isolation.Seen, str]:
    """Put what was checked of an archive in the place of the archive.

    Args:
        staged: Holds `model.nemo` as it came.
        folder: From `isolation.scratch`.

    Returns:
        What the child found, and the SHA-256 of the `model.nemo` that is in `staged` now.

    Raises:
        InvalidRequestError: the archive is refused.
    """
    seen = isolation.look("nemo", staged / "model.nemo", folder)
    (staged / "model.nemo").unlink()
    return seen, files.take(folder / "clean.nemo", staged / "model.nemo", follow=False)


def _looked_at(
    staged: Path, kind: RuntimeName, digest: str, say: Callable[[str], None]
) -> tuple[isolation.Seen, dict[RuntimeName, str]]:
    """Look at everything in isolation; what was found, and the SHA-256 of what each runtime will load."""
    pinned: dict[RuntimeName, str] = {"onnx": digest}
    network = False
    with isolation.scratch() as folder:
        if kind == "nemo":
            say("checking the archive, in isolation")
            seen, clean = cleaned(staged, folder)
            network = seen.network
            if find_spec("nemo") is None:
                raise ConflictError(
                    "the archive is a speaker model, and converting it needs NeMo", hint=NEMO_EXTRA
                )
            say("loading it with NeMo and exporting it to ONNX, in isolation")
            isolation.look("convert", staged / "model.nemo", folder)
            exported = files.take(folder / "model.onnx", staged / "model.onnx", follow=False)
            pinned = {"nemo": clean, "onnx": exported}
        say("checking the ONNX model and running it once, in isolation")
        found = isolation.look("onnx", staged / "model.onnx", folder)
    if found.dimension is None:
        raise InvalidRequestError("the model is refused: it was not run")
    return isolation.Seen(found.dimension, found.network or network), pinned
