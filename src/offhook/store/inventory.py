"""Extensions, devices, settings and changes: what people and directories entered."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from offhook.actions.ports import (
    DeleteDevice,
    DeleteExtension,
    InventoryImage,
    PutDevice,
    PutExtension,
    PutLink,
    PutSettings,
    Write,
)
from offhook.core.mac import Mac
from offhook.core.model import Change, Device, Extension, Line, Settings, SettingScope
from offhook.core.secret import Secret
from offhook.store import tables
from offhook.store.crypto import Cipher
from offhook.store.database import Database
from offhook.store.links import link_row
from offhook.store.rows import rows_of
from offhook.store.sightings import load_sightings, load_unknown
from offhook.store.upsert import upsert
from offhook.store.values import from_us, to_us


class SqlInventoryStore:
    """The durable side of the in-memory inventory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> InventoryImage:
        """Read everything, one statement a table; secrets decrypted. Raises StoreError."""
        return await self._database.run(_load, self._database.cipher)

    async def commit(self, writes: Sequence[Write], changes: Sequence[Change]) -> None:
        """Apply all writes in their order, and change rows, in one transaction. StoreError."""
        await self._database.run(_commit, self._database.cipher, tuple(writes), tuple(changes))

    async def list_changes(
        self, limit: int, offset: int = 0, subject: str = "", before: datetime | None = None
    ) -> list[Change]:
        """Give changes, newest first, of one subject or of all."""
        return await self._database.run(_list_changes, limit, offset, subject, before)


# --- reading ---------------------------------------------------------------------------------


def _load(connection: Connection, cipher: Cipher) -> InventoryImage:
    with _collector_paused():
        return InventoryImage(
            extensions=_load_extensions(connection, cipher),
            devices=_load_devices(connection, cipher),
            settings=_load_scoped(connection, cipher),
            sightings=load_sightings(connection),
            unknown=load_unknown(connection),
        )


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking a million new objects that all stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _load_extensions(connection: Connection, cipher: Cipher) -> list[Extension]:
    table = tables.extensions
    statement = select(
        table.c.number,
        table.c.name,
        table.c.email,
        table.c.source,
        table.c.secret,
        table.c.is_enabled,
        table.c.created_us,
    ).order_by(table.c.number)
    return [
        Extension(
            number=number,
            name=name,
            email=email,
            source=sys.intern(source),
            secret=Secret(cipher.decrypt(secret, table="extensions", row=number)),
            is_enabled=is_enabled,
            created_at=from_us(created_us),
        )
        for number, name, email, source, secret, is_enabled, created_us in rows_of(
            connection, statement
        )
    ]


def _load_devices(connection: Connection, cipher: Cipher) -> list[Device]:
    lines = _load_lines(connection)
    settings = _load_device_settings(connection, cipher)
    table = tables.devices
    statement = select(
        table.c.mac,
        table.c.vendor,
        table.c.model,
        table.c.admin_password,
        table.c.created_us,
        table.c.updated_us,
    ).order_by(table.c.mac)
    return [
        Device(
            mac=Mac(int(mac, 16)),
            vendor=sys.intern(vendor),
            model=sys.intern(model),
            lines=tuple(lines.get(mac, ())),
            admin_password=Secret(cipher.decrypt(password, table="devices", row=mac)),
            settings=settings.get(mac, {}),
            created_at=from_us(created_us),
            updated_at=from_us(updated_us),
        )
        for mac, vendor, model, password, created_us, updated_us in rows_of(connection, statement)
    ]


def _load_lines(connection: Connection) -> dict[str, list[Line]]:
    table = tables.lines
    found: dict[str, list[Line]] = {}
    statement = select(table.c.mac, table.c.line_index, table.c.extension, table.c.label)
    for mac, index, extension, label in rows_of(
        connection, statement.order_by(table.c.mac, table.c.line_index)
    ):
        line = Line(index=index, extension=extension, label=label)
        found.setdefault(mac, []).append(line)
    return found


