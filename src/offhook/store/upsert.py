"""Insert many rows, or replace them by primary key, in the words of either database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

# Parameters by their place, not by name.
_BY_PLACE: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": postgresql.dialect(paramstyle="format"),  # type: ignore[no-untyped-call] # theirs
}


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; where the primary key exists, replace every other column.

    Every row must give every column of the table.
    """
    if not rows:
        return
    statement = _statement(table, connection.dialect.name)
    connection.execute(statement, rows)


def compiled_upsert(table: Table, *columns: str) -> Mapping[str, str]:
    """Give the statement in the words of each database by its name, for tuples of the columns.

    For rows that come by thousands: executed by the driver itself it costs a third.
    """
    return {
        name: str(_statement(table, name).compile(dialect=dialect, column_keys=list(columns)))
        for name, dialect in _BY_PLACE.items()
    }


ROWS_AT_ONCE = 256
"""With 14 columns far below what SQLite (32,766) and PostgreSQL (65,535) take."""

_CHUNKS = tuple(ROWS_AT_ONCE >> half for half in range(ROWS_AT_ONCE.bit_length()))
"""Rows in one statement: few sizes, which the driver knows, and few statements for any number."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows; each has all columns of the table in their order, as the driver takes them."""
    put_rows(connection, _insert_of(table, connection.dialect.name), rows)


@lru_cache
def _insert_of(table: Table, database: str) -> str:
    return str(insert(table).compile(dialect=_BY_PLACE[database]))


def put_rows(connection: Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Execute an INSERT of one row, as compiled, for many rows in few statements.

    The driver gives up the interpreter's lock and takes it again for each statement, and whoever
    serves phones at that moment pays for it too; with a row each that is half the cost of a row.
    """
    begin, _, rest = statement.partition(" VALUES ")
    row, closing, end = rest.partition(")")
    place = 0
    for size in _CHUNKS:
        text = f"{begin} VALUES {', '.join([row + closing] * size)}{end}"
        while len(rows) - place >= size:
            chunk = rows[place : place + size]
            connection.exec_driver_sql(text, tuple(chain.from_iterable(chunk)))
            place += size


def _statement(table: Table, database: str) -> sqlite.Insert | postgresql.Insert:
    keys = [column.name for column in table.primary_key]
    others = [column.name for column in table.columns if not column.primary_key]
    # The two statements share no class in SQLAlchemy although they render alike.
    statement: sqlite.Insert | postgresql.Insert
    statement = postgresql.insert(table) if database == "postgresql" else sqlite.insert(table)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: new[name] for name in others}
    )
