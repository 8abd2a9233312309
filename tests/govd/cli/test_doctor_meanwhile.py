"""`govd doctor` beside a govd that serves: what happens while it looks is no finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govd.cli.examination_record import of_the_record
from govd.settings import Layout
from tests.fault.house import House, found_state, load_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POST = {"kind": "tool_call", "action": {"tool": "post.note", "arguments": {}}}


class Busy(Layout):
    """A state in which something happens between two looks at it."""

    meanwhile: Callable[[], None] | None = None

    @property
    def keys(self) -> Path:
        if self.meanwhile is not None:
            self.meanwhile()
        return self._keys

    @keys.setter
    def keys(self, path: Path) -> None:
        self._keys = path


def test_what_is_decided_while_the_doctor_looks_is_no_log_that_went_back(tmp_path: Path):
    house = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    house.govd.tick()
    layout = Busy(house.govd.layout.state)

    def decide() -> None:
        house.submit("ada", POST)
        house.govd.tick()

    layout.meanwhile = decide
    findings = of_the_record(layout, house.govd.settings)
    house.close()

    assert [item.level for item in findings if item.subject == "anchor"] == ["ok"]
