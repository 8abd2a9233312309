"""A hostile .nemo archive all the way in: what NeMo loads later is what was checked, not what came."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf
from omegaconf.errors import GrammarParseError

from govd.voice.encoder import nemo
from govd.voice.encoder.pool import EncoderPool
from govd.voice.modelstore import nemofile
from govd.voice.modelstore.importing import import_model
from govd.voice.modelstore.store import ModelStore

if TYPE_CHECKING:
    from tests.nemo.conftest import Demo

TARGET = "nemo.collections.asr.models.EncDecSpeakerLabelModel"
SMUGGLED = b"smuggled into the archive"
CLIP = (np.random.default_rng(3).standard_normal(32_000) * 0.1).astype("<f4").tobytes()


def smuggling(demo: Demo, folder: Path) -> Path:
    """Another model than the demo's, with keys that nobody looks at and a second archive behind the first."""
    model = nemo.restored(demo.nemo)
    for parameter in model.parameters():
        parameter.mul_(1.01)
    model.cfg.labels = [SMUGGLED.decode()]
    path = folder / "house.nemo"
    model.save_to(str(path))
    behind = io.BytesIO()
    with tarfile.open(fileobj=behind, mode="w") as archive:
        head = tarfile.TarInfo("./model_weights.ckpt")
        head.size = len(SMUGGLED)
        archive.addfile(head, io.BytesIO(SMUGGLED))
    path.write_bytes(path.read_bytes() + behind.getvalue())
    return path


@pytest.mark.threat(25)
def test_the_worker_loads_the_archive_that_was_written_anew(demo: Demo, tmp_path: Path) -> None:
    """Behind the archive's end hides a second one: other weights than those that were looked at."""
    path = smuggling(demo, tmp_path)
    came = hashlib.sha256(path.read_bytes()).hexdigest()
    store = ModelStore(tmp_path / "state")

    taken = import_model(store, path, sha256=came)

    kept = store.weights("house", "nemo").read_bytes()
    assert SMUGGLED in path.read_bytes()
    assert SMUGGLED not in kept
    assert taken.sha256 == taken.card.file_sha256 == came
    assert taken.card.weights["nemo"] == hashlib.sha256(kept).hexdigest() != came
    store.calibrated("house", 0.4, 0.5, {})
    found = {}
    for runtime in ("nemo", "onnx"):
        store.use("house", runtime)
        encoder = EncoderPool(ModelStore(tmp_path / "state").choose)
        try:
            found[runtime] = np.frombuffer(encoder.embed(CLIP), "<f4")
            if os.geteuid() == 0:
                assert (
                    "\nUid:\t65534\t65534\t65534\t65534\n" in Path(f"/proc/{encoder.pid}/status").read_text()
                )
        finally:
            encoder.close()
    assert float(found["nemo"] @ found["onnx"]) >= 0.99999


def looked_up(text: str) -> bool:
    """Whether OmegaConf tries to; a string that it then cannot read counts too."""
    try:
        return bool(OmegaConf.is_interpolation(OmegaConf.create({"x": text}), "x"))
    except GrammarParseError:
        return True


@pytest.mark.threat(25)
def test_whatever_omegaconf_would_look_up_is_refused() -> None:
    """Every short string of the characters that its grammar knows."""
    tried = {"".join(item) for item in itertools.product("${}:a\\", repeat=5)}
    hostile = {text for text in tried if looked_up(text)}
    assert "${:a}" in hostile
    for text in hostile:
        with pytest.raises(ValueError, match="to be looked up"):
            nemofile.config(yaml.safe_dump({"target": TARGET, "encoder": {"x": text}}).encode())


@pytest.mark.threat(25)
def test_a_name_put_together_is_looked_up_by_omegaconf_and_refused_here() -> None:
    """An interpolation puts its resolver's name together, to read the environment unseen."""
    text = "${${encoder.a}:HOME}"
    found = OmegaConf.create({"encoder": {"a": "oc.env", "x": text}})
    assert found.encoder.x.startswith("/")
    with pytest.raises(ValueError, match="to be looked up"):
        nemofile.config(yaml.safe_dump({"target": TARGET, "encoder": {"a": "oc.env", "x": text}}).encode())
