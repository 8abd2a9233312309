"""Takes a model file in: copied, hashed, looked at in isolation, given a card without a threshold.

Must never load or unpack anything of the file in this process.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

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
        found = _looked_at(staged, kind, say)
        pinned: dict[RuntimeName, str] = {kind: digest}
        if kind == "nemo":
            pinned["onnx"] = files.sha256(staged / "model.onnx") or ""
        _not_the_demos(store, pinned)
        card = Card(
            id=model,
            sha256=pinned["onnx"],
            weights=pinned,
            dimension=found.dimension or 0,
            source=(source or path.name)[:500],
            imported_at=datetime.now(UTC),
        )
        store.install(staged, card)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    warnings = []
    if found.network:
        warnings.append(
            "this system allows no network namespace: the model was looked at with the network up"
        )
    return Imported(card, digest, warnings)


def _expected(path: Path, digest: str, sha256: str | None) -> None:
    if sha256 is not None and digest != sha256.lower():
        raise InvalidRequestError(f"{path.name} has the SHA-256 {digest}, not {sha256}")


def _not_the_demos(store: ModelStore, pinned: dict[RuntimeName, str]) -> None:
    """Under another name it would be no less the model that verifies nobody."""
    if store.is_the_demos(pinned.values()):
        raise ConflictError(f"this is {DEMO}, which was trained on synthetic voices and verifies nobody")


def _kind(path: Path) -> RuntimeName:
    if path.suffix == ".onnx":
        return "onnx"
    if path.suffix == ".nemo":
        return "nemo"
    raise UsageError(f"{path.name} is neither .onnx nor .nemo")


def _looked_at(staged: Path, kind: RuntimeName, say: Callable[[str], None]) -> isolation.Seen:
    with isolation.scratch() as folder:
        seen = None
        if kind == "nemo":
            say("checking the archive, in isolation")
            seen = isolation.look("nemo", staged / "model.nemo", folder)
            if find_spec("nemo") is None:
                raise ConflictError(
                    "the archive is a speaker model, and converting it needs NeMo", hint=NEMO_EXTRA
                )
            say("loading it with NeMo and exporting it to ONNX, in isolation")
            isolation.look("convert", staged / "model.nemo", folder)
            files.take(folder / "model.onnx", staged / "model.onnx", follow=False)
        say("checking the ONNX model and running it once, in isolation")
        found = isolation.look("onnx", staged / "model.onnx", folder)
    if found.dimension is None:
        raise InvalidRequestError("the model is refused: it was not run")
    return isolation.Seen(found.dimension, found.network or (seen is not None and seen.network))
