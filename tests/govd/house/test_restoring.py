"""What survives when a state is put back, and what must not."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.govd_process import GovdProcess


@pytest.mark.threat("T13")
def test_what_was_held_when_the_copy_was_made_cannot_be_approved_and_run_once_more(
    govd_at: Callable[..., GovdProcess],
):
    """A hold was approved and its action ran; the copy from before shows it as waiting."""
    govd = govd_at()
    agent = govd.agent()
    action = {"kind": "tool_call", "action": {"tool": "email.send", "arguments": {}}}
    held = agent.http.post("/v1/intents", json=action).json()
    assert held["state"] == "held"
    govd.stop()
    shutil.copytree(govd.state, govd.root / "copy", symlinks=True)
    govd.serve()
    govd.operator().approve(held["job"])
    govd.stop()
    shutil.rmtree(govd.state)
    shutil.copytree(govd.root / "copy", govd.state, symlinks=True)

    govd.govd("restore", "--as", "ana", "--passphrase-file", govd.passphrase_file)
    govd.serve()

    again = govd.client("bot", agent.token_file)
    assert again.http.get(f"/v1/intents/{held['id']}").json()["state"] == "revoked"
    operator = govd.operator()
    assert operator.open(held["job"]).hold is None
    assert operator.queue().total == 0
