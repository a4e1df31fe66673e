"""Leases: what only one node does at a time, for as long as it renews by the database's clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.dialects import postgresql

from offhook.store.database import Database
from offhook.store.shared import Shared, database_us, note_kind, tell
from offhook.store.tables import leases

LEAD = "lead"
"""Who leads sends orders to phones, runs scheduled syncs, prunes, keeps Kamailio's table."""


class SqlLeases:
    """Leases by name, for this node."""

    def __init__(self, database: Database, shared: Shared) -> None:
        self._database = database
        self._shared = shared
        self._node = shared.node

    async def take(
        self, name: str, seconds: float, detail: Mapping[str, Any] | None = None
    ) -> bool:
        """Take or renew; False while another node holds it. Raises StoreError."""
        return await self._database.run(_take, name, self._node, seconds, detail)

    async def give_up(self, name: str) -> None:
        """End it at once, if it is ours. Raises StoreError."""
        await self._database.run(_give_up, name, self._node)

    async def holder(self, name: str) -> tuple[str, Mapping[str, Any] | None]:
        """Give the node that holds it now and what it tells; empty when nobody does."""
        return await self._database.run(_holder, name)

    async def tell(self, kind: str) -> None:
        """Have the other nodes look at what belongs to a kind. Raises StoreError."""
        await self._database.run(note_kind, self._shared, kind)


def holds(connection: Connection, node: str, name: str = LEAD) -> bool:
    """Tell whether a node holds a lease, and keep it from being lost before this transaction ends.

    The fence: a node that was paused and lost its lease writes nothing any more.
    """
    found = select(leases.c.name).where(
        leases.c.name == name, leases.c.holder == node, leases.c.until_us > database_us()
    )
    return connection.execute(found.with_for_update(read=True)).first() is not None


def _take(
    connection: Connection, name: str, node: str, seconds: float, detail: Mapping[str, Any] | None
) -> bool:
    until_us = database_us() + round(seconds * 1_000_000)
    values = {"holder": node, "until_us": until_us, "detail": detail}
    statement = (
        postgresql.insert(leases)
        .values(name=name, **values)
        .on_conflict_do_update(
            index_elements=[leases.c.name],
            set_=values,
            where=or_(leases.c.holder == node, leases.c.until_us <= database_us()),
        )
        .returning(leases.c.name)
    )
    return connection.execute(statement).first() is not None


def _give_up(connection: Connection, name: str, node: str) -> None:
    ours = (leases.c.name == name, leases.c.holder == node)
    if name == LEAD:
        connection.execute(update(leases).where(*ours).values(until_us=0))
        tell(connection, "lead")
    else:
        connection.execute(delete(leases).where(*ours))


def _holder(connection: Connection, name: str) -> tuple[str, Mapping[str, Any] | None]:
    found = connection.execute(
        select(leases.c.holder, leases.c.detail).where(
            leases.c.name == name, leases.c.until_us > database_us()
        )
    ).first()
    return ("", None) if found is None else (found.holder, found.detail)
