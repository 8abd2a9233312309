"""The demo's model that comes with govd: intact, of the form that others must have, and at work in a demo."""

from __future__ import annotations

import io

import numpy as np
import pytest

from govd.contract.errors import ConflictError
from govd.voice.encoder.pool import EncoderPool
from govd.voice.modelstore import nemofile, onnxfile
from govd.voice.modelstore.card import DEMO
from govd.voice.modelstore.importing import import_model
from govd.voice.modelstore.store import SHIPPED, ModelStore


def test_both_files_are_those_that_its_card_names(store):
    card = store.card(DEMO)

    assert store.intact(card, "onnx")
    assert store.intact(card, "nemo")
    assert card.demo
    assert card.trials
    assert card.threshold < card.low_confidence


def test_both_files_pass_what_is_asked_of_any_other(tmp_path):
    onnxfile.check((SHIPPED / f"{DEMO}.onnx").read_bytes())
    nemofile.rewrite(io.BytesIO((SHIPPED / f"{DEMO}.nemo").read_bytes()), tmp_path / "clean.nemo")


@pytest.mark.threat(25)
def test_a_changed_pickle_in_it_is_refused(tmp_path):
    """Somebody writes a call of `system` into the pickle of the model that comes with govd."""
    changed = (
        (SHIPPED / f"{DEMO}.nemo").read_bytes().replace(b"ctorch\nFloatStorage", b"cposix\nsystem      ")
    )

    with pytest.raises(ValueError, match=r"is refused|no checkpoint"):
        nemofile.rewrite(io.BytesIO(changed), tmp_path / "clean.nemo")


def test_it_is_not_taken_in_under_another_name(store):
    with pytest.raises(ConflictError, match="verifies nobody"):
        import_model(store, SHIPPED / f"{DEMO}.onnx", name="mine")

    assert list(store.models.iterdir()) == []


def test_in_a_demo_it_embeds(state):
    store = ModelStore(state)
    store.found_for_demo()
    store.use(DEMO)
    encoder = EncoderPool(ModelStore(state).choose)
    clip = np.random.default_rng(6).standard_normal(32_000).astype("<f4").tobytes()

    vector = np.frombuffer(encoder.embed(clip), dtype="<f4")

    assert len(vector) == encoder.model.dimension
    assert encoder.model.demo
    encoder.close()
