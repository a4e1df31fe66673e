"""The log of commits as the other nodes read it: which keys were written, and what stands there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, assert_never

from sqlalchemy import Connection, delete, exists, func, select

from offhook.actions.elsewhere import News
from offhook.actions.ports import (
    DeleteDevice,
    DeleteExtension,
    PutDevice,
    PutExtension,
    PutLink,
    PutSettings,
    Write,
)
from offhook.core.mac import Mac
from offhook.core.model import SettingScope
from offhook.store.crypto import Cipher
from offhook.store.inventory_reading import (
    load_changes,
    load_devices,
    load_extensions,
    load_scoped,
)
from offhook.store.links import load_links
from offhook.store.reboot_rows import load_reboots
from offhook.store.shared import Entry, Shared, database_us
from offhook.store.tables import inventory_log

ROWS_AT_ONCE = 30_000
KEPT_US = 3600 * 1_000_000
"""A node that was away for longer reads everything anew."""

INVENTORY_KINDS = frozenset({"extension", "device", "settings", "link"})
"""Kinds that a change may not write over unseen."""


def entry_of(write: Write) -> Entry:
    """Name what a write is about."""
    match write:
        case PutExtension(extension=extension):
            return "extension", extension.number
        case DeleteExtension(number=number):
            return "extension", number
        case PutDevice(device=device):
            return "device", device.mac.plain
        case DeleteDevice(mac=mac):
            return "device", mac.plain
        case PutSettings(scope=scope):
            return "settings", f"{scope.level}/{scope.key}"
        case PutLink(link=link):
            return "link", link.guid
    assert_never(write)


def is_behind(connection: Connection, shared: Shared, kinds: Collection[str]) -> bool:
    """Tell whether another node wrote something of these kinds that we have not read."""
    table = inventory_log.c
    unseen = select(table.revision).where(
        table.revision > shared.revision, table.node != shared.node, table.kind.in_(kinds)
    )
    return bool(connection.execute(select(exists(unseen))).scalar())


def read_log(connection: Connection, cipher: Cipher, shared: Shared) -> News:
    """Read what other nodes committed since, and the rows as they are now.

    As many whole commits as fit; the rest is read by the next call.
    """
    table = inventory_log.c
    oldest = connection.execute(select(func.min(table.revision))).scalar()
    if oldest is not None and oldest > shared.revision + 1:
        return News(revision=shared.revision, has_gap=True)
    rows = connection.execute(
        select(table.revision, table.node, table.kind, table.key)
        .where(table.revision > shared.revision)
        .order_by(table.revision, table.position)
        .limit(ROWS_AT_ONCE)
    ).all()
    if len(rows) == ROWS_AT_ONCE and rows[0].revision != rows[-1].revision:
        rows = [row for row in rows if row.revision != rows[-1].revision]
    elif len(rows) == ROWS_AT_ONCE:  # one commit larger than a piece, such as an import
        return News(revision=shared.revision, has_gap=True)
    keys: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.node != shared.node:
            keys.setdefault(row.kind, {})[row.key] = None
    return _news(connection, cipher, keys, rows[-1].revision if rows else shared.revision)


def _news(
    connection: Connection, cipher: Cipher, keys: Mapping[str, Mapping[str, None]], revision: int
) -> News:
    writes: list[Write] = []
    for kind, load in _LOAD.items():
        if kind in keys:
            writes += load(connection, cipher, tuple(keys[kind]))
    return News(
        revision=revision,
        writes=tuple(writes),
        changes=tuple(load_changes(connection, [int(key) for key in keys.get("change", ())])),
        reboots=tuple(load_reboots(connection, tuple(keys.get("reboot", ())))),
        kinds=frozenset(keys),
    )


def _extensions(connection: Connection, cipher: Cipher, numbers: Collection[str]) -> list[Write]:
    found = load_extensions(connection, cipher, numbers)
    for item in found:
        item.secret.reveal()
    gone = set(numbers) - {item.number for item in found}
    return [
        *(PutExtension(extension=item) for item in found),
        *(DeleteExtension(number=number) for number in sorted(gone)),
    ]


def _devices(connection: Connection, cipher: Cipher, macs: Collection[str]) -> list[Write]:
    found = load_devices(connection, cipher, macs)
    for item in found:
        item.admin_password.reveal()
    gone = set(macs) - {item.mac.plain for item in found}
    return [
        *(PutDevice(device=item) for item in found),
        *(DeleteDevice(mac=Mac(int(mac, 16))) for mac in sorted(gone)),
    ]


def _settings(connection: Connection, cipher: Cipher, names: Collection[str]) -> list[Write]:
    found = load_scoped(connection, cipher)
    scopes = [
        SettingScope(level=level, key=key)
        for level, _, key in (name.partition("/") for name in names)
    ]
    return [PutSettings(scope=scope, settings=found.get(scope, {})) for scope in scopes]


def _links(connection: Connection, _cipher: Cipher, guids: Collection[str]) -> list[Write]:
    return [PutLink(link=link) for link in load_links(connection, guids)]


_LOAD: Mapping[str, Callable[[Connection, Cipher, Collection[Any]], list[Write]]] = {
    "extension": _extensions,
    "device": _devices,
    "settings": _settings,
    "link": _links,
}


def prune_log(connection: Connection) -> None:
    """Forget what every node has read long ago, but never the newest: numbers go on from it."""
    table = inventory_log.c
    newest = select(func.max(table.revision)).scalar_subquery()
    connection.execute(
        delete(inventory_log).where(table.at_us < database_us() - KEPT_US, table.revision < newest)
    )
