"""Reboot records: statements and row mapping."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from offhook.core.mac import Mac
from offhook.core.model import Reboot, RebootStep
from offhook.store.database import Database
from offhook.store.tables import reboots
from offhook.store.upsert import upsert
from offhook.store.values import from_us, storable, to_us


class SqlRebootStore:
    """Reboots by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_reboot(self, reboot: Reboot) -> None:
        """Insert or replace by id. Raises StoreError."""
        await self._database.run(_put, reboot)

    async def get_reboot(self, reboot_id: str) -> Reboot | None:
        """Give one record, or None."""
        return await self._database.run(_get, reboot_id)

    async def list_reboots(
        self,
        limit: int,
        mac: Mac | None = None,
        extension: str = "",
        before: datetime | None = None,
    ) -> list[Reboot]:
        """Give records newest first, of one device or extension or all, asked before a moment."""
        return await self._database.run(_list, limit, mac, extension, before)


def _put(connection: Connection, reboot: Reboot) -> None:
    row = {
        "id": reboot.id,
        "mac": None if reboot.mac is None else reboot.mac.plain,
        "extension": reboot.extension,
        "contact": storable(reboot.contact),
        "vendor": reboot.vendor,
        "event": reboot.event,
        "reason": reboot.reason,
        "asked_by": reboot.asked_by,
        "asked_us": to_us(reboot.asked_at),
        "step": reboot.step.value,
        "steps": {step.value: to_us(moment) for step, moment in reboot.steps.items()},
        "sip_code": reboot.sip_code,
        "sip_reason": storable(reboot.sip_reason),
        "was_challenged": reboot.was_challenged,
        "fault": reboot.fault,
        "detail": storable(reboot.detail),
    }
    upsert(connection, reboots, [row])


def _get(connection: Connection, reboot_id: str) -> Reboot | None:
    row = connection.execute(select(reboots).where(reboots.c.id == reboot_id)).mappings().first()
    return None if row is None else _reboot_of(row)


def _list(
    connection: Connection,
    limit: int,
    mac: Mac | None,
    extension: str,
    before: datetime | None,
) -> list[Reboot]:
    statement = select(reboots)
    if before is not None:
        statement = statement.where(reboots.c.asked_us < to_us(before))
    if mac is not None:
        statement = statement.where(reboots.c.mac == mac.plain)
    if extension:
        statement = statement.where(reboots.c.extension == extension)
    newest_first = statement.order_by(reboots.c.asked_us.desc(), reboots.c.id.desc()).limit(limit)
    return [_reboot_of(row) for row in connection.execute(newest_first).mappings()]


def _reboot_of(row: Any) -> Reboot:
    return Reboot(
        id=row["id"],
        mac=None if row["mac"] is None else Mac(int(row["mac"], 16)),
        extension=row["extension"],
        contact=row["contact"],
        vendor=row["vendor"],
        event=row["event"],
        reason=row["reason"],
        asked_by=row["asked_by"],
        asked_at=from_us(row["asked_us"]),
        step=RebootStep(row["step"]),
        steps={RebootStep(step): from_us(moment) for step, moment in row["steps"].items()},
        sip_code=row["sip_code"],
        sip_reason=row["sip_reason"],
        was_challenged=row["was_challenged"],
        fault=row["fault"],
        detail=row["detail"],
    )
