"""Small works for the ledger, and what they leave behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from govd.audit.model import Entry
from govd.audit.rules import parse
from govd.storage.schema import meta

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from govd.storage.ledger import Ledger, Transaction


def keep(key: str, value: str = "x") -> Callable[[Transaction], int]:
    """Write one row and one entry; the entry's seq."""

    def work(transaction: Transaction) -> int:
        transaction.connection.execute(insert(meta), {"key": key, "value": value})
        return transaction.record(Entry(type="test.kept", actor="govd", details={"length": len(key)}))

    return work


def kept(connection: Connection) -> set[str]:
    """The keys that works have written."""
    return {row[0] for row in connection.execute(select(meta.c.key).where(meta.c.key.like("k%")))}


def in_files(audit: Path) -> list[int]:
    """The seqs that stand in the log's files."""
    lines = b"".join(path.read_bytes() for path in sorted(audit.glob("*.jsonl"))).split(b"\n")
    return [found.seq for line in lines if (found := parse(line)) is not None]


def blocked(ledger: Ledger) -> threading.Event:
    """Keep the writer busy, so that what is queued meanwhile becomes one group."""
    entered, release = threading.Event(), threading.Event()

    def work(_: Transaction) -> None:
        entered.set()
        release.wait(30)

    ledger.submit(work)
    entered.wait(30)
    return release
