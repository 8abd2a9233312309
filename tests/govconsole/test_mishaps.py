"""Mishaps with the vote key: what goes wrong is said, and tells nobody the passphrase."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from govconsole.client.votekeys import KeyRing
from govconsole.screens.passphrase import PassphraseDialog
from govd.contract import votekey
from govd.contract.errors import ForbiddenError
from tests.govconsole.conftest import PASSPHRASE
from tests.govconsole.driver import running, screen_text, shows, until

if TYPE_CHECKING:
    from pathlib import Path

    from govconsole.app import ConsoleApp
    from govconsole.paths import Operator
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend


class BrokenKeys(KeyRing):
    """Has a mistake of ours in it."""

    def unlock(self, passphrase: str) -> None:
        held = passphrase.upper()
        raise RuntimeError(f"a mistake over {len(held)} letters \x1b]52;c;cHdu\x07")


@pytest.mark.threat("T17")
async def test_a_crash_prints_no_passphrase_and_nothing_that_a_terminal_obeys(
    app: ConsoleApp,
    backend: FakeBackend,
    operator: Operator,
    clock: FakeClock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The app that ends by a mistake says where, and not with which values."""
    del backend
    with pytest.raises(Exception, match="a mistake over"):  # noqa: PT012 - the pilot raises it at its end
        async with running(app) as pilot:
            await app.push_screen(PassphraseDialog(BrokenKeys(operator.key_path, clock), "anna", clock))
            await shows(pilot, "Passphrase")
            clock.advance(1)
            await pilot.press(*PASSPHRASE, "enter")
            await until(pilot, lambda: not app.is_running, "the end")
    said = capsys.readouterr().err
    assert "RuntimeError: a mistake over" in said
    assert "unlock" in said
    assert PASSPHRASE.lower() not in said.lower()
    assert "\x1b]" not in said
    assert "\x07" not in said


async def test_a_key_that_cannot_be_read_is_said_and_asked_again(
    app: ConsoleApp, backend: FakeBackend, operator: Operator, clock: FakeClock
) -> None:
    del backend
    async with running(app) as pilot:
        await app.push_screen(PassphraseDialog(KeyRing(operator.directory, clock), "anna", clock))
        await shows(pilot, "Passphrase")
        clock.advance(1)
        await pilot.press(*PASSPHRASE, "enter")
        await shows(pilot, "cannot be read")
        assert PASSPHRASE not in screen_text(app)


def test_a_key_under_a_cipher_that_is_not_known_does_not_open(tmp_path: Path) -> None:
    key = tmp_path / "anna.key"
    votekey.write(key, votekey.generate(), b"x")
    lines = key.read_text(encoding="ascii").splitlines()
    raw = base64.b64decode("".join(lines[1:-1])).replace(b"aes256-ctr", b"aes999-ctr")
    key.write_text("\n".join([lines[0], base64.b64encode(raw).decode(), lines[-1], ""]), encoding="ascii")
    with pytest.raises(ForbiddenError, match="does not open"):
        votekey.load(key, b"x")
