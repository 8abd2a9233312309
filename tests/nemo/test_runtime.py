"""NeMo's runtime beside the export's: the same file, the same scores, through the same worker."""

from __future__ import annotations

import hashlib
import pickle
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from govd.contract.errors import InvalidRequestError
from govd.contract.voice import ModelView
from govd.voice.encoder import nemo
from govd.voice.encoder.model import Choice
from govd.voice.encoder.onnx import OnnxEncoder, session
from govd.voice.encoder.pool import EncoderPool
from govd.voice.modelstore.importing import import_model
from govd.voice.modelstore.store import ModelStore
from training.export import MAX_DIFFERENCE, by_nemo, by_onnx, speech_like

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nemo.conftest import Demo

# Lengths that are and are not multiples of a frame, and of the 16 frames that NeMo pads to.
LENGTHS = (0.5, 1.0, 2.37, 5.0, 7.5061)
CLIPS = [speech_like(seconds, seed) for seed, seconds in enumerate(LENGTHS)]


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_the_files_are_those_of_the_card(demo: Demo) -> None:
    for runtime, path in (("nemo", demo.nemo), ("onnx", demo.onnx)):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == demo.card["weights"][runtime]


def test_nemo_restores_the_model_and_embeds(demo: Demo, restored: Any) -> None:
    assert type(restored).__name__ == "EncDecSpeakerLabelModel"
    assert not restored.training
    encoder = nemo.NemoEncoder(demo.nemo)
    assert encoder.dimension == demo.card["dimension"]
    vector = encoder.embed(CLIPS[0])
    assert vector.shape == (demo.card["dimension"],)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(vector, encoder.embed(CLIPS[0]))


def test_nemos_own_verification_agrees_with_our_cosine(demo: Demo, restored: Any, tmp_path: Path) -> None:
    import soundfile

    paths = [tmp_path / f"{number}.wav" for number in (1, 2)]
    for path, clip in zip(paths, CLIPS[2:4], strict=True):
        soundfile.write(path, clip, 16_000, subtype="FLOAT")
    encoder = OnnxEncoder(demo.onnx.read_bytes())
    found = float(encoder.embed(CLIPS[2]) @ encoder.embed(CLIPS[3]))
    # NeMo compares (cos + 1) / 2: its 0.7 is a cosine of 0.4, and no threshold of ours.
    assert bool(restored.verify_speakers(*map(str, paths), threshold=(found + 1) / 2 - 1e-4))
    assert not bool(restored.verify_speakers(*map(str, paths), threshold=(found + 1) / 2 + 1e-4))


