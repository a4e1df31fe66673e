"""Opens the store: one database, and one repository per noun on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from offhook.actions.lead import Lead
from offhook.actions.ports import Clock
from offhook.store.admins import SqlAdminStore
from offhook.store.database import Database
from offhook.store.inventory import SqlInventoryStore
from offhook.store.journal import SqlJournal
from offhook.store.lease import SqlLeases
from offhook.store.line import ChangeLock, Line
from offhook.store.links import SqlLinkStore
from offhook.store.news import SqlNews
from offhook.store.node_rows import SqlNodes
from offhook.store.reboots import SqlRebootStore
from offhook.store.registrations import SqlRegistrationStore
from offhook.store.tokens import SqlTokenStore
from offhook.store.uploads import SqlUploadStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """What nodes on one database need of it to be several."""

    node: str
    news: SqlNews
    leases: SqlLeases
    nodes: SqlNodes
    line: Line
    change_lock: ChangeLock


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """All that is durable, on one database thread. `several` is None where no other node can be."""

    database: Database
    inventory: SqlInventoryStore
    journal: SqlJournal
    reboots: SqlRebootStore
    tokens: SqlTokenStore
    uploads: SqlUploadStore
    registrations: SqlRegistrationStore
    links: SqlLinkStore
    admins: SqlAdminStore
    lead: Lead
    several: Several | None

    async def close(self) -> None:
        """Write what is queued and close the database; idempotent."""
        try:
            await self.journal.close()
        finally:
            await self.database.close()


async def open_store(
    url: str,
    *,
    key_file: Path,
    keep_days: int,
    keep_rows: int,
    now: Clock,
    keep_changes_days: int = 0,
) -> Store:
    """Open or create the database at an absolute URL and bring it to this version's schema.

    `keep_days` and `keep_rows` bound the histories of attempts and of SIP, 0 without limit; reboots
    are kept for `keep_days` too, and changes for `keep_changes_days`. Raises StoreError when the
    database cannot be used.
    """
    database = await Database.open(url, key_file)
    lead = Lead(is_alone=database.shared is None)
    try:
        journal = await SqlJournal.open(
            database,
            keep_days=keep_days,
            keep_rows=keep_rows,
            keep_changes_days=keep_changes_days,
            now=now,
            lead=lead,
        )
    except BaseException:
        await database.close()
        raise
    return Store(
        database=database,
        inventory=SqlInventoryStore(database),
        journal=journal,
        reboots=SqlRebootStore(database),
        tokens=SqlTokenStore(database),
        uploads=SqlUploadStore(database),
        registrations=SqlRegistrationStore(database),
        links=SqlLinkStore(database),
        admins=SqlAdminStore(database),
        lead=lead,
        several=_several(database, journal),
    )


def _several(database: Database, journal: SqlJournal) -> Several | None:
    shared = database.shared
    if shared is None:
        return None
    return Several(
        node=shared.node,
        news=SqlNews(database, shared, journal),
        leases=SqlLeases(database, shared),
        nodes=SqlNodes(database, shared),
        line=Line(database.url),
        change_lock=ChangeLock(database.url),
    )
