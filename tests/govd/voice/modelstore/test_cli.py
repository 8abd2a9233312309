"""govd voice model: what the verbs say, and their exit codes."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from govd.cli.voice_model import model
from govd.voice.modelstore.card import DEMO
from tests.govd.voice.modelstore.conftest import nemo
from tests.support import onnxmodel

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def run(state: Path, *argv: str | Path) -> Result:
    done = CliRunner().invoke(model, [str(item) for item in argv], env={"GOVD_STATE": str(state)})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def rows(state: Path) -> dict[str, dict[str, object]]:
    done = run(state, "list", "--json")
    assert done.exit_code == 0
    return {row["id"]: row for row in json.loads(done.stdout)["models"]}


def test_from_import_to_use_and_removal(state, tiny, calibrate):
    assert run(state, "import", tiny).exit_code == 0
    assert rows(state)["tiny"]["state"] == "not calibrated"
    refused = run(state, "use", "tiny")
    assert refused.exit_code == 1
    assert "try: govd voice calibrate tiny" in refused.stderr

    calibrate(state)
    used = run(state, "use", "tiny")

    assert used.exit_code == 0
    assert "accepting from 0.4 on" in used.stderr
    assert rows(state)["tiny"] | {"sha256": ""} == {
        "id": "tiny",
        "active": True,
        "state": "good",
        "runtime": "onnx",
        "runtimes": ["onnx"],
        "dimension": onnxmodel.DIMENSION,
        "threshold": 0.4,
        "low_confidence": 0.5,
        "eer": None,
        "fmr": None,
        "fnmr": None,
        "trials": None,
        "demo": False,
        "sha256": "",
        "source": "tiny.onnx",
    }
    assert run(state, "remove", "tiny").exit_code == 1


@pytest.fixture
def calibrate():
    from govd.voice.modelstore.store import ModelStore

    return lambda state: ModelStore(state).calibrated("tiny", 0.4, 0.5, {})


def test_an_import_says_its_sha256_and_what_comes_next(state, tiny):
    done = run(state, "import", tiny, "--name", "mine", "--json")

    found = json.loads(done.stdout)
    assert found["id"] == "mine"
    assert found["file_sha256"] == found["sha256"]
    assert found["threshold"] is None


@pytest.mark.usefixtures("held")
def test_a_list_is_read_by_people_too(state):
    done = run(state, "list")

    assert "tiny" in done.stdout
    assert "not calibrated" in done.stdout
    assert "nobody can be verified" in done.stderr


@pytest.mark.usefixtures("held")
def test_a_list_says_of_a_changed_file_that_it_was_changed(state):
    (state / "voice" / "models" / "tiny" / "model.onnx").write_bytes(b"changed")

    assert rows(state)["tiny"]["state"] == "its file is not the one that was imported"


def test_a_hostile_file_is_one_line_and_exit_code_1(state, tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(b"no model \x1b[31m")

    done = run(state, "import", path)

    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("error: model.onnx is refused: it is no ONNX model")
    assert "Traceback" not in done.output


def test_a_path_for_a_name_is_refused(state):
    for verb in ("use", "remove"):
        done = run(state, verb, "../../x")
        assert done.exit_code == 1
        assert "no name for a model" in done.stderr


def test_another_suffix_is_usage(state, tmp_path):
    path = tmp_path / "x.pt"
    path.touch()

    assert run(state, "import", path).exit_code == 2


@pytest.mark.skipif(find_spec("nemo") is not None, reason="NeMo is here: make test-nemo converts for real")
def test_without_nemo_a_good_archive_and_a_download_name_what_to_install(state, tmp_path):
    path = tmp_path / "x.nemo"
    path.write_bytes(nemo())

    for done in (run(state, "import", path), run(state, "fetch")):
        assert done.exit_code == 1
        assert "try: pip install 'govconsole[nemo]'" in done.stderr
    assert set(rows(state)) <= {DEMO}
