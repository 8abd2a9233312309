"""Tokens and passphrases on the command line: a file that cannot be is said, and wastes nothing."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.govd_process import GovdProcess


def test_a_token_that_cannot_be_kept_does_not_waste_its_executors_name(served: GovdProcess):
    blocked = served.root / "passphrase" / "runner.token"
    words = ("executors", "add", "runner", "--agent", "bot", "--passphrase-file", served.passphrase_file)

    refused = served.govd(*words, "--token-file", blocked, expect=2).stderr.decode()
    served.govd(*words, "--token-file", served.root / "runner.token")

    assert "cannot be written" in refused
    assert "Traceback" not in refused
    assert stat.S_IMODE((served.root / "runner.token").stat().st_mode) == 0o600


def test_an_executor_that_is_refused_leaves_no_token_behind(served: GovdProcess):
    folder = served.root / "tokens"
    served.executor("other")
    again = ("executors", "add", "other", "--agent", "bot", "--passphrase-file", served.passphrase_file)
    before = {path: path.read_bytes() for path in folder.iterdir()}

    served.govd(*again, "--token-file", folder / "other.token", expect=1)

    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_passphrase_file_that_is_not_there_is_said(served: GovdProcess):
    missing = served.root / "none"

    refused = served.govd(
        "operators", "remove", "ana", "--passphrase-file", missing, expect=2
    ).stderr.decode()

    assert str(missing) in refused
    assert "Traceback" not in refused
