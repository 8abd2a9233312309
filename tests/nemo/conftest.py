"""NeMo for real. Collected where NeMo is installed alone: `make test-nemo` makes .venv-nemo for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from govd.voice.modelstore.store import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

HERE = find_spec("nemo") is not None
collect_ignore_glob = [] if HERE else ["test_*.py"]


@dataclass(frozen=True)
class Demo:
    """The demo's model as it is shipped."""

    nemo: Path
    onnx: Path
    card: dict[str, Any]


@pytest.fixture(scope="session")
def demo() -> Demo:
    """The files that lie beside govd."""
    name = "titanet-demo"
    card = json.loads((SHIPPED / f"{name}.json").read_text(encoding="utf-8"))
    return Demo(SHIPPED / f"{name}.nemo", SHIPPED / f"{name}.onnx", card)


@pytest.fixture(scope="session")
def restored(demo: Demo) -> Any:
    """NeMo's own model of that file."""
    from govd.voice.encoder import nemo

    return nemo.restored(demo.nemo)