def _load_device_settings(connection: Connection, cipher: Cipher) -> dict[str, dict[str, str]]:
    table = tables.device_settings
    found: dict[str, dict[str, str]] = {}
    statement = select(table.c.mac, table.c.name, table.c.value)
    for mac, name, value in connection.execute(statement.order_by(table.c.mac, table.c.name)):
        text = cipher.decrypt(value, table="device_settings", row=f"{mac}/{name}")
        found.setdefault(mac, {})[sys.intern(name)] = text
    return found


def _load_scoped(connection: Connection, cipher: Cipher) -> dict[SettingScope, Settings]:
    table = tables.scoped_settings
    found: dict[SettingScope, dict[str, str]] = {}
    statement = select(table.c.level, table.c.key, table.c.name, table.c.value)
    for level, key, name, value in connection.execute(
        statement.order_by(table.c.level, table.c.key, table.c.name)
    ):
        text = cipher.decrypt(value, table="scoped_settings", row=f"{level}/{key}/{name}")
        found.setdefault(SettingScope(level=level, key=key), {})[name] = text
    return dict(found)


def _list_changes(
    connection: Connection, limit: int, offset: int, subject: str, before: datetime | None
) -> list[Change]:
    table = tables.changes
    statement = select(
        table.c.at_us,
        table.c.actor,
        table.c.noun,
        table.c.subject,
        table.c.action,
        table.c.before,
        table.c.after,
    )
    if subject:
        statement = statement.where(table.c.subject == subject)
    if before is not None:
        statement = statement.where(table.c.at_us < to_us(before))
    return [
        Change(
            at=from_us(at_us),
            actor=actor,
            noun=noun,
            subject=about,
            action=action,
            before=before,
            after=after,
        )
        for at_us, actor, noun, about, action, before, after in connection.execute(
            statement.order_by(table.c.id.desc()).limit(limit).offset(offset)
        )
    ]


# --- writing ---------------------------------------------------------------------------------


def _commit(
    connection: Connection,
    cipher: Cipher,
    writes: tuple[Write, ...],
    changes: tuple[Change, ...],
) -> None:
    # Neighbours of one kind go in one statement: an import of 10,000 devices is a few statements.
    for kind, group in groupby(writes, key=type):
        _APPLY[kind](connection, cipher, group)
    _add_changes(connection, changes)


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
    connection.execute(
        delete(tables.extensions).where(tables.extensions.c.number == bindparam("gone")),
        [{"gone": write.number} for write in writes],
    )


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
    macs = [{"gone": mac} for mac in newest]
    for table in (tables.lines, tables.device_settings):
        connection.execute(delete(table).where(table.c.mac == bindparam("gone")), macs)
    _insert(
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
    _insert(
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
    macs = [{"gone": write.mac.plain} for write in writes]
    # Lines, settings, sighting and deliveries go with the device by their foreign keys.
    for table in (tables.devices, tables.uploads):
        connection.execute(delete(table).where(table.c.mac == bindparam("gone")), macs)


def _put_settings(connection: Connection, cipher: Cipher, writes: Iterable[PutSettings]) -> None:
    table = tables.scoped_settings
    newest = {write.scope: write.settings for write in writes}
    connection.execute(
        delete(table).where(
            table.c.level == bindparam("at_level"), table.c.key == bindparam("at_key")
        ),
        [{"at_level": scope.level, "at_key": scope.key} for scope in newest],
    )
    _insert(
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


def _add_changes(connection: Connection, changes: tuple[Change, ...]) -> None:
    newest_id = connection.execute(select(func.max(tables.changes.c.id))).scalar() or 0
    _insert(
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


def _plain(mapping: Mapping[str, object] | None) -> dict[str, object] | None:
    return None if mapping is None else dict(mapping)


def _insert(connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)
