"""The encoder of a state directory: its models and the worker that runs the one in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govd.voice.encoder.pool import EncoderPool
from govd.voice.modelstore.store import ModelStore

if TYPE_CHECKING:
    from pathlib import Path


def open_encoder(state: Path) -> EncoderPool:
    """The encoder with whatever model is in use, which may change while it is open."""
    return EncoderPool(ModelStore(state).choose)


def open_model(state: Path, model: str) -> EncoderPool:
    """The encoder with one model, in use or not: for its calibration.

    Raises:
        NotFoundError: there is no such model.
        IntegrityError: its card cannot be read.
        VoiceUnavailableError: its weights are not there.
    """
    store = ModelStore(state)
    choice = store.choice(store.card(model))
    return EncoderPool(lambda: choice)
