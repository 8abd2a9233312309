"""The operator's own files: one that does not serve is told as a lost backend, and ends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from govconsole.session import Session
from govd.contract.errors import GovError
from tests.govconsole.driver import running, screen_text, shows, until
from tests.govconsole.world import job

if TYPE_CHECKING:
    from pathlib import Path

    from govconsole.app import ConsoleApp
    from govconsole.paths import Operator
    from tests.govconsole.fake_backend import FakeBackend


async def test_a_folder_of_heads_that_is_gone_is_a_lost_backend_and_no_crash(
    app: ConsoleApp, backend: FakeBackend, operator: Operator
) -> None:
    backend.put(job("old news"))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        operator.heads.rename(operator.heads.with_name("elsewhere"))
        backend.put(job("more"))
        await shows(pilot, "backend lost", "the operator's own file", "does not serve: No such file")
        operator.heads.with_name("elsewhere").rename(operator.heads)
        await shows(pilot, "held 2")
        await until(pilot, lambda: "backend lost" not in screen_text(app), "the backend again")


@pytest.mark.parametrize("token", ["a folder", "no text"])
async def test_a_token_that_cannot_be_read_is_said(
    app: ConsoleApp, backend: FakeBackend, operator: Operator, token: str
) -> None:
    del backend
    if token == "a folder":
        operator.token_path.unlink()
        operator.token_path.mkdir()
    else:
        operator.token_path.write_bytes(b"\xff\xfe")
    async with running(app) as pilot:
        await shows(pilot, "no backend", "operator's")


async def test_voters_that_cannot_be_remembered_are_not_verified_and_nothing_ends(
    app: ConsoleApp, backend: FakeBackend, session: Session, operator: Operator
) -> None:
    backend.put(job())
    nowhere = operator.directory / "nowhere"
    nowhere.symlink_to(operator.directory / "gone")
    session.known_operators = nowhere / "operators.json"
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        with pytest.raises(GovError, match="the operator's own file"):
            await session.voters()
        assert app.is_running


def test_a_place_that_takes_no_heads_is_refused_by_a_sentence(operator: Operator, state: Path) -> None:
    operator.heads.touch()
    with pytest.raises(GovError, match="the operator's own file"):
        Session.open(operator, state)
