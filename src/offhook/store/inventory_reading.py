"""The inventory as it is read: all of it at start, or the rows that another node wrote."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, select

from offhook.actions.ports import InventoryImage, SeenImage
from offhook.core.mac import Mac
from offhook.core.model import Change, Device, Extension, Line, Settings, SettingScope
from offhook.store import tables
from offhook.store.crypto import Cipher
from offhook.store.rows import rows_of
from offhook.store.sightings import load_sightings, load_unknown
from offhook.store.values import from_us, to_us


def load_inventory(connection: Connection, cipher: Cipher) -> InventoryImage:
    """Read what files are made from, one statement a table."""
    with _collector_paused():
        return InventoryImage(
            extensions=load_extensions(connection, cipher),
            devices=load_devices(connection, cipher),
            settings=load_scoped(connection, cipher),
        )


def load_seen(connection: Connection) -> SeenImage:
    """Read what was seen of phones."""
    with _collector_paused():
        return SeenImage(sightings=load_sightings(connection), unknown=load_unknown(connection))


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
    """Read extensions by number: all, or these. Their secrets are not decrypted yet."""
    moment, secret_of = _moments(), cipher.secrets_of("extensions")
    names = ("number", "name", "email", "source", "secret", "is_enabled", "created_us")
    found = [
        Extension(
            number=number,
            name=name,
            email=email,
            source=sys.intern(source),
            secret=secret_of(secret, number),
            is_enabled=bool(is_enabled),
            created_at=moment(created_us),
        )
        for number, name, email, source, secret, is_enabled, created_us in _rows(
            connection, tables.extensions, *names, order=0, keys=numbers
        )
    ]
    found.sort(key=attrgetter("number"))
    return found


def load_devices(
    connection: Connection, cipher: Cipher, macs: Collection[str] | None = None
) -> list[Device]:
    """Read devices with their lines and settings by MAC: all, or these; as for secrets alike."""
    lines = _load_lines(connection, macs)
    settings = _load_device_settings(connection, cipher, macs)
    none: Settings = {}
    moment, secret_of = _moments(), cipher.secrets_of("devices")
    names = ("mac", "vendor", "model", "admin_password", "created_us", "updated_us")
    found = [
        Device(
            mac=Mac(int(mac, 16)),
            vendor=sys.intern(vendor),
            model=sys.intern(model),
            lines=lines.get(mac, ()),
            admin_password=secret_of(password, mac),
            settings=settings.get(mac, none),
            created_at=moment(created_us),
            updated_at=moment(updated_us),
        )
        for mac, vendor, model, password, created_us, updated_us in _rows(
            connection, tables.devices, *names, order=0, keys=macs
        )
    ]
    found.sort(key=attrgetter("mac"))
    return found


def _load_lines(
    connection: Connection, macs: Collection[str] | None
) -> dict[str, tuple[Line, ...]]:
    found: dict[str, tuple[Line, ...]] = {}
    names = ("mac", "line_index", "extension", "label")
    for mac, index, extension, label in _rows(connection, tables.lines, *names, order=2, keys=macs):
        line = Line(index=index, extension=extension, label=label)
        found[mac] = (*found[mac], line) if mac in found else (line,)
    return found


def _load_device_settings(
    connection: Connection, cipher: Cipher, macs: Collection[str] | None
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    rows = _rows(connection, tables.device_settings, "mac", "name", "value", order=2, keys=macs)
    for mac, name, value in rows:
        text = cipher.decrypt(value, table="device_settings", row=f"{mac}/{name}")
        found.setdefault(mac, {})[sys.intern(name)] = text
    return found


def load_scoped(connection: Connection, cipher: Cipher) -> dict[SettingScope, Settings]:
    """Read the free settings of site, makers and models."""
    found: dict[SettingScope, dict[str, str]] = {}
    rows = _rows(connection, tables.scoped_settings, "level", "key", "name", "value", order=3)
    for level, key, name, value in rows:
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


def _rows(
    connection: Connection,
    table: Table,
    *names: str,
    order: int = 1,
    keys: Collection[str] | None = None,
) -> Iterator[Any]:
    """Read these columns in the order of the first few; of some rows only, by the first.

    Large tables are read as they lie and sorted here: by an index each row would be looked up.
    """
    columns = [table.c[name] for name in names]
    statement = select(*columns).order_by(*columns[:order])
    return rows_of(connection, statement if keys is None else statement.where(columns[0].in_(keys)))


def _moments() -> Callable[[int], datetime]:
    """Give `from_us` with a memory: what was entered at once has one moment."""
    return lru_cache(maxsize=1024)(from_us)
