"""A verb of `govd` in this process: the same code as the program's, without its start.

Must never hide an error that is none of ours: what a verb raises reaches the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from govd.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.support.govd_process import GovdProcess


def command(govd: GovdProcess, *argv: str | Path) -> Result:
    """Run a verb on the state of that govd: its exit code, what it says and what it shows."""
    env = {"GOVD_STATE": str(govd.state), "GOVCONSOLE_OPERATOR_DIR": str(govd.operator_dir)}
    done = CliRunner().invoke(main, [str(item) for item in argv], env=env)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done
