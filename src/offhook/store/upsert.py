"""Insert rows, or replace them by primary key, in the words of either database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

from offhook.store.driver import compiled, execute


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; where the primary key exists, replace every other column.

    Every row must give every column of the table, and no two rows the same key.
    """
    statement = _compiled(table, connection.dialect.name, is_upsert=True)
    put_rows(connection, statement, _tuples(connection.dialect, table, rows))


def insert_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows, each with every column of the table."""
    statement = _compiled(table, connection.dialect.name, is_upsert=False)
    put_rows(connection, statement, _tuples(connection.dialect, table, rows))


def insert_tuples(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows; each has all columns of the table in their order, as the driver takes them."""
    put_rows(connection, _compiled(table, connection.dialect.name, is_upsert=False), rows)


def upsert_tuples(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Do as `upsert` with such rows, for those that come by thousands."""
    put_rows(connection, _compiled(table, connection.dialect.name, is_upsert=True), rows)


ROWS_AT_ONCE = 256
"""With 14 columns far below what SQLite (32,766) and PostgreSQL (65,535) take."""

_CHUNKS = tuple(ROWS_AT_ONCE >> half for half in range(ROWS_AT_ONCE.bit_length()))
"""Rows in one statement: few sizes, which the driver knows, and few statements for any number."""


def put_rows(connection: Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Execute an INSERT of one row, as compiled, for many rows in few statements.

    The driver gives up the interpreter's lock and takes it again for each statement, and whoever
    serves phones at that moment pays for it too; with a row each that is half the cost of a row.
    """
    place = 0
    for size in _CHUNKS:
        while len(rows) - place >= size:
            chunk = rows[place : place + size]
            text = _of_many(statement, size)
            execute(connection, text, tuple(chain.from_iterable(chunk)))
            place += size


@lru_cache(maxsize=256)
def _of_many(statement: str, size: int) -> str:
    begin, _, rest = statement.partition(" VALUES ")
    row, closing, end = rest.partition(")")
    return f"{begin} VALUES {', '.join([row + closing] * size)}{end}"


@lru_cache(maxsize=64)  # of each table of ours: building a statement costs more than executing it
def _compiled(table: Table, database: str, *, is_upsert: bool) -> str:
    return compiled(_statement(table, database, is_upsert=is_upsert), database)


def _tuples(
    dialect: Dialect, table: Table, rows: Iterable[Mapping[str, Any]]
) -> list[tuple[object, ...]]:
    """Give each row's values in the order of the columns, as the driver takes them."""
    ways = _ways(dialect, table)
    return [
        tuple(row[name] if way is None else way(row[name]) for name, way in ways) for row in rows
    ]


@lru_cache(maxsize=64)
def _ways(dialect: Dialect, table: Table) -> list[tuple[str, Callable[[Any], object] | None]]:
    """How the values of each column become the driver's, which SQLAlchemy does by their type."""
    return [
        (column.name, column.type.dialect_impl(dialect).bind_processor(dialect))
        for column in table.columns
    ]


def _statement(
    table: Table, database: str, *, is_upsert: bool
) -> sqlite.Insert | postgresql.Insert:
    keys = [column.name for column in table.primary_key]
    others = [column.name for column in table.columns if not column.primary_key]
    # The two statements share no class in SQLAlchemy although they render alike.
    statement: sqlite.Insert | postgresql.Insert
    statement = postgresql.insert(table) if database == "postgresql" else sqlite.insert(table)
    if not is_upsert:
        return statement
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: new[name] for name in others}
    )
