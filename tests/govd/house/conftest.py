"""A govd without its doors, on a state of its own: for what one can see from inside alone."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from govd.founding import Founding, found
from govd.policy import places
from govd.service import Govd
from govd.settings import read_settings
from tests.support.clocks import Times
from tests.support.fixtures import govd_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["govd", "govd_at", "inside"]

PASSPHRASE = b"correct horse battery staple"


@dataclass
class Inside:
    """A state directory, and the govd objects that a test opens on it."""

    root: Path
    stack: contextlib.ExitStack
    times: Times = field(default_factory=Times)

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.root / "state"

    @property
    def operator_dir(self) -> Path:
        """Where ana's key and token are."""
        return self.root / "operator"

    def founding(self, policy: bytes | None = None, policy_path: Path | None = None) -> Founding:
        """What `govd init` would be asked for."""
        return Founding(
            state=self.state,
            operator="ana",
            operator_dir=self.operator_dir,
            passphrase=PASSPHRASE,
            policy=policy or places.default(),
            policy_path=policy_path,
            agent_port=0,
            database=None,
            rounds=1,
        )

    def open(self) -> Govd:
        """A govd on the state, closed at the end of the test at the latest."""
        govd = Govd(self.state, read_settings(self.state), clock=self.times.clock())
        self.stack.callback(govd.close)
        return govd


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Inside]:
    """Nothing is founded yet."""
    with contextlib.ExitStack() as stack:
        yield Inside(tmp_path, stack)


@pytest.fixture
def govd(inside: Inside) -> Govd:
    """A govd on a fresh state with the default policy."""
    found(inside.founding())
    return inside.open()
