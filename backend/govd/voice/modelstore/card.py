"""What is known of a model: a card beside its weights. Must never be taken from the model's own file."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from govd.contract.errors import IntegrityError
from govd.contract.voice import ModelView
from govd.contract.wire import Sha256

RuntimeName = Literal["onnx", "nemo"]
ModelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Cosine = Annotated[float, Field(ge=-1.0, le=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]

DEMO: Final = "titanet-demo"
"""The one model that comes with govd. It verifies nobody outside of the demo."""
MAX_CARD_BYTES: Final = 256 * 1024


class Card(BaseModel):
    """A model's card.

    `sha256`: of the weights that its scores belong to; templates remember it. `weights`: the SHA-256 of each
    file that a runtime loads; of these two the scores are the same. `file_sha256`: of the file as it came,
    which a publisher names; a .nemo archive is written anew before it is kept. `threshold` and
    `low_confidence` are None until it was calibrated, and then it may be used. `calibration`: on what, by
    whom, when.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: ModelId
    runtime: RuntimeName = "onnx"
    sha256: Sha256
    file_sha256: Sha256 | None = None
    weights: dict[RuntimeName, Sha256] = Field(default_factory=dict)
    dimension: Annotated[int, Field(ge=1, le=8192)]
    score_scale: Literal["cosine"] = "cosine"
    threshold: Cosine | None = None
    low_confidence: Cosine | None = None
    demo: bool = False
    eer: Share | None = None
    fmr: Share | None = None
    fnmr: Share | None = None
    trials: Annotated[int, Field(ge=0)] | None = None
    calibration: dict[str, Any] = Field(default_factory=dict)
    source: str = ""
    imported_at: datetime | None = None

    def pinned(self, runtime: RuntimeName) -> str | None:
        """The SHA-256 of the file that this runtime loads; None: the model has none for it."""
        return self.weights.get(runtime) or (self.sha256 if runtime == self.runtime else None)

    def view(self, runtime: RuntimeName, *, active: bool) -> ModelView | None:
        """What is told of it; None: it was not calibrated, so that there is no threshold to tell."""
        if self.threshold is None or self.low_confidence is None:
            return None
        return ModelView(
            id=self.id,
            runtime=runtime,
            sha256=self.sha256,
            dimension=self.dimension,
            threshold=self.threshold,
            low_confidence=self.low_confidence,
            demo=self.demo,
            active=active,
            eer=self.eer,
            fmr=self.fmr,
            fnmr=self.fnmr,
            trials=self.trials,
        )


def parse(data: bytes, model: str) -> Card:
    """The card of that model.

    Raises:
        IntegrityError: it is none, or another model's.
    """
    try:
        card = Card.model_validate_json(data)
    except ValidationError as error:
        item = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in item["loc"])
        raise IntegrityError(
            f"the card of {model} cannot be read: {where}: {item['msg']}",
            hint=f"govd voice model remove {model}",
        ) from None
    if card.id != model:
        raise IntegrityError(
            f"the card in the folder of {model} is that of {card.id}",
            hint=f"govd voice model remove {model}",
        )
    return card
