"""Statements that are compiled once and given to the driver as they are.

SQLAlchemy makes a context, a cursor and a result of its own for each execution, which costs several
times what SQLite does with it. On PostgreSQL it stays in between: there it notices when the
connection broke.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ClauseElement, Connection, Dialect, Table, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

Values = tuple[object, ...]

# Parameters by their place, not by name.
_BY_PLACE: Mapping[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": postgresql.dialect(paramstyle="format"),  # type: ignore[no-untyped-call] # not in its hints
}


def compiled(statement: ClauseElement, database: str) -> str:
    """Give a statement in the words of a database, its values by their place."""
    return str(statement.compile(dialect=_BY_PLACE[database]))


def execute(connection: Connection, text: str, values: Values = ()) -> Any:
    """Execute a statement; gives what its rows can be fetched from."""
    if connection.dialect.name != "sqlite":
        return connection.exec_driver_sql(text, values)
    try:
        return _driver_of(connection).execute(text, values)
    except sqlite3.Error as error:
        raise _told(error, text) from error


def delete_rows(connection: Connection, table: Table, keys: Sequence[Mapping[str, Any]]) -> None:
    """Delete the rows that have these values in these columns, the same in all keys."""
    text = _deletion(table, tuple(keys[0]), connection.dialect.name)
    values = [tuple(key.values()) for key in keys]
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(text, values)
        return
    try:
        _driver_of(connection).executemany(text, values)
    except sqlite3.Error as error:
        raise _told(error, text) from error


@lru_cache(maxsize=32)
def _deletion(table: Table, names: tuple[str, ...], database: str) -> str:
    gone = (table.c[name] == bindparam(f"gone_{name}") for name in names)
    return compiled(delete(table).where(*gone), database)


def _driver_of(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _told(error: sqlite3.Error, text: str) -> Exception:
    """The error that SQLAlchemy makes of a driver's; never with values."""
    return DBAPIError.instance(text, None, error, sqlite3.Error, hide_parameters=True)
