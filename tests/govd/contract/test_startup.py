"""Programs start by their names and as modules, and the collector works once they are loaded."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from govd.contract.startup import loaded


@pytest.mark.parametrize("program", ["govd", "govgate", "govconsole"])
def test_a_program_runs_as_a_module_under_its_own_name(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", program, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: {program} ")


def test_what_is_not_there_leaves_the_collector_as_it_was() -> None:
    with pytest.raises(ModuleNotFoundError):
        loaded("govd.no_such_room")
    assert gc.isenabled()
