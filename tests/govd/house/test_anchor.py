"""What remembers the head: the anchor beside the state, and what clients send back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from govd.audit.model import Entry
from govd.contract.errors import InvalidRequestError
from govd.founding import found

if TYPE_CHECKING:
    from collections.abc import Callable

    from govd.service import Govd
    from tests.govd.house.conftest import Inside


def go_on(govd: Govd) -> None:
    """One more entry in the log."""
    govd.ledger.submit(
        lambda transaction: transaction.record(Entry(type="log.resumed", actor="govd"))
    ).result()


@pytest.mark.threat("T13")
def test_a_halted_govd_leaves_the_anchor_that_halted_it_alone(inside: Inside):
    """A copy is put back and served for a while: the anchor learns the old head and forgets the new."""
    found(inside.founding())
    inside.open().close()
    copy = inside.root / "copy"
    shutil.copytree(inside.state, copy)
    later = inside.open()
    go_on(later)
    later.close()
    anchor = inside.root / "state.anchor"
    remembered = anchor.read_text()
    shutil.rmtree(inside.state)
    copy.rename(inside.state)

    rewound = inside.open()
    assert rewound.ledger.halted is not None
    rewound.tick()
    rewound.close()

    assert anchor.read_text() == remembered


@pytest.mark.threat("T18")
@pytest.mark.parametrize(
    "change",
    [
        lambda head: head.replace(".1.", ".01.", 1),
        lambda head: head.replace(".1.", ".+1.", 1),
        lambda head: head.replace(".1.", ". 1.", 1),
        lambda head: head[:-1] + {"A": "B", "Q": "R", "g": "h", "w": "x"}[head[-1]],
        lambda head: head + "==",
    ],
    ids=["a zero in front", "a sign", "a space", "bits that say nothing", "padding"],
)
def test_a_head_has_one_spelling(govd: Govd, change: Callable[[str], str]):
    """Somebody without a token sends the head that every answer carries in ever new spellings, to be kept."""
    head = govd.heads.current()
    govd.heads.judge(head)

    with pytest.raises(InvalidRequestError):
        govd.heads.judge(change(head))
    assert govd.ledger.halted is None
