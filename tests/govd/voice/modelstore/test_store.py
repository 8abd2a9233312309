"""The store: which model may be used, and that nothing changes that by accident."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import numpy as np
import pytest

from govd.contract.errors import (
    ConflictError,
    IntegrityError,
    InvalidRequestError,
    NotFoundError,
    VoiceUnavailableError,
)
from govd.voice.encoder.pool import EncoderPool
from govd.voice.modelstore.card import DEMO
from govd.voice.modelstore.importing import import_model
from govd.voice.modelstore.store import ModelStore
from tests.support import onnxmodel

if TYPE_CHECKING:
    from pathlib import Path

CLIP = np.random.default_rng(5).standard_normal(8_000).astype("<f4").tobytes()


@pytest.fixture
def demo_store(state: Path, tmp_path: Path) -> ModelStore:
    """A store beside a model that comes with govd."""
    import hashlib

    shipped = tmp_path / "shipped"
    shipped.mkdir()
    weights = onnxmodel.model()
    (shipped / f"{DEMO}.onnx").write_bytes(weights)
    card = {
        "id": DEMO,
        "runtime": "onnx",
        "sha256": hashlib.sha256(weights).hexdigest(),
        "dimension": onnxmodel.DIMENSION,
        "threshold": 0.5,
        "low_confidence": 0.6,
        "demo": False,
    }
    (shipped / f"{DEMO}.json").write_text(json.dumps(card), encoding="ascii")
    return ModelStore(state, shipped)


def test_in_a_new_state_nobody_can_be_verified_and_the_mending_command_is_named(state):
    encoder = EncoderPool(ModelStore(state).choose)

    assert encoder.model is None
    assert encoder.degraded == ("no speaker model is in use", "govd voice model fetch titanet_large")
    with pytest.raises(VoiceUnavailableError):
        encoder.embed(CLIP)
    encoder.close()


def test_a_model_that_was_not_calibrated_cannot_be_used(held):
    with pytest.raises(ConflictError, match="not calibrated") as refused:
        held.use("tiny")

    assert refused.value.hint == "govd voice calibrate tiny"
    assert held.active() is None


def test_but_a_calibration_can_embed_with_it(held):
    encoder = EncoderPool(lambda: held.choice(held.card("tiny")))

    assert len(encoder.embed(CLIP)) == onnxmodel.DIMENSION * 4
    encoder.close()


def test_a_calibrated_model_is_used_at_once_also_by_an_encoder_that_is_open(calibrated, state):
    encoder = EncoderPool(ModelStore(state).choose)
    assert encoder.degraded == ("no speaker model is in use", "govd voice model use tiny")

    calibrated.use("tiny")

    assert encoder.degraded is None
    assert encoder.model.threshold == 0.4
    assert encoder.model.low_confidence == 0.5
    assert encoder.model.trials == 400
    assert encoder.model.active
    assert len(encoder.embed(CLIP)) == onnxmodel.DIMENSION * 4
    encoder.close()
    assert stat.S_IMODE((state / "voice" / "active").stat().st_mode) == 0o600


@pytest.mark.threat(25)
def test_a_file_that_was_changed_is_neither_put_in_use_nor_loaded(calibrated, state):
    """Whoever can write to the store exchanges a model's weights after it was imported."""
    calibrated.use("tiny")
    weights = calibrated.weights("tiny", "onnx")
    weights.write_bytes(onnxmodel.model(scale=3.0))

    with pytest.raises(IntegrityError, match="SHA-256 differs"):
        calibrated.use("tiny")
    encoder = EncoderPool(ModelStore(state).choose)
    with pytest.raises(VoiceUnavailableError, match="SHA-256 differs"):
        encoder.embed(CLIP)

    assert encoder.degraded[1] == "govd voice model list"
    encoder.close()


def test_a_model_in_use_whose_file_is_gone_is_said(calibrated, state):
    calibrated.use("tiny")
    calibrated.weights("tiny", "onnx").unlink()

    encoder = EncoderPool(ModelStore(state).choose)

    assert "not there" in encoder.degraded[0]
    encoder.close()


