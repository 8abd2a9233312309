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


def test_a_gate_loads_no_command_line_but_its_own_and_whoever_loads_httpx_later_has_all_of_it() -> None:
    lines = (
        "import gc, sys",
        "from govd.contract.startup import loaded",
        "loaded('govgate.cli')",
        "print(sorted({'rich', 'pygments', 'httpx._main'} & set(sys.modules)), gc.isenabled())",
        "import httpx._main",
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[] True\n"