def test_the_export_and_numpy_give_what_nemo_gives(
    demo: Demo, restored: Any, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    running = session(demo.onnx.read_bytes())
    pairs = [(by_nemo(restored, clip), by_onnx(running, clip)) for clip in CLIPS]
    worst = max(float(np.abs(one - other).max()) for one, other in pairs)
    alike = min(cosine(one, other) for one, other in pairs)
    record_property("onnx_nemo_max_diff", worst)
    with capsys.disabled():
        sys.stdout.write(f"\nNeMo and ONNX differ by {worst:.1e} at most; lowest cosine {alike:.8f}\n")
    assert worst <= MAX_DIFFERENCE
    assert alike >= 0.99999


def test_the_features_are_nemos(restored: Any) -> None:
    import torch

    from govd.voice.encoder import mel

    for clip in CLIPS:
        theirs, count = restored.preprocessor(
            input_signal=torch.tensor(clip)[None], length=torch.tensor([len(clip)])
        )
        ours = mel.features(clip)
        assert ours.shape == (80, int(count[0]))
        assert np.abs(theirs[0, :, : int(count[0])].numpy() - ours).max() <= 1e-3


def test_a_fresh_export_is_the_shipped_one(demo: Demo, tmp_path: Path) -> None:
    nemo.export(demo.nemo, tmp_path / "fresh.onnx")
    fresh = OnnxEncoder((tmp_path / "fresh.onnx").read_bytes())
    shipped = OnnxEncoder(demo.onnx.read_bytes())
    for clip in CLIPS:
        assert np.abs(fresh.embed(clip) - shipped.embed(clip)).max() <= 1e-5


@pytest.mark.parametrize(
    "bad", [np.zeros(100, "f4"), np.full(16_000, np.nan, "f4"), np.zeros((2, 16_000), "f4")]
)
def test_what_is_no_clip_is_refused(demo: Demo, bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="samples"):
        nemo.NemoEncoder(demo.nemo).embed(bad)


def test_the_worker_runs_nemo_and_gives_the_scores_of_onnx(demo: Demo) -> None:
    def choice(runtime: Any) -> Choice:
        card = demo.card
        view = ModelView(
            id=card["id"],
            runtime=runtime,
            sha256=card["sha256"],
            dimension=card["dimension"],
            threshold=card["threshold"],
            low_confidence=card["low_confidence"],
            demo=True,
        )
        return Choice(view, getattr(demo, runtime), card["weights"][runtime])

    found = {}
    for runtime in ("nemo", "onnx"):
        pool = EncoderPool(lambda runtime=runtime: choice(runtime))
        try:
            found[runtime] = [np.frombuffer(pool.embed(clip.tobytes()), "<f4") for clip in CLIPS[1:3]]
        finally:
            pool.close()
    for one, other in zip(found["nemo"], found["onnx"], strict=True):
        assert float(one @ other) >= 0.99999


def test_an_archive_is_taken_in_and_converted_and_has_no_threshold_yet(demo: Demo, tmp_path: Path) -> None:
    # The demo's own weights are refused under any other name.
    model = nemo.restored(demo.nemo)
    for parameter in model.parameters():
        parameter.mul_(1.01)
    model.save_to(str(tmp_path / "house.nemo"))
    store = ModelStore(tmp_path / "state")

    taken = import_model(store, tmp_path / "house.nemo")

    assert (taken.card.id, taken.card.threshold) == ("house", None)
    assert taken.card.dimension == demo.card["dimension"]
    ours = OnnxEncoder(store.weights("house", "onnx").read_bytes()).embed(CLIPS[1])
    # The archive that was kept, too, is one that NeMo restores.
    for weights in (tmp_path / "house.nemo", store.weights("house", "nemo")):
        assert float(nemo.NemoEncoder(weights).embed(CLIPS[1]) @ ours) >= 0.99999


class Touch:
    """Pickled, it is an instruction to open a file for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def poisoned(source: Path, folder: Path, config: str | None = None, weights: object = None) -> Path:
    """The demo's archive with another configuration or other weights."""
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    if config is not None:
        file = folder / "model_config.yaml"
        file.write_text(file.read_text().replace(*config.split("=>")))
    if weights is not None:
        with zipfile.ZipFile(folder / "model_weights.ckpt", "w") as checkpoint:
            checkpoint.writestr("archive/data.pkl", pickle.dumps(weights, protocol=2))
            checkpoint.writestr("archive/version", "3\n")
    target = folder / "poisoned.nemo"
    with tarfile.open(target, "w") as archive:
        for name in ("model_config.yaml", "model_weights.ckpt"):
            archive.add(folder / name, f"./{name}")
    return target


@pytest.mark.threat(25)
@pytest.mark.parametrize("forced", [False, True])
def test_code_in_the_weights_is_not_run(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, forced: bool
) -> None:
    """The pickle of the weights names a callable, and torch's own switch asks for it to be run."""
    if forced:
        # torch's own switch, which NeMo honours.
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    witness = tmp_path / "it-ran"
    file = poisoned(demo.nemo, tmp_path, weights=Touch(witness))
    with pytest.raises(ValueError, match="NeMo does not load it"):
        nemo.restored(file)
    assert not witness.exists()


@pytest.mark.threat(25)
def test_a_configuration_that_names_another_callable_is_refused_before_nemo_sees_it(
    demo: Demo, tmp_path: Path
) -> None:
    """A `_target_` in the configuration names `subprocess.Popen`, which NeMo would call."""
    file = poisoned(
        demo.nemo, tmp_path, config="nemo.collections.asr.modules.ConvASREncoder=>subprocess.Popen"
    )
    store = ModelStore(tmp_path / "state")
    with pytest.raises(InvalidRequestError, match=r"subprocess\.Popen"):
        import_model(store, file, name="house")
    assert store.ids() == ["titanet-demo"]
    with pytest.raises(ValueError, match="NeMo does not load it"):
        nemo.restored(file)
