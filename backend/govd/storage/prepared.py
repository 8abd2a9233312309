"""Statements of the hot path: written in SQLAlchemy Core, compiled once a dialect, run by the driver itself.

Core's own work at each execution is about 25 µs, the driver's about 5 (measured on SQLite). Must never
be given values that need a type's help on their way: strings, integers, bytes and None, as the schema has.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Insert, Select, Update

    Values = Mapping[str, Any]
    _Bind = Callable[[Values], Any]


class Prepared:
    """A statement whose parameters are named by `bindparam`, or by an insert's columns: all of them.

    No `IN (…)`: its list would have to be spelled out at each execution.
    """

    def __init__(self, statement: Select[Any] | Insert | Update) -> None:
        self._statement = statement
        self._forms: dict[str, tuple[str, _Bind]] = {}

    def run(self, connection: Connection, values: Values) -> Any:  # noqa: ANN401 - either driver's cursor
        """Execute; the driver's cursor, for `fetchone`, `fetchall` and `rowcount`."""
        text, bind = self._forms.get(connection.dialect.name) or self._compile(connection)
        return _driver(connection).execute(text, bind(values))

    def run_many(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Execute once for each row."""
        text, bind = self._forms.get(connection.dialect.name) or self._compile(connection)
        _driver(connection).cursor().executemany(text, [bind(row) for row in rows])

    def first(self, connection: Connection, values: Values) -> tuple[Any, ...] | None:
        """The first row, in the order of the statement's columns."""
        row: tuple[Any, ...] | None = self.run(connection, values).fetchone()
        return row

    def _compile(self, connection: Connection) -> tuple[str, _Bind]:
        compiled: Any = self._statement.compile(dialect=connection.dialect)
        literals = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        found = compiled.string, _binder(compiled.positiontup, literals)
        self._forms[connection.dialect.name] = found
        return found


def _binder(order: Sequence[str] | None, literals: Values) -> _Bind:
    """How values become what the driver takes: a tuple where parameters have places, else a mapping."""
    if order is None:
        return lambda values: {**literals, **values}
    if len(order) == 1 and not literals:
        name = order[0]
        return lambda values: (values[name],)
    pick = itemgetter(*order)
    if literals:
        return lambda values: pick({**literals, **values})
    return pick


def _driver(connection: Connection) -> Any:  # noqa: ANN401 - either driver's connection
    """The driver's connection, in the transaction that Core would have begun by itself."""
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.driver_connection
