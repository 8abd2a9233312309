"""The rows about how often the demo's model errs on speakers that it never heard, beside NeMo.

The clips are synthesised anew. Where .venv-nemo is missing (`make test-nemo` makes it), NeMo's part is not
measured, and the row says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from govd.voice.calibration import Rate, measured, trials_of
from govd.voice.encoder.onnx import OnnxEncoder
from govd.voice.modelstore.store import SHIPPED
from tests.performance.rows import ROOT, Row, scratch
from training.calibrate import embedded

FIGURE_ROWS: Final = ("demo_eer", "demo_fmr", "demo_fnmr", "onnx_nemo_max_diff")
_NEMO: Final = ROOT / ".venv-nemo" / "bin" / "python"
_MODEL: Final = "titanet-demo"


def figure_rows() -> dict[str, Row]:
    """Synthesise, embed, count; shares are in percent, the difference in millionths of a raw number."""
    card = json.loads((SHIPPED / f"{_MODEL}.json").read_text(encoding="utf-8"))
    encoder = OnnxEncoder((SHIPPED / f"{_MODEL}.onnx").read_bytes())
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        corpus = Path(name)
        _ran(sys.executable, "training.synthesise", str(corpus), "--only", "report")
        trials = trials_of(embedded(corpus / "report.json", encoder.embed))
        nemo = _by_nemo(corpus)
    found = measured(trials, card["threshold"], trials.spread)
    theirs = None if nemo is None else nemo["nemo"]
    speakers = f"{found.speakers} held-out synthetic speakers, {found.trials} trials"
    return {
        "demo_eer": Row(found.eer * 100, "%", _percent(theirs, "eer"), 5.0, note=_note(speakers, nemo)),
        "demo_fmr": Row(found.fmr.share * 100, "%", _percent(theirs, "fmr"), 2.0, note=_rate(found.fmr)),
        "demo_fnmr": Row(found.fnmr.share * 100, "%", _percent(theirs, "fnmr"), 5.0, note=_rate(found.fnmr)),
        "onnx_nemo_max_diff": Row(
            None if nemo is None else nemo["max_diff"] * 1e6,
            "1e-6",
            target=1000.0,
            note=_note(f"{found.samples} clips, embeddings before scaling", nemo),
        ),
    }


def _rate(rate: Rate) -> str:
    return f"{rate.errors} of {rate.trials} trials; at most {rate.bound:.2%}"


def _note(text: str, nemo: dict[str, Any] | None) -> str:
    return text if nemo else f"{text}; NeMo not measured: make test-nemo installs it"


def _percent(card: dict[str, Any] | None, name: str) -> float | None:
    return None if card is None else float(card[name]) * 100


def _by_nemo(corpus: Path) -> dict[str, Any] | None:
    if not _NEMO.exists():
        return None
    said = _ran(str(_NEMO), "training.compare", str(corpus), str(SHIPPED))
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    return answer


def _ran(python: str, module: str, *arguments: str) -> str:
    done = subprocess.run(
        [python, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "backend")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{module} failed: {done.stderr[-500:]}")
    return done.stdout