@pytest.mark.parametrize(
    "content", [b"", b"tiny", b"tiny pickle", b"../../x onnx", b"\xff\xfe", b"x" * 5_000], ids=range(6)
)
@pytest.mark.usefixtures("calibrated")
def test_a_name_in_use_that_is_none_is_no_model(state, content):
    (state / "voice" / "active").write_bytes(content)

    encoder = EncoderPool(ModelStore(state).choose)

    assert encoder.model is None
    assert encoder.degraded is not None
    encoder.close()


@pytest.mark.parametrize(
    "card", ["", "[]", "{}", '{"id": "tiny"}', "x" * 300_000], ids=["empty", "list", "none", "half", "huge"]
)
def test_a_card_that_cannot_be_read_is_no_model(calibrated, state, card):
    calibrated.use("tiny")
    (calibrated.models / "tiny" / "card.json").write_text(card, encoding="ascii")

    assert EncoderPool(ModelStore(state).choose).model is None


def test_a_card_of_another_model_is_not_believed(calibrated, tiny):
    import_model(calibrated, tiny, name="other")
    card = calibrated.models / "tiny" / "card.json"
    (calibrated.models / "other" / "card.json").write_bytes(card.read_bytes())

    with pytest.raises(IntegrityError, match="is that of tiny"):
        calibrated.use("other")


def test_the_demos_model_is_refused_outside_of_a_demo(demo_store):
    with pytest.raises(ConflictError, match="verifies nobody"):
        demo_store.use(DEMO)

    # Not even a file that says so.
    (demo_store.models.parent).mkdir(exist_ok=True)
    (demo_store.models.parent / "active").write_text(f"{DEMO} onnx\n", encoding="ascii")
    with pytest.raises(VoiceUnavailableError, match="not a demo's"):
        demo_store.choose()


def test_in_a_demo_it_is_used_and_says_that_it_is_one(demo_store):
    demo_store.found_for_demo()

    demo_store.use(DEMO)

    # Whatever its card says.
    assert demo_store.choose().view.demo
    with pytest.raises(ConflictError, match="comes with govd"):
        demo_store.remove(DEMO)
    with pytest.raises(ConflictError, match="its calibration"):
        demo_store.calibrated(DEMO, 0.0, 0.0, {})


def test_a_model_cannot_say_of_itself_that_it_is_the_demos(held):
    path = held.models / "tiny" / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"demo": True}), encoding="ascii")

    assert not held.card("tiny").demo


def test_a_runtime_that_is_not_installed_or_has_no_file_is_refused(calibrated):
    with pytest.raises(ConflictError, match="no file for nemo"):
        calibrated.use("tiny", "nemo")


@pytest.mark.parametrize(
    ("threshold", "low", "figures"),
    [(0.6, 0.5, {}), (1.5, 1.6, {}), (0.4, 0.5, {"eer": 2}), (0.4, 0.5, {"sha256": "0" * 64})],
)
def test_figures_that_cannot_be_are_not_written_down(held, threshold, low, figures):
    with pytest.raises(InvalidRequestError):
        held.calibrated("tiny", threshold, low, figures)

    assert held.card("tiny").threshold is None


def test_the_model_in_use_is_not_removed_and_another_is(calibrated, tiny):
    import_model(calibrated, tiny, name="other")
    calibrated.use("tiny")

    with pytest.raises(ConflictError, match="in use"):
        calibrated.remove("tiny")
    calibrated.remove("other")

    assert [path.name for path in calibrated.models.iterdir()] == ["tiny"]
    with pytest.raises(NotFoundError):
        calibrated.remove("other")


def test_a_link_among_the_models_is_not_followed(held, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (held.models / "link").symlink_to(precious)

    with pytest.raises(NotFoundError):
        held.remove("link")

    assert precious.is_dir()
