"""Extensions, devices, settings and changes: what people and directories entered, as written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, select

from offhook.actions.ports import (
    DeleteDevice,
    DeleteExtension,
    InventoryImage,
    PutDevice,
    PutExtension,
    PutLink,
    PutSettings,
    SeenImage,
    Write,
)
from offhook.core.model import Change
from offhook.errors import BadRequestError
from offhook.store import tables
from offhook.store.crypto import Cipher
from offhook.store.database import Database
from offhook.store.driver import compiled, delete_rows, execute
from offhook.store.inventory_reading import list_changes, load_inventory, load_seen
from offhook.store.links import link_row
from offhook.store.log_reading import INVENTORY_KINDS, entry_of, is_behind
from offhook.store.shared import (
    Shared,
    Turn,
    allow_pauses,
    log_entries,
    newest_revision,
    take_turn,
)
from offhook.store.upsert import insert_rows, upsert
from offhook.store.values import to_us

MANY = 1000
"""Writes that may take a while to be put into statements."""


class SqlInventoryStore:
    """The durable side of the in-memory inventory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> InventoryImage:
        """Read it, one statement a table. Raises StoreError, as does a secret revealed later."""
        shared = self._database.shared
        image, revision = await self._database.run(_load, self._database.cipher, shared)
        if shared is not None:
            shared.revision = revision
        return image

    async def load_seen(self) -> SeenImage:
        """Read what was last seen of every phone. Raises StoreError."""
        return await self._database.run(load_seen)

    def commit(self, writes: Sequence[Write], changes: Sequence[Change]) -> Awaitable[object]:
        """Apply all writes in their order, and change rows, in one transaction. StoreError.

        Raises BadRequestError (409) when another node changed the inventory and we do not know.
        """
        shared = self._database.shared
        making = self._database.submit(
            _commit, self._database.cipher, tuple(writes), tuple(changes), shared
        )
        if shared is not None:
            making.add_done_callback(partial(_know, shared))
        return making

    async def list_changes(
        self, limit: int, offset: int = 0, subject: str = "", before: datetime | None = None
    ) -> list[Change]:
        """Give changes, newest first, of one subject or of all."""
        return await self._database.run(list_changes, limit, offset, subject, before)


def _know(shared: Shared, made: asyncio.Future[int]) -> None:
    """Go on from the revision that we made, if nobody made one in between."""
    if made.cancelled() or made.exception() is not None:
        return
    if shared.revision == made.result() - 1:
        shared.revision = made.result()


def _load(
    connection: Connection, cipher: Cipher, shared: Shared | None
) -> tuple[InventoryImage, int]:
    """The revision comes first: what is committed meanwhile is read again, which does no harm."""
    revision = 0
    if shared is not None:
        allow_pauses(connection, 0)
        revision = newest_revision(connection)
    return load_inventory(connection, cipher), revision


def _commit(
    connection: Connection,
    cipher: Cipher,
    writes: tuple[Write, ...],
    changes: tuple[Change, ...],
    shared: Shared | None,
) -> int:
    """Gives the revision of the log; 0 where there is none."""
    if shared is not None:
        _check_knows_all(connection, writes, shared)
    # Neighbours of one kind go in one statement: an import of 10,000 devices is a few statements.
    for kind, group in groupby(writes, key=type):
        _APPLY[kind](connection, cipher, group)
    entries = [entry_of(write) for write in writes]
    entries += [("change", str(number)) for number in _add_changes(connection, changes)]
    return log_entries(connection, shared, entries) if shared is not None else 0


def _check_knows_all(connection: Connection, writes: tuple[Write, ...], shared: Shared) -> None:
    """Refuse to write over what another node wrote meanwhile.

    The changes' own lock keeps them one after another; this is for a node that held it and was
    paused for so long that it was taken away.
    """
    if len(writes) > MANY:
        allow_pauses(connection, 60)
    take_turn(connection, Turn.LOG)
    if any(isinstance(write, DeleteDevice) for write in writes):
        take_turn(connection, Turn.JOURNAL)  # its sightings may be written at this moment
    if writes and is_behind(connection, shared, INVENTORY_KINDS):
        raise BadRequestError(
            "changed_elsewhere",
            "another node changed the inventory at the same moment; nothing was changed here",
            "look at it again and repeat the change",
            status=409,
        )


