"""What is suspended is resumed, what is renewed does not grow, what was torn or is shared is said."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from govd.anchor import Anchor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.govd_process import GovdProcess


def test_a_suspended_executor_is_resumed(running: GovdProcess) -> None:
    running.agent()
    executor = running.executor()
    running.govd("executors", "suspend", "runner")
    assert executor.http.get("/v1/me").status_code == 401
    running.govd("executors", "resume", "runner")
    assert executor.http.get("/v1/me").status_code == 200


@pytest.mark.threat("T3")
def test_a_renewed_token_lives_no_longer_than_an_operator_gave_it(running: GovdProcess) -> None:
    """A thief renews a short-lived token into a long one."""
    token_file = running.root / "brief.token"
    running.govd("agents", "add", "brief", "--token-file", token_file, "--ttl", "5m")
    brief = running.client("brief", token_file)
    first = datetime.fromisoformat(brief.http.get("/v1/me").json()["token_expires_at"])
    renewed = datetime.fromisoformat(brief.http.post("/v1/me/token").json()["token_expires_at"])
    assert (renewed - first).total_seconds() < 300


def test_a_torn_anchor_is_no_anchor(tmp_path: Path) -> None:
    path = tmp_path / "state.anchor"
    path.write_text("807ee6ce.1.4.ab")
    assert Anchor(path).read() is None


def test_init_narrows_no_folder_that_others_may_enter(running: GovdProcess, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    done = running.govd(
        *("init", "--state", tmp_path / "s", "--operator-dir", shared, "--operator", "bea"),
        *("--passphrase-file", running.passphrase_file),
        expect=1,
    )
    assert b"open to others" in done.stderr
    assert shared.stat().st_mode & 0o777 == 0o755
