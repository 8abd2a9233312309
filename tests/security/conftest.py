"""One house for a module of attacks: a govd, two agents, an executor and an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.security.house import House
from tests.support.govd_process import GovdProcess

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running govd with everybody who knocks at it."""
    root = tmp_path_factory.mktemp("house")
    with GovdProcess(root) as govd:
        made = House.furnish(govd)
        yield made
        made.close()
