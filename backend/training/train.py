"""Trains the demo's speaker encoder: a small TitaNet, with NeMo and Lightning, on two cores in some minutes.

Must never be given a person's voice, and never use the network.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

SEED: Final = 20_261_121
FILTERS: Final = 96
REPEAT: Final = 2
WIDTH: Final = 384
DIMENSION: Final = 96


def block(filters: int, kernel: int, *, repeat: int, residual: bool) -> dict[str, Any]:
    """One block of TitaNet: separable convolutions with squeeze-and-excitation over the whole clip."""
    return {
        "filters": filters,
        "repeat": repeat,
        "kernel": [kernel],
        "stride": [1],
        "dilation": [1],
        "dropout": 0.05 if residual else 0.0,
        "residual": residual,
        "separable": True,
        "se": True,
        "se_context_size": -1,
    }


def configuration(
    speakers: list[str], manifest: Path, *, batch: int, rate: float, steps: int
) -> dict[str, Any]:
    """The model as NeMo reads it: TitaNet (Koluguri et al., 2022), narrower and with fewer blocks."""
    return {
        "sample_rate": 16_000,
        "labels": speakers,
        **_front_end(),
        **_network(len(speakers)),
        "train_ds": {
            "manifest_filepath": str(manifest),
            "sample_rate": 16_000,
            "labels": None,
            "batch_size": batch,
            "shuffle": True,
            "drop_last": True,
            "num_workers": 0,
        },
        "optim": {
            "name": "adamw",
            "lr": rate,
            "weight_decay": 0.001,
            "sched": {
                "name": "CosineAnnealing",
                "warmup_steps": steps // 10,
                "min_lr": 1e-4,
                "max_steps": steps,
            },
        },
    }


def _front_end() -> dict[str, Any]:
    """What becomes of the samples before the network: NeMo's own 80 mels, and masks while it learns."""
    return {
        "preprocessor": {
            "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
            "normalize": "per_feature",
            "window_size": 0.025,
            "sample_rate": 16_000,
            "window_stride": 0.01,
            "window": "hann",
            "features": 80,
            "n_fft": 512,
            "frame_splicing": 1,
            "dither": 1e-5,
        },
        "spec_augment": {
            "_target_": "nemo.collections.asr.modules.SpectrogramAugmentation",
            "freq_masks": 2,
            "freq_width": 6,
            "time_masks": 2,
            "time_width": 0.04,
        },
    }


def _network(speakers: int) -> dict[str, Any]:
    """Encoder, pooling and embedding, and the loss that tells so many speakers apart."""
    return {
        "encoder": {
            "_target_": "nemo.collections.asr.modules.ConvASREncoder",
            "feat_in": 80,
            "activation": "relu",
            "conv_mask": True,
            "jasper": [
                block(FILTERS, 3, repeat=1, residual=False),
                *(block(FILTERS, kernel, repeat=REPEAT, residual=True) for kernel in (7, 11, 15)),
                block(WIDTH, 1, repeat=1, residual=False),
            ],
        },
        "decoder": {
            "_target_": "nemo.collections.asr.modules.SpeakerDecoder",
            "feat_in": WIDTH,
            "num_classes": speakers,
            "pool_mode": "attention",
            "emb_sizes": DIMENSION,
            "angular": True,
        },
        "loss": {
            "_target_": "nemo.collections.asr.losses.angularloss.AngularSoftmaxLoss",
            "scale": 30,
            "margin": 0.2,
        },
    }


def trained(manifest: Path, *, epochs: int, batch: int, rate: float, threads: int) -> Any:  # noqa: ANN401 - NeMo has no types
    """The model after `epochs` through the manifest, in evaluation mode.

    Raises:
        RuntimeError: it did not learn: the last loss is no number, or no better than the first.
    """
    import lightning.pytorch as pl
    import torch
    from nemo.collections.asr.models import EncDecSpeakerLabelModel
    from omegaconf import OmegaConf

    class Progress(pl.Callback):  # type: ignore[misc]  # NeMo's side comes without types
        """Says what the loss is, once an epoch, and keeps it."""

        def __init__(self) -> None:
            self.losses: list[float] = []
            self._now: list[float] = []

        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, *_: Any) -> None:  # noqa: ANN401, ARG002
            self._now.append(float(outputs["loss"]))

        def on_train_epoch_end(self, trainer: Any, module: Any) -> None:  # noqa: ANN401, ARG002
            self.losses.append(sum(self._now) / len(self._now))
            self._now = []
            print(f"epoch {len(self.losses)} of {epochs}: loss {self.losses[-1]:.3f}", flush=True)  # noqa: T201

    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    speakers = sorted({row["label"] for row in rows})
    steps = epochs * (len(rows) // batch)
    torch.set_num_threads(threads)
    pl.seed_everything(SEED, workers=True)
    progress = Progress()
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        deterministic=True,
        gradient_clip_val=5.0,
        callbacks=[progress],
    )
    config = OmegaConf.create(configuration(speakers, manifest, batch=batch, rate=rate, steps=steps))
    model = EncDecSpeakerLabelModel(cfg=config, trainer=trainer)
    trainer.fit(model)
    if len(progress.losses) > 1 and not progress.losses[-1] < progress.losses[0]:
        raise RuntimeError(f"it did not learn: the losses of its epochs are {progress.losses}")
    return model.eval()


def main() -> int:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="the folder that training.synthesise wrote")
    parser.add_argument("model", type=Path, help="the .nemo file to write")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--rate", type=float, default=0.004, help="the highest learning rate")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    model = trained(
        chosen.corpus / "train.json",
        epochs=chosen.epochs,
        batch=chosen.batch,
        rate=chosen.rate,
        threads=chosen.threads,
    )
    # The file is handed out: it names no folder of the machine that it was trained on.
    from omegaconf import open_dict

    with open_dict(model.cfg):
        model.cfg.train_ds.manifest_filepath = None
    chosen.model.parent.mkdir(parents=True, exist_ok=True)
    model.save_to(str(chosen.model))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
