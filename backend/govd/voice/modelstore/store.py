"""The models that are here: STATE/voice/models/ID, and the demo's model that comes with govd.

Must never let a model be used that was not calibrated, whose file is not the one that was imported, or that
belongs to the demo in a state that does not.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from govd.contract.errors import (
    ConflictError,
    GovError,
    IntegrityError,
    InvalidRequestError,
    NotFoundError,
    VoiceUnavailableError,
)
from govd.voice.encoder.model import Choice
from govd.voice.modelstore import files
from govd.voice.modelstore.card import DEMO, MAX_CARD_BYTES, Card, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from govd.voice.modelstore.card import RuntimeName

SHIPPED: Final = Path(__file__).resolve().parents[1] / "models"
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MAX_NAME_BYTES: Final = 256
NEMO_EXTRA: Final = "pip install 'govconsole[nemo]'"


def valid(model: str) -> str:
    """A model's id, which is also a folder's name.

    Raises:
        InvalidRequestError: it is none.
    """
    if not _ID.fullmatch(model):
        raise InvalidRequestError(f"{model!r} is no name for a model: a-z, 0-9, . _ -, at most 64")
    return model


class ModelStore:
    """The models of one state directory.

    Args:
        state: STATE.
        shipped: Where the demo's model lies.
    """

    def __init__(self, state: Path, shipped: Path = SHIPPED) -> None:
        self._voice = state / "voice"
        self._shipped = shipped
        self.models = self._voice / "models"

    @property
    def demo(self) -> bool:
        """Whether this state was founded for a demo."""
        return (self._voice / "demo").is_file()

    def found_for_demo(self) -> None:
        """Mark this state as a demo's: the demo's model may be used here."""
        self._folder(self._voice)
        files.write(self._voice / "demo", b"")

    def _folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def ids(self) -> list[str]:
        """Every model, by name."""
        found = set()
        with contextlib.suppress(FileNotFoundError):
            found = {
                item.name for item in self.models.iterdir() if item.is_dir() and _ID.fullmatch(item.name)
            }
        if (self._shipped / f"{DEMO}.json").is_file():
            found.add(DEMO)
        return sorted(found)

    def card(self, model: str) -> Card:
        """The card of a model.

        Raises:
            NotFoundError: there is no such model.
            IntegrityError: its card cannot be read.
        """
        path = self._shipped / f"{DEMO}.json" if model == DEMO else self.models / valid(model) / "card.json"
        data = files.read(path, MAX_CARD_BYTES)
        if data is None:
            raise NotFoundError(f"there is no model {model}", hint="govd voice model list")
        card = parse(data, model)
        # Whatever a card says of itself: what comes with govd is the demo's, and nothing else is.
        return card.model_copy(update={"demo": model == DEMO})

    def is_the_demos(self, digests: Iterable[str]) -> bool:
        """Whether one of these is the SHA-256 of a file of the demo's model."""
        with contextlib.suppress(NotFoundError):
            card = self.card(DEMO)
            return not {card.sha256, *card.weights.values()}.isdisjoint(digests)
        return False

    def weights(self, model: str, runtime: RuntimeName) -> Path:
        """Where the file lies that this runtime loads."""
        if model == DEMO:
            return self._shipped / f"{DEMO}.{runtime}"
        return self.models / valid(model) / f"model.{runtime}"

    def intact(self, card: Card, runtime: RuntimeName) -> bool:
        """Whether that file is the one that was imported. Reads all of it."""
        return files.sha256(self.weights(card.id, runtime)) == card.pinned(runtime)

    def active(self) -> tuple[str, RuntimeName] | None:
        """The model in use and its runtime; None: none is.

        Raises:
            IntegrityError: what stands there names none.
        """
        data = files.read(self._voice / "active", _MAX_NAME_BYTES)
        if data is None:
            return None
        words = data.decode(errors="replace").split()
        if len(words) == 2 and _ID.fullmatch(words[0]):  # noqa: PLR2004 - a name and a runtime
            if words[1] == "onnx":
                return words[0], "onnx"
            if words[1] == "nemo":
                return words[0], "nemo"
        raise IntegrityError(
            f"{self._voice / 'active'} names no model in use", hint="govd voice model use ID"
        )

    def use(self, model: str, runtime: RuntimeName | None = None) -> Card:
        """Let everybody be verified with this model from now on, also in a govd that runs.

        Raises:
            NotFoundError: there is no such model.
            ConflictError: it may not be used, and the hint says what is missing.
            IntegrityError: its file is not the one that was imported.
        """
        card = self.card(model)
        runtime = runtime or card.runtime
        self._usable(card, runtime)
        if runtime == "nemo" and find_spec("nemo") is None:
            raise ConflictError("NeMo is not installed beside govd", hint=NEMO_EXTRA)
        if not self.intact(card, runtime):
            raise IntegrityError(
                f"the weights of {model} are not those that were imported: their SHA-256 differs",
                hint=f"govd voice model remove {model}, then import it again",
            )
        self._folder(self._voice)
        files.write(self._voice / "active", f"{model} {runtime}\n".encode())
        return card

    def _usable(self, card: Card, runtime: RuntimeName) -> None:
        if card.demo and not self.demo:
            raise ConflictError(
                f"{card.id} was trained on synthetic voices for the demo and verifies nobody; this state is"
                " not a demo's",
                hint="govd voice model fetch titanet_large",
            )
        if card.pinned(runtime) is None:
            raise ConflictError(
                f"{card.id} has no file for {runtime}", hint=f"govd voice model use {card.id}"
            )
        if card.threshold is None or card.low_confidence is None:
            raise ConflictError(
                f"{card.id} was not calibrated: nobody knows from which score on it is the same voice",
                hint=f"govd voice calibrate {card.id}",
            )

    def choose(self) -> Choice:
        """The model in use (`govd.voice.encoder.model.Chooser`). The worker checks its SHA-256.

        Raises:
            VoiceUnavailableError: there is none that may be used; the hint is the command that mends it.
        """
        try:
            active = self.active()
            card = None if active is None else self.card(active[0])
            if card is not None and active is not None:
                self._usable(card, active[1])
        except GovError as error:
            raise VoiceUnavailableError(error.detail, hint=error.hint or "govd voice model list") from None
        if card is None or active is None:
            raise VoiceUnavailableError("no speaker model is in use", hint=self._mend())
        return self.choice(card, active[1], active=True)

    def choice(self, card: Card, runtime: RuntimeName | None = None, *, active: bool = False) -> Choice:
        """That model, whether it is in use or not: for a calibration, which gives it its threshold.

        Raises:
            VoiceUnavailableError: it has no file for this runtime.
        """
        runtime = runtime or card.runtime
        pinned, weights = card.pinned(runtime), self.weights(card.id, runtime)
        if pinned is None or not weights.is_file():
            raise VoiceUnavailableError(
                f"the weights of {card.id} are not there", hint=f"govd voice model remove {card.id}"
            )
        blank = {"threshold": 1.0, "low_confidence": 1.0} if card.threshold is None else {}
        view = card.model_copy(update=blank).view(runtime, active=active)
        if view is None:
            raise VoiceUnavailableError(
                f"{card.id} was not calibrated", hint=f"govd voice calibrate {card.id}"
            )
        return Choice(view, weights, pinned)

    def _mend(self) -> str:
        own = [model for model in self.ids() if model != DEMO]
        if own:
            return f"govd voice model use {own[0]}" if len(own) == 1 else "govd voice model use ID"
        return f"govd voice model use {DEMO}" if self.demo else "govd voice model fetch titanet_large"

    def calibrated(
        self, model: str, threshold: float, low_confidence: float, figures: Mapping[str, object]
    ) -> Card:
        """Write down what a calibration found.

        Args:
            model: Which model.
            threshold: Accept from this cosine on.
            low_confidence: Below it a match is named weak.
            figures: `eer`, `fmr`, `fnmr`, `trials`, and `calibration` (on what, by whom, when).

        Raises:
            NotFoundError: there is no such model.
            ConflictError: it is the one that comes with govd.
            InvalidRequestError: these are no figures of a calibration.
        """
        card = self.card(model)
        if model == DEMO:
            raise ConflictError(f"{model} comes with its calibration")
        known = {"eer", "fmr", "fnmr", "trials", "calibration"}
        if set(figures) - known:
            raise InvalidRequestError(f"no figures of a calibration: {sorted(set(figures) - known)}")
        if not threshold <= low_confidence:
            raise InvalidRequestError("low_confidence lies below the threshold")
        fields = card.model_dump(mode="json") | dict(figures)
        fields |= {"threshold": threshold, "low_confidence": low_confidence}
        try:
            fresh = Card.model_validate(fields)
        except ValueError as error:
            raise InvalidRequestError(f"no figures of a calibration: {error}") from None
        self._write_card(self.models / model, fresh)
        return fresh

    def _write_card(self, folder: Path, card: Card) -> None:
        files.write(folder / "card.json", card.model_dump_json(indent=2).encode() + b"\n")

    def free(self, model: str) -> str:
        """A name that no model has.

        Raises:
            InvalidRequestError: it is no name.
            ConflictError: it is taken.
        """
        if valid(model) == DEMO or (self.models / model).exists():
            raise ConflictError(
                f"there is a model {model} already", hint="--name, or govd voice model remove it"
            )
        return model

    def staging(self) -> Path:
        """A fresh folder beside the models, for one that is being taken in.

        Raises:
            InvalidRequestError: the state directory cannot be written.
        """
        folder = self.models / f".staging-{secrets.token_hex(8)}"
        try:
            self._folder(self._voice)
            self._folder(self.models)
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise InvalidRequestError(f"{self.models} cannot be written: {error.strerror}") from None
        return folder

    def install(self, staged: Path, card: Card) -> None:
        """Put a folder from `staging` in its place, whole.

        Raises:
            ConflictError: the name was taken meanwhile.
        """
        self._write_card(staged, card)
        try:
            staged.rename(self.models / card.id)
        except OSError:
            raise ConflictError(f"there is a model {card.id} already") from None
        files.sync_folder(self.models)

    def remove(self, model: str) -> None:
        """Delete a model; templates that were made with it ask for another enrollment.

        Raises:
            NotFoundError: there is no such model.
            ConflictError: it is in use, or it comes with govd.
        """
        if model == DEMO:
            raise ConflictError(f"{model} comes with govd and cannot be removed")
        folder = self.models / valid(model)
        if not folder.is_dir() or folder.is_symlink():
            raise NotFoundError(f"there is no model {model}", hint="govd voice model list")
        active = None
        with contextlib.suppress(IntegrityError):
            active = self.active()
        if active is not None and active[0] == model:
            raise ConflictError(f"{model} is in use", hint="govd voice model use ANOTHER")
        doomed = self.models / f".removed-{secrets.token_hex(8)}"
        folder.rename(doomed)
        files.sync_folder(self.models)
        shutil.rmtree(doomed)
