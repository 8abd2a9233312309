"""Statements of the hot path do what Core would do, on both storages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, or_, select, update

from govd.storage.prepared import Prepared
from govd.storage.schema import jobs, meta

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from govd.storage.ledger import Ledger
    from govd.storage.transaction import Transaction

ADD = Prepared(insert(meta))
BY_KEY = Prepared(select(meta.c.value).where(meta.c.key == bindparam("key_")))
EITHER = Prepared(
    select(meta.c.key)
    .where(or_(meta.c.key == "a", meta.c.key == "b"), meta.c.value == bindparam("value_"))
    .order_by(meta.c.key)
)
CHANGE = Prepared(
    update(meta).where(meta.c.key == bindparam("key_")).values(value=meta.c.value + bindparam("more_"))
)
ADD_JOB = Prepared(insert(jobs))
SEALED = Prepared(select(jobs.c.wrapped_key, jobs.c.parent, jobs.c.calm).where(jobs.c.id == bindparam("id_")))


def test_what_is_written_is_read_back_by_its_parameters(ledger: Ledger) -> None:
    def work(transaction: Transaction) -> None:
        ADD.run_many(transaction.connection, [{"key": "a", "value": "x"}, {"key": "b", "value": "x"}])
        ADD.run(transaction.connection, {"value": "y", "key": "c"})

    ledger.submit(work).result()
    assert ledger.read(lambda c: BY_KEY.first(c, {"key_": "c"})) == ("y",)
    assert ledger.read(lambda c: BY_KEY.first(c, {"key_": "none"})) is None


def test_values_that_the_statement_holds_itself_are_kept(ledger: Ledger) -> None:
    rows = [{"key": key, "value": "x"} for key in "abc"]
    ledger.submit(lambda transaction: ADD.run_many(transaction.connection, rows)).result()
    assert ledger.read(lambda c: EITHER.run(c, {"value_": "x"}).fetchall()) == [("a",), ("b",)]


def test_the_count_of_changed_rows_is_the_drivers(ledger: Ledger) -> None:
    def work(transaction: Transaction) -> tuple[int, int]:
        ADD.run(transaction.connection, {"key": "a", "value": "x"})
        found = CHANGE.run(transaction.connection, {"key_": "a", "more_": "y"}).rowcount
        return found, CHANGE.run(transaction.connection, {"key_": "none", "more_": "y"}).rowcount

    assert ledger.submit(work).result() == (1, 0)
    assert ledger.read(lambda c: BY_KEY.first(c, {"key_": "a"})) == ("xy",)


def test_bytes_and_nulls_come_back_as_they_were(ledger: Ledger) -> None:
    job = {
        "id": "j",
        "agent": "a",
        "state": "processing",
        "parent": None,
        "origin": "user",
        "implicit": 0,
        "wrapped_key": b"\x00\xff",
        "sealed": None,
        "opened_at": 2**60,
        "updated_at": 1,
        "calm": 7,
        "assurance": "advisory",
        "held_until": 2**62,
        "effect": "",
        "kinds": "",
    }
    ledger.submit(lambda transaction: ADD_JOB.run(transaction.connection, job) and None).result()
    assert ledger.read(lambda c: SEALED.first(c, {"id_": "j"})) == (b"\x00\xff", None, 7)


def test_a_reader_sees_one_state_through_several_statements(ledger: Ledger, engine: Engine) -> None:
    def add(key: str) -> None:
        ledger.submit(lambda t: ADD.run(t.connection, {"key": key, "value": "x"}) and None).result()

    def twice(connection: Connection) -> tuple[object, object]:
        before = BY_KEY.first(connection, {"key_": "a"})
        add("b")
        return before, BY_KEY.first(connection, {"key_": "b"})

    add("a")
    with engine.connect() as connection:
        assert twice(connection) == (("x",), None)
