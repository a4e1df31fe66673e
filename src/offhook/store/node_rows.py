"""The nodes on a database: each says every second that it lives."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql

from offhook.core.nodes import Node, NodeNote
from offhook.store.database import Database
from offhook.store.lease import LEAD
from offhook.store.shared import Shared, database_us
from offhook.store.tables import leases, nodes
from offhook.store.values import from_us

FORGOTTEN_US = 24 * 3600 * 1_000_000
"""A node that was not seen for so long is listed no longer."""


class SqlNodes:
    """This node's row, and those of the others."""

    def __init__(self, database: Database, shared: Shared) -> None:
        self._database = database
        self._node = shared.node

    async def note_alive(self, note: NodeNote) -> list[Node]:
        """Say that this node lives; gives all, by name. Raises StoreError."""
        return await self._database.run(_note_alive, self._node, note)

    async def forget(self) -> None:
        """Take this node off the list: it stops in order. Raises StoreError."""
        await self._database.run(_forget, self._node)


def _note_alive(connection: Connection, node: str, note: NodeNote) -> list[Node]:
    values = {
        "name": note.name,
        "version": note.version,
        "seen_us": database_us(),
        "settings_digest": note.settings_digest,
        "templates_digest": note.templates_digest,
    }
    statement = (
        postgresql.insert(nodes)
        .values(id=node, started_us=database_us(), **values)
        .on_conflict_do_update(index_elements=[nodes.c.id], set_=values)
    )
    connection.execute(statement)
    # One that was started again under its name is that one.
    of_before = (nodes.c.name == note.name, nodes.c.id != node)
    silent = nodes.c.seen_us < database_us() - 5_000_000
    connection.execute(delete(nodes).where(*of_before, silent))
    connection.execute(delete(nodes).where(nodes.c.seen_us < database_us() - FORGOTTEN_US))
    return _list(connection)


def _list(connection: Connection) -> list[Node]:
    now_us = connection.execute(select(database_us())).scalar_one()
    leader = connection.execute(
        select(leases.c.holder).where(leases.c.name == LEAD, leases.c.until_us > now_us)
    ).scalar()
    rows = connection.execute(select(nodes).order_by(nodes.c.name, nodes.c.id))
    return [
        Node(
            id=row.id,
            name=row.name,
            version=row.version,
            started_at=from_us(row.started_us),
            seen_at=from_us(row.seen_us),
            silent_s=max(0.0, (now_us - row.seen_us) / 1_000_000),
            is_leading=row.id == leader,
            settings_digest=row.settings_digest,
            templates_digest=row.templates_digest,
        )
        for row in rows
    ]


def _forget(connection: Connection, node: str) -> None:
    connection.execute(delete(nodes).where(nodes.c.id == node))
