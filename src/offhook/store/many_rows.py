"""Many rows in one statement: a driver gives up the interpreter's lock for each, which costs more.

With a row each, a busy event loop and the database thread take the lock from one another at every
row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

from sqlalchemy import Connection, Dialect, Table, insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

ROWS_AT_ONCE = 100
"""With 14 columns far below what SQLite (32,766) and PostgreSQL (65,535) take."""

Row = tuple[object, ...]

# Parameters by their place, not by name.
_BY_PLACE: dict[str, Dialect] = {
    "sqlite": SQLiteDialect_pysqlite(paramstyle="qmark"),
    "postgresql": PGDialect_psycopg(paramstyle="format"),  # type: ignore[no-untyped-call] # theirs
}


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; each has all columns of the table in their order, as the driver takes them."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        text = _statement(connection.dialect.name, table, len(some))
        connection.exec_driver_sql(text, tuple(chain.from_iterable(some)))


@lru_cache(maxsize=4 * ROWS_AT_ONCE)
def _statement(backend: str, table: Table, rows: int) -> str:
    values = [dict.fromkeys(table.columns.keys()) for _ in range(rows)]
    return str(insert(table).values(values).compile(dialect=_BY_PLACE[backend]))
