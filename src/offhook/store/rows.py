"""Rows of a large table, as the driver gives them, a thousand at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select

_AT_ONCE = 1000


def rows_of(connection: Connection, statement: Select[Any]) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a statement, each as a tuple.

    SQLAlchemy would make a row of its own of each, which takes as long as reading it. So no type
    of a column is converted: for texts and numbers, which need none, and truths, which are 0 and 1
    on SQLite.
    """
    with connection.execute(statement) as result:
        cursor = result.cursor
        while cursor is not None and (rows := cursor.fetchmany(_AT_ONCE)):
            yield from rows
