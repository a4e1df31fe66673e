"""Reboot records: who may write them, and the statements."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql

from offhook.core.mac import Mac
from offhook.core.model import Reboot, RebootStep
from offhook.store.database import Database
from offhook.store.lease import holds
from offhook.store.reboot_rows import reboot_of, row_of
from offhook.store.shared import Shared, Turn, log_entries, take_turn
from offhook.store.tables import reboots
from offhook.store.upsert import upsert
from offhook.store.values import to_us

_OPEN = tuple(
    step.value
    for step in RebootStep
    if step not in (RebootStep.FAILED, RebootStep.NOT_FETCHED, RebootStep.REGISTERED)
)


class SqlRebootStore:
    """Reboots by id. Of several nodes the one that leads keeps them; the others add new ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_reboots(self, records: Sequence[Reboot]) -> None:
        """Insert or replace by id; a node that does not lead only adds. Raises StoreError."""
        await self._database.run(_put, tuple(records), self._database.shared)

    async def claim_reboot(self, reboot: Reboot, at: datetime) -> bool:
        """Take an order to send it, durably; False when another node did, or leads now.

        Without other nodes there is nothing to take. Raises StoreError.
        """
        shared = self._database.shared
        if shared is None:
            return True
        return await self._database.run(_claim, reboot, at, shared)

    async def force_reboots(self, ids: Collection[str]) -> None:
        """Have the node that leads send orders that wait for the end of a call."""
        if self._database.shared is not None and ids:
            await self._database.run(_force, tuple(ids), self._database.shared)

    async def get_reboot(self, reboot_id: str) -> Reboot | None:
        """Give one record, or None."""
        return await self._database.run(_get, reboot_id)

    async def open_reboots(self, limit: int) -> list[Reboot]:
        """Give the newest records that may still move on, oldest first."""
        return await self._database.run(_open, limit)

    async def list_reboots(
        self,
        limit: int,
        mac: Mac | None = None,
        extension: str = "",
        before: datetime | None = None,
    ) -> list[Reboot]:
        """Give records newest first, of one device or extension or all, asked before a moment."""
        return await self._database.run(_list, limit, mac, extension, before)


def _put(connection: Connection, records: tuple[Reboot, ...], shared: Shared | None) -> None:
    rows = [row_of(record) for record in records]
    if shared is None or holds(connection, shared.node):
        upsert(connection, reboots, rows)
    else:
        rows = [row for row in rows if row["step"] == RebootStep.PENDING and not row["sent_by"]]
        _add(connection, rows)
    if shared is not None:
        log_entries(connection, shared, [("reboot", row["id"]) for row in rows])


def _add(connection: Connection, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(postgresql.insert(reboots).on_conflict_do_nothing(), rows)


def _claim(connection: Connection, reboot: Reboot, at: datetime, shared: Shared) -> bool:
    """In one transaction: we lead, and nobody has taken it."""
    if not holds(connection, shared.node):
        return False
    _add(connection, [row_of(reboot)])
    is_free = (reboots.c.id == reboot.id, reboots.c.sent_by == "")
    taken = connection.execute(
        update(reboots)
        .where(*is_free)
        .values(sent_by=shared.node, claimed_us=to_us(at), tries=reboots.c.tries + 1)
    )
    return taken.rowcount == 1


def _force(connection: Connection, ids: tuple[str, ...], shared: Shared) -> None:
    take_turn(connection, Turn.LOG)
    waiting = (reboots.c.id.in_(ids), reboots.c.step == RebootStep.PENDING.value)
    connection.execute(update(reboots).where(*waiting).values(is_forced=True))
    log_entries(connection, shared, [("reboot", item) for item in ids])


def _get(connection: Connection, reboot_id: str) -> Reboot | None:
    row = connection.execute(select(reboots).where(reboots.c.id == reboot_id)).mappings().first()
    return None if row is None else reboot_of(row)


def _open(connection: Connection, limit: int) -> list[Reboot]:
    statement = select(reboots).where(reboots.c.step.in_(_OPEN))
    newest = statement.order_by(reboots.c.asked_us.desc(), reboots.c.id.desc()).limit(limit)
    return [reboot_of(row) for row in connection.execute(newest).mappings()][::-1]


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
    return [reboot_of(row) for row in connection.execute(newest_first).mappings()]
