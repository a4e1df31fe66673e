"""What phones did over SIP, as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from offhook.core.mac import Mac
from offhook.core.model import SipRecord
from offhook.store.tables import sip_records
from offhook.store.upsert import insert_tuples
from offhook.store.values import from_us, storable, to_us


def write_sip_records(connection: Connection, items: Sequence[SipRecord]) -> None:
    """Append records; their ids go on from the newest stored."""
    newest_id = connection.execute(select(func.max(sip_records.c.id))).scalar() or 0
    rows = [
        (
            newest_id + number,
            to_us(item.at),
            None if item.mac is None else item.mac.plain,
            storable(item.extension),
            item.kind,
            storable(item.source),
            storable(item.user_agent),
            item.status,
            storable(item.detail),
        )
        for number, item in enumerate(items, start=1)
    ]
    insert_tuples(connection, sip_records, rows)


def find_sip_records(
    connection: Connection,
    mac: Mac,
    numbers: Collection[str],
    limit: int,
    before: datetime | None,
) -> list[SipRecord]:
    """Read the newest of a phone, and of its extensions where no phone is known."""
    table = sip_records.c
    nameless = and_(table.mac.is_(None), table.extension.in_(sorted(numbers)))
    statement = select(sip_records).where(or_(table.mac == mac.plain, nameless))
    if before is not None:
        statement = statement.where(table.at_us < to_us(before))
    found = connection.execute(statement.order_by(table.id.desc()).limit(limit)).mappings()
    return [_record_of(row) for row in found]


def _record_of(row: Any) -> SipRecord:
    return SipRecord(
        at=from_us(row["at_us"]),
        mac=None if row["mac"] is None else Mac(int(row["mac"], 16)),
        extension=row["extension"],
        kind=row["kind"],
        source=row["source"],
        user_agent=row["user_agent"],
        status=row["status"],
        detail=row["detail"],
    )