def _put_extensions(connection: Connection, cipher: Cipher, writes: Iterable[PutExtension]) -> None:
    newest = {write.extension.number: write.extension for write in writes}
    upsert(
        connection,
        tables.extensions,
        [
            {
                "number": extension.number,
                "name": extension.name,
                "email": extension.email,
                "source": extension.source,
                "secret": cipher.encrypt(
                    extension.secret.reveal(), table="extensions", row=extension.number
                ),
                "is_enabled": extension.is_enabled,
                "created_us": to_us(extension.created_at),
            }
            for extension in newest.values()
        ],
    )


def _delete_extensions(
    connection: Connection, _cipher: Cipher, writes: Iterable[DeleteExtension]
) -> None:
    delete_rows(connection, tables.extensions, [{"number": write.number} for write in writes])


def _put_devices(connection: Connection, cipher: Cipher, writes: Iterable[PutDevice]) -> None:
    newest = {write.device.mac.plain: write.device for write in writes}
    upsert(
        connection,
        tables.devices,
        [
            {
                "mac": mac,
                "vendor": device.vendor,
                "model": device.model,
                "admin_password": cipher.encrypt(
                    device.admin_password.reveal(), table="devices", row=mac
                ),
                "created_us": to_us(device.created_at),
                "updated_us": to_us(device.updated_at),
            }
            for mac, device in newest.items()
        ],
    )
    for table in (tables.lines, tables.device_settings):
        delete_rows(connection, table, [{"mac": mac} for mac in newest])
    insert_rows(
        connection,
        tables.lines,
        [
            {
                "mac": mac,
                "line_index": line.index,
                "extension": line.extension,
                "label": line.label,
            }
            for mac, device in newest.items()
            for line in device.lines
        ],
    )
    insert_rows(
        connection,
        tables.device_settings,
        [
            {
                "mac": mac,
                "name": name,
                # A maker's own key may be a password, and not every maker's keys tell.
                "value": cipher.encrypt(value, table="device_settings", row=f"{mac}/{name}"),
            }
            for mac, device in newest.items()
            for name, value in device.settings.items()
        ],
    )


def _delete_devices(
    connection: Connection, _cipher: Cipher, writes: Iterable[DeleteDevice]
) -> None:
    macs = [{"mac": write.mac.plain} for write in writes]
    # Lines, settings, sighting and deliveries go with the device by their foreign keys.
    for table in (tables.devices, tables.uploads):
        delete_rows(connection, table, macs)


def _put_settings(connection: Connection, cipher: Cipher, writes: Iterable[PutSettings]) -> None:
    table = tables.scoped_settings
    newest = {write.scope: write.settings for write in writes}
    delete_rows(connection, table, [{"level": scope.level, "key": scope.key} for scope in newest])
    insert_rows(
        connection,
        table,
        [
            {
                "level": scope.level,
                "key": scope.key,
                "name": name,
                "value": cipher.encrypt(
                    value, table="scoped_settings", row=f"{scope.level}/{scope.key}/{name}"
                ),
            }
            for scope, settings in newest.items()
            for name, value in settings.items()
        ],
    )


def _put_links(connection: Connection, _cipher: Cipher, writes: Iterable[PutLink]) -> None:
    newest = {(write.link.source, write.link.guid): link_row(write.link) for write in writes}
    upsert(connection, tables.links, list(newest.values()))


_APPLY: Mapping[type[Write], Callable[[Connection, Cipher, Iterable[Any]], None]] = {
    PutExtension: _put_extensions,
    DeleteExtension: _delete_extensions,
    PutDevice: _put_devices,
    DeleteDevice: _delete_devices,
    PutSettings: _put_settings,
    PutLink: _put_links,
}


@cache
def _newest_change(database: str) -> str:
    return compiled(select(func.max(tables.changes.c.id)), database)


def _add_changes(connection: Connection, changes: tuple[Change, ...]) -> range:
    """Add them, and give their ids."""
    newest_id = execute(connection, _newest_change(connection.dialect.name)).fetchone()[0] or 0
    insert_rows(
        connection,
        tables.changes,
        [
            {
                "id": newest_id + number,
                "at_us": to_us(change.at),
                "actor": change.actor,
                "noun": change.noun,
                "subject": change.subject,
                "action": change.action,
                "before": _plain(change.before),
                "after": _plain(change.after),
            }
            for number, change in enumerate(changes, start=1)
        ],
    )
    return range(newest_id + 1, newest_id + 1 + len(changes))


def _plain(mapping: Mapping[str, object] | None) -> dict[str, object] | None:
    return None if mapping is None else dict(mapping)
