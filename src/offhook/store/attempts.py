"""Attempts as rows: statements and row mapping of the journal's largest table.

What is alike in equal requests is stored once, as a shape; a row of its own has what differs. A
phone asks for the same in the same way for years.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from offhook.actions.ports import AttemptQuery
from offhook.core.mac import Mac
from offhook.core.model import Again, Attempt, OutcomeKind, Shape
from offhook.store.tables import BLOCK_ROWS, attempt_shapes, attempts
from offhook.store.upsert import insert_tuples
from offhook.store.values import from_us, storable, to_us

Tally = Counter[tuple[bool, bool]]
"""How many attempts there are of each (is_success, is_test)."""

SHAPES_KEPT = 65_536
"""Shapes remembered to be referred to; refusals are not, for strangers could make any number."""

REUSED_ROWS = 250_000
"""How far before a row its shape may be stored: so old ones can go without looking for users."""

_BLOCKS_A_STATEMENT = 500

Stored = tuple[int, str | None, bool, bool]
"""The id of a shape, and what of it stands in each row as well: MAC, is_success, is_test."""

Shapes = dict[Shape, Stored]
"""The shapes stored lately."""


_JOINED = select(attempts, attempt_shapes).join_from(
    attempts, attempt_shapes, attempts.c.shape == attempt_shapes.c.id
)


def tally_of(items: Sequence[Again]) -> Tally:
    """Count attempts by success and test."""
    return Counter((item.first.is_success, item.first.is_test) for item in items)


def count_attempts(connection: Connection) -> Tally:
    """Count all attempts stored; reads small indexes from end to end."""
    is_success, is_test = attempts.c.is_success, attempts.c.is_test
    statement = (
        select(is_success, is_test, func.count())
        .where(or_(~is_success, is_test))
        .group_by(is_success, is_test)
    )
    found: Tally = Counter(
        {(one, other): number for one, other, number in connection.execute(statement)}
    )
    total: int = connection.execute(select(func.count()).select_from(attempts)).scalar_one()
    usual = total - found.total()
    return found + Counter({(True, False): usual})


def write_attempts(connection: Connection, items: Sequence[Again], shapes: Shapes) -> None:
    """Append attempts; their ids go on from the newest stored. `shapes` is kept by the caller."""
    newest_id = connection.execute(select(func.max(attempts.c.id))).scalar() or 0
    rows, new = [], []
    for row_id, item in enumerate(items, start=newest_id + 1):
        first, request_id, at, address = item
        shape = shapes.get(first.shape)
        if shape is None or row_id - shape[0] > REUSED_ROWS:
            shape = row_id, first.mac_plain or None, first.is_success, first.is_test
            new.append(_shape_row(row_id, first))
            if first.is_success:
                _remember(shapes, first, shape)
        shape_id, mac, is_success, is_test = shape
        place = shape_id, mac, row_id // BLOCK_ROWS, is_success, is_test
        rows.append((row_id, to_us(at), request_id, storable(address), *place))
    try:
        insert_tuples(connection, attempt_shapes, new)
        insert_tuples(connection, attempts, rows)
    except BaseException:
        shapes.clear()  # whoever goes on after this may have undone them
        raise


def find_attempts(connection: Connection, query: AttemptQuery) -> list[Attempt]:
    """Read one page, newest first."""
    wanted = query.offset + query.limit
    statement = _matching(_JOINED, query).order_by(attempts.c.id.desc())
    if query.mac is None:
        found = connection.execute(statement.limit(query.limit).offset(query.offset)).all()
        return [_attempt_of(row._mapping) for row in found]
    rows: list[Any] = []
    for piece in _of_mac(connection, statement, query.mac):
        rows += connection.execute(piece.limit(wanted - len(rows)))
        if len(rows) >= wanted:
            break
    return [_attempt_of(row._mapping) for row in rows[query.offset :]]


def attempts_between(connection: Connection, first_id: int, last_id: int) -> list[Attempt]:
    """Read attempts by their ids, oldest first."""
    chosen = _JOINED.where(attempts.c.id.between(first_id, last_id))
    rows = connection.execute(chosen.order_by(attempts.c.id))
    return [_attempt_of(row._mapping) for row in rows]


def count_matching(connection: Connection, query: AttemptQuery) -> int:
    """Count what a query matches without its page."""
    statement = _matching(select(func.count()).select_from(attempts), query)
    if query.mac is None:
        return int(connection.execute(statement).scalar_one())
    pieces = _of_mac(connection, statement, query.mac)
    return sum(connection.execute(piece).scalar_one() for piece in pieces)


def _of_mac(connection: Connection, statement: Select[Any], mac: Mac) -> Iterator[Select[Any]]:
    """Give the statement for the attempts of one phone, the newest first, in a few pieces.

    The index by phone is one for each block of rows: what is written together is stored together,
    where one index over all would change as many of its pages as there are phones.
    """
    ends = connection.execute(select(func.min(attempts.c.id), func.max(attempts.c.id))).one()
    oldest, newest = (int(end or 0) // BLOCK_ROWS for end in ends)
    for last in range(newest, oldest - 1, -_BLOCKS_A_STATEMENT):
        blocks = range(max(oldest, last - _BLOCKS_A_STATEMENT + 1), last + 1)
        yield statement.where(and_(attempts.c.block.in_(blocks), attempts.c.mac == mac.plain))


def _matching(statement: Select[Any], query: AttemptQuery) -> Select[Any]:
    if query.is_success is not None:
        is_success = attempts.c.is_success
        statement = statement.where(is_success if query.is_success else ~is_success)
    if query.before is not None:
        statement = statement.where(attempts.c.at_us < to_us(query.before))
    return statement


def _remember(shapes: Shapes, first: Attempt, shape: Stored) -> None:
    shapes.pop(first.shape, None)
    shapes[first.shape] = shape
    if len(shapes) > SHAPES_KEPT:
        del shapes[next(iter(shapes))]


def _shape_row(row_id: int, attempt: Attempt) -> tuple[object, ...]:
    """Give the values in the order of the table's columns."""
    return (
        row_id,
        attempt.transport,
        storable(attempt.method),
        storable(attempt.path),
        storable(attempt.user_agent),
        storable(attempt.mac_text),
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
