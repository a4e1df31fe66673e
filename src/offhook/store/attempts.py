"""Attempts as rows: statements and row mapping of the journal's largest table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from offhook.actions.ports import AttemptQuery
from offhook.core.mac import Mac
from offhook.core.model import Attempt, OutcomeKind
from offhook.store.tables import attempts
from offhook.store.upsert import put_rows
from offhook.store.values import from_us, storable, to_us

Tally = Counter[tuple[bool, bool]]
"""How many attempts there are of each (is_success, is_test)."""


# Rendered once and executed by the driver itself: with 28 columns SQLAlchemy's own handling of
# the values takes as long as the database does, for every attempt.
_INSERT = {
    dialect.name: str(insert(attempts).compile(dialect=dialect))
    for dialect in (
        sqlite.dialect(paramstyle="qmark"),
        postgresql.dialect(paramstyle="format"),  # type: ignore[no-untyped-call] # not in its hints
    )
}


def tally_of(items: Sequence[Attempt]) -> Tally:
    """Count attempts by success and test."""
    return Counter((attempt.is_success, attempt.is_test) for attempt in items)


def count_attempts(connection: Connection) -> Tally:
    """Count all attempts stored; reads one index from end to end."""
    statement = select(attempts.c.is_success, attempts.c.is_test, func.count()).group_by(
        attempts.c.is_success, attempts.c.is_test
    )
    return Counter(
        {
            (is_success, is_test): number
            for is_success, is_test, number in connection.execute(statement)
        }
    )


def write_attempts(connection: Connection, items: Sequence[Attempt]) -> None:
    """Append attempts; their ids go on from the newest stored."""
    newest_id = connection.execute(select(func.max(attempts.c.id))).scalar() or 0
    put_rows(
        connection,
        _INSERT[connection.dialect.name],
        [_row_of(newest_id + number, attempt) for number, attempt in enumerate(items, start=1)],
    )


def find_attempts(connection: Connection, query: AttemptQuery) -> list[Attempt]:
    """Read one page, newest first."""
    statement = (
        _matching(select(attempts), query)
        .order_by(attempts.c.id.desc())
        .limit(query.limit)
        .offset(query.offset)
    )
    return [_attempt_of(row._mapping) for row in connection.execute(statement)]


def attempts_between(connection: Connection, first_id: int, last_id: int) -> list[Attempt]:
    """Read attempts by their ids, oldest first."""
    chosen = select(attempts).where(attempts.c.id.between(first_id, last_id))
    rows = connection.execute(chosen.order_by(attempts.c.id))
    return [_attempt_of(row._mapping) for row in rows]


def count_matching(connection: Connection, query: AttemptQuery) -> int:
    """Count what a query matches without its page."""
    total: int = connection.execute(_matching(select(func.count()), query)).scalar_one()
    return total


def _matching(statement: Select[Any], query: AttemptQuery) -> Select[Any]:
    statement = statement.select_from(attempts)
    if query.mac is not None:
        statement = statement.where(attempts.c.mac == query.mac.plain)
    if query.is_success is not None:
        statement = statement.where(attempts.c.is_success == query.is_success)
    if query.before is not None:
        statement = statement.where(attempts.c.at_us < to_us(query.before))
    return statement


def _row_of(row_id: int, attempt: Attempt) -> tuple[object, ...]:
    """Give the values in the order of the table's columns."""
    return (
        row_id,
        to_us(attempt.at),
        attempt.request_id,
        attempt.transport,
        storable(attempt.method),
        storable(attempt.path),
        storable(attempt.address),
        storable(attempt.user_agent),
        storable(attempt.mac_text),
        None if attempt.mac is None else attempt.mac.plain,
        storable(attempt.file),
        attempt.kind.value,
        attempt.status,
        attempt.fault,
        storable(attempt.error),
        storable(attempt.hint),
        ",".join(attempt.notices),
        attempt.vendor,
        storable(attempt.model),
        storable(attempt.firmware),
        attempt.extension,
        storable(attempt.extension_name),
        attempt.size_bytes,
        attempt.digest,
        attempt.content_type,
        attempt.is_device_file,
        attempt.is_test,
        attempt.is_success,
    )


def _attempt_of(row: Any) -> Attempt:
    return Attempt(
        request_id=row["request_id"],
        at=from_us(row["at_us"]),
        transport=row["transport"],
        method=row["method"],
        path=row["path"],
        address=row["address"],
        user_agent=row["user_agent"],
        mac_text=row["mac_text"],
        mac=None if row["mac"] is None else Mac(int(row["mac"], 16)),
        file=row["file"],
        kind=OutcomeKind(row["kind"]),
        status=row["status"],
        fault=row["fault"],
        error=row["error"],
        hint=row["hint"],
        notices=tuple(row["notices"].split(",")) if row["notices"] else (),
        vendor=row["vendor"],
        model=row["model"],
        firmware=row["firmware"],
        extension=row["extension"],
        extension_name=row["extension_name"],
        size_bytes=row["size_bytes"],
        digest=row["digest"],
        content_type=row["content_type"],
        is_device_file=row["is_device_file"],
        is_test=row["is_test"],
    )
