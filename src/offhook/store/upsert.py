"""Insert or replace by primary key, in the words of either database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; where the primary key exists, replace every other column.

    Every row must give every column of the table.
    """
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    others = [column.name for column in table.columns if not column.primary_key]
    # The two statements share no class in SQLAlchemy although they render alike.
    statement: sqlite.Insert | postgresql.Insert
    if connection.dialect.name == "postgresql":
        statement = postgresql.insert(table)
    else:
        statement = sqlite.insert(table)
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys, set_={name: new[name] for name in others}
        ),
        rows,
    )
