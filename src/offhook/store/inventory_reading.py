"""The inventory as it is read: all of it at start, or the rows that another node wrote."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from offhook.actions.ports import InventoryImage
from offhook.core.mac import Mac
from offhook.core.model import Change, Device, Extension, Line, Settings, SettingScope
from offhook.core.secret import Secret
from offhook.store import tables
from offhook.store.crypto import Cipher
from offhook.store.rows import rows_of
from offhook.store.sightings import load_sightings, load_unknown
from offhook.store.values import from_us, to_us


def load_inventory(connection: Connection, cipher: Cipher) -> InventoryImage:
    """Read everything, one statement a table."""
    with _collector_paused():
        return InventoryImage(
            extensions=load_extensions(connection, cipher),
            devices=load_devices(connection, cipher),
            settings=load_scoped(connection, cipher),
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


def load_extensions(
    connection: Connection, cipher: Cipher, numbers: Collection[str] | None = None
) -> list[Extension]:
    """Read extensions by number: all, or these."""
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
    found = rows_of(connection, _only(statement, table.c.number, numbers))
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
        for number, name, email, source, secret, is_enabled, created_us in found
    ]


def load_devices(
    connection: Connection, cipher: Cipher, macs: Collection[str] | None = None
) -> list[Device]:
    """Read devices with their lines and settings by MAC: all, or these."""
    lines = _load_lines(connection, macs)
    settings = _load_device_settings(connection, cipher, macs)
    table = tables.devices
    statement = select(
        table.c.mac,
        table.c.vendor,
        table.c.model,
        table.c.admin_password,
        table.c.created_us,
        table.c.updated_us,
    ).order_by(table.c.mac)
    found = rows_of(connection, _only(statement, table.c.mac, macs))
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
        for mac, vendor, model, password, created_us, updated_us in found
    ]


def _load_lines(connection: Connection, macs: Collection[str] | None) -> dict[str, list[Line]]:
    table = tables.lines
    found: dict[str, list[Line]] = {}
    statement = select(table.c.mac, table.c.line_index, table.c.extension, table.c.label)
    ordered = statement.order_by(table.c.mac, table.c.line_index)
    for mac, index, extension, label in rows_of(connection, _only(ordered, table.c.mac, macs)):
        line = Line(index=index, extension=extension, label=label)
        found.setdefault(mac, []).append(line)
    return found


def _load_device_settings(
    connection: Connection, cipher: Cipher, macs: Collection[str] | None
) -> dict[str, dict[str, str]]:
    table = tables.device_settings
    found: dict[str, dict[str, str]] = {}
    statement = select(table.c.mac, table.c.name, table.c.value)
    ordered = statement.order_by(table.c.mac, table.c.name)
    for mac, name, value in connection.execute(_only(ordered, table.c.mac, macs)):
        text = cipher.decrypt(value, table="device_settings", row=f"{mac}/{name}")
        found.setdefault(mac, {})[sys.intern(name)] = text
    return found


def load_scoped(connection: Connection, cipher: Cipher) -> dict[SettingScope, Settings]:
    """Read the free settings of site, makers and models."""
    table = tables.scoped_settings
    found: dict[SettingScope, dict[str, str]] = {}
    statement = select(table.c.level, table.c.key, table.c.name, table.c.value)
    for level, key, name, value in connection.execute(
        statement.order_by(table.c.level, table.c.key, table.c.name)
    ):
        text = cipher.decrypt(value, table="scoped_settings", row=f"{level}/{key}/{name}")
        found.setdefault(SettingScope(level=level, key=key), {})[name] = text
    return dict(found)


def list_changes(
    connection: Connection, limit: int, offset: int, subject: str, before: datetime | None
) -> list[Change]:
    """Read a page of changes, newest first."""
    table = tables.changes
    statement = _changes()
    if subject:
        statement = statement.where(table.c.subject == subject)
    if before is not None:
        statement = statement.where(table.c.at_us < to_us(before))
    rows = connection.execute(statement.order_by(table.c.id.desc()).limit(limit).offset(offset))
    return [_change_of(row) for row in rows]


def load_changes(connection: Connection, ids: Collection[int]) -> list[Change]:
    """Read some changes, oldest first."""
    table = tables.changes
    rows = connection.execute(_changes().where(table.c.id.in_(ids)).order_by(table.c.id))
    return [_change_of(row) for row in rows]


def _changes() -> Select[Any]:
    table = tables.changes
    return select(
        table.c.at_us,
        table.c.actor,
        table.c.noun,
        table.c.subject,
        table.c.action,
        table.c.before,
        table.c.after,
    )


def _change_of(row: Row[Any]) -> Change:
    return Change(
        at=from_us(row.at_us),
        actor=row.actor,
        noun=row.noun,
        subject=row.subject,
        action=row.action,
        before=row.before,
        after=row.after,
    )


def _only(
    statement: Select[Any], column: ColumnElement[str], keys: Collection[str] | None
) -> Select[Any]:
    return statement if keys is None else statement.where(column.in_(keys))
