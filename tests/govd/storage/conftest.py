from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from govd.storage.engine import make_engine, parse_url
from govd.storage.ledger import Ledger
from tests.support.clocks import Times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from tests.conftest import Database


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def open_ledger(database: Database, times: Times) -> Iterator[Callable[..., Ledger]]:
    """Open the ledger on the test's database; what is still open at the end is closed."""
    with contextlib.ExitStack() as stack:

        def open_(**options: Any) -> Ledger:
            options = {
                "url": database.url,
                "audit_dir": database.audit,
                "clock": times.clock(),
                **options,
            }
            ledger = Ledger.open(**options)
            stack.callback(ledger.close)
            return ledger

        yield open_


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    """A reader of the test's database, beside the ledger."""
    engine = make_engine(parse_url(database.url), writer=False)
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    return open_ledger()
