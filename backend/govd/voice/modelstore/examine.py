"""`python -m govd.voice.modelstore.examine`: the child in which a model file from anywhere is looked at.

Must never open the file before it has given up network, root and the right to gain any privilege. It answers
with one line of JSON, and its parent believes no more of it than it checks.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from govd.voice.encoder import confine
from govd.voice.encoder.worker import OURS

if TYPE_CHECKING:
    from collections.abc import Callable

_GIB: Final = 1 << 30
_BOUNDS: Final[dict[str, dict[str, int]]] = {
    "onnx": {"memory": 8 * _GIB, "files": 0, "file_size": 0, "cpu_seconds": 120},
    "nemo": {"memory": 8 * _GIB, "files": 64, "file_size": 2 * _GIB, "cpu_seconds": 120},
    "convert": {"memory": 64 * _GIB, "files": 1024, "file_size": 2 * _GIB, "cpu_seconds": 1200},
}
_SECONDS: Final = (2.0, 3.0)
_RATE: Final = 16_000
_SAME: Final = 0.999999
_DIMENSIONS: Final = range(16, 4097)


def onnx(source: BinaryIO, _folder: Path) -> dict[str, Any]:
    """Check the graph, then run it: it must tell two sounds apart, and one from itself not."""
    import numpy as np

    from govd.voice.encoder.onnx import OnnxEncoder
    from govd.voice.modelstore import onnxfile

    data = source.read()
    onnxfile.check(data)
    encoder = OnnxEncoder(data)
    if encoder.dimension not in _DIMENSIONS:
        raise ValueError(f"its embeddings have {encoder.dimension} numbers")
    noise = np.random.default_rng(0)
    clips = [noise.standard_normal(int(seconds * _RATE)).astype(np.float32) for seconds in _SECONDS]
    clips[1] = np.cumsum(clips[1], dtype=np.float32) / np.float32(100)
    first, again, other = (encoder.embed(clip) for clip in (clips[0], clips[0], clips[1]))
    if float(first @ again) < _SAME:
        raise ValueError("it gives another answer for the same sound")
    if float(first @ other) > _SAME:
        raise ValueError("it gives the same answer for every sound")
    return {"dimension": encoder.dimension}


def nemo(source: BinaryIO, folder: Path) -> dict[str, Any]:
    """Check an archive without NeMo, and write it anew to FOLDER/clean.nemo."""
    from govd.voice.modelstore import nemofile

    nemofile.rewrite(source, folder / "clean.nemo")
    return {}


def convert(source: BinaryIO, folder: Path) -> dict[str, Any]:
    """Let NeMo load an archive that was written anew, and export it to FOLDER/model.onnx."""
    from govd.voice.encoder import nemo as runtime

    # NeMo reads a path. What it gets is what is kept, whatever became of the first child's own copy.
    copy = folder / "kept.nemo"
    with copy.open("xb") as target:
        shutil.copyfileobj(source, target)
    runtime.export(copy, folder / "model.onnx")
    return {}


_STEPS: Final[dict[str, Callable[[BinaryIO, Path], dict[str, Any]]]] = {
    "onnx": onnx,
    "nemo": nemo,
    "convert": convert,
}


def _prepare(step: str, folder: Path) -> None:
    """Load what the step needs while the interpreter's files can still be read: nobody may not read them."""
    if step == "onnx":
        import numpy as np

        from govd.voice.encoder import onnx as runtime
        from govd.voice.modelstore import onnxfile

        onnxfile.warm_up()
        runtime.prepare()
        # numpy imports it late.
        np.random.default_rng(0)
    elif step == "nemo":
        from govd.voice.modelstore import nemofile

        nemofile.warm_up()
    else:
        from govd.voice.encoder import nemo

        nemo.prepare()
        # NeMo imports as it goes, and the interpreter may lie where nobody may read: so go all the way once,
        # with a model that is ours.
        if os.geteuid() == 0 and OURS.is_file():
            nemo.export(OURS, folder / "rehearsal.onnx")


def main() -> int:
    """Give everything up, look, answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=tuple(_STEPS))
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    sink = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    confine.gain_nothing()
    answer: dict[str, Any] = {"network": not confine.leave_network()}
    try:
        _prepare(chosen.step, chosen.folder)
        confine.limit(**_BOUNDS[chosen.step])
        answer["unprivileged"] = confine.become_nobody() or os.getuid() != 0
        answer |= {"good": True} | _STEPS[chosen.step](sys.stdin.buffer, chosen.folder)
    except Exception as error:  # noqa: BLE001 - whatever a file brings a reader to raise, it is refused
        answer |= {"good": False, "why": " ".join(str(error).split())[:500] or type(error).__name__}
    sink.write(json.dumps(answer) + "\n")
    sink.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
