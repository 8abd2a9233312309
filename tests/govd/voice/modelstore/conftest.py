"""A store in an empty state directory, and model files of all kinds."""

from __future__ import annotations

import io
import pickle
import shutil
import tarfile
import zipfile
from collections import OrderedDict
from typing import TYPE_CHECKING

import pytest
import yaml

from govd.voice.modelstore.importing import import_model
from govd.voice.modelstore.store import ModelStore
from tests.support import onnxmodel

if TYPE_CHECKING:
    from pathlib import Path

ASR = "nemo.collections.asr"
CONFIG = {
    "target": f"{ASR}.models.label_models.EncDecSpeakerLabelModel",
    "sample_rate": 16_000,
    "preprocessor": {"_target_": f"{ASR}.modules.AudioToMelSpectrogramPreprocessor", "features": 80},
    "encoder": {"_target_": f"{ASR}.modules.ConvASREncoder", "jasper": [{"filters": 96}]},
    "decoder": {"_target_": f"{ASR}.modules.SpeakerDecoder", "emb_sizes": 96},
    "loss": {"_target_": f"{ASR}.losses.AngularSoftmaxLoss", "scale": 30},
    "train_ds": {"manifest_filepath": "/somewhere/train.json"},
}


def config(**changed: object) -> bytes:
    return yaml.safe_dump(CONFIG | changed).encode()


def checkpoint(
    pickled: bytes | None = None, *, more: dict[str, bytes] | None = None, packed: bool = False
) -> bytes:
    """A checkpoint as torch writes one: a zip with a pickle of protocol 2 and raw tensors."""
    if pickled is None:
        pickled = pickle.dumps(OrderedDict(), protocol=2)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", b"\0" * 64)
        archive.writestr("archive/version", b"3\n")
        for name, data in (more or {}).items():
            archive.writestr(name, data)
    return target.getvalue()


def member(name: str, data: bytes = b"", **changed: object) -> tuple[tarfile.TarInfo, bytes]:
    head = tarfile.TarInfo(name)
    head.size = len(data)
    for key, value in changed.items():
        setattr(head, key, value)
    return head, data


def archive(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as packed:  # type: ignore[call-overload]
        for head, data in members:
            packed.addfile(head, io.BytesIO(data))
    return target.getvalue()


def nemo(
    *more: tuple[tarfile.TarInfo, bytes],
    yaml_bytes: bytes | None = None,
    weights: bytes | None = None,
    mode: str = "w",
) -> bytes:
    """A .nemo archive: good, but for what is said."""
    return archive(
        member("./model_config.yaml", config() if yaml_bytes is None else yaml_bytes),
        member("./model_weights.ckpt", checkpoint() if weights is None else weights),
        *more,
        mode=mode,
    )


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def store(state: Path) -> ModelStore:
    return ModelStore(state)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(onnxmodel.model())
    return path


@pytest.fixture(scope="session")
def taken_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state with one model, taken in once for all tests."""
    folder = tmp_path_factory.mktemp("taken-in")
    file = folder / "tiny.onnx"
    file.write_bytes(onnxmodel.model())
    import_model(ModelStore(folder / "state"), file)
    return folder / "state"


@pytest.fixture
def held(store: ModelStore, state: Path, taken_in: Path) -> ModelStore:
    """A store with one model, not calibrated."""
    shutil.copytree(taken_in, state, dirs_exist_ok=True)
    return store


@pytest.fixture
def calibrated(held: ModelStore) -> ModelStore:
    held.calibrated("tiny", 0.4, 0.5, {"eer": 0.02, "fmr": 0.01, "fnmr": 0.03, "trials": 400})
    return held
