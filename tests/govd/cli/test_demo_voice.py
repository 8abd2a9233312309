"""govd init --demo-voice: the one way to a state in which the demo's model may be used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from govd.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def run(*argv: str | Path) -> Result:
    done = CliRunner().invoke(main, [str(item) for item in argv])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def founded(folder: Path, *more: str) -> Path:
    (folder / "passphrase").write_text("of nothing", encoding="ascii")
    state = folder / "state"
    options = ["--state", state, "--operator", "ana", "--operator-dir", folder / "operator"]
    done = run("init", *options, "--passphrase-file", folder / "passphrase", *more)
    assert done.exit_code == 0, done.stderr
    return state


def models(state: Path) -> dict[str, dict[str, object]]:
    return {
        row["id"]: row
        for row in json.loads(run("voice", "model", "list", "--state", state, "--json").stdout)["models"]
    }


def test_a_demos_state_has_the_demos_model_in_use(tmp_path):
    state = founded(tmp_path, "--demo-voice")

    assert models(state)["titanet-demo"]["active"]
    assert models(state)["titanet-demo"]["state"] == "good"


def test_any_other_state_has_none_and_refuses_it(tmp_path):
    state = founded(tmp_path)

    refused = run("voice", "model", "use", "titanet-demo", "--state", state)

    assert refused.exit_code == 1
    assert "verifies nobody" in refused.stderr
    assert "try: govd voice model fetch titanet_large" in refused.stderr
    assert models(state)["titanet-demo"]["state"] == "for the demo alone"
    assert not models(state)["titanet-demo"]["active"]
