"""SIP bindings saved over a restart: statements and row mapping."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Text, cast, delete, select

from offhook.core.mac import Mac
from offhook.core.model import Registration
from offhook.store.database import Database
from offhook.store.rows import rows_of
from offhook.store.tables import registrations
from offhook.store.upsert import insert_tuples
from offhook.store.values import from_us, storable, to_us

NUMBERS_AT_ONCE = 500


class SqlRegistrationStore:
    """Bindings by extension, each extension's in their order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_registrations(self) -> list[Registration]:
        """Give all bindings saved, expired ones too."""
        return await self._database.run(_load)

    async def save_registrations(self, extensions: Mapping[str, Sequence[Registration]]) -> None:
        """Replace the bindings of the given extensions, in one transaction. Raises StoreError."""
        if extensions:
            await self._database.run(_save, {key: tuple(of) for key, of in extensions.items()})


def _load(connection: Connection) -> list[Registration]:
    table = registrations
    columns = [cast(it, Text) if it is table.c.path else it for it in table.c]
    statement = select(*columns).order_by(table.c.extension, table.c.position)
    return [_registration_of(row) for row in rows_of(connection, statement)]


def _save(connection: Connection, extensions: Mapping[str, tuple[Registration, ...]]) -> None:
    numbers = list(extensions)
    for start in range(0, len(numbers), NUMBERS_AT_ONCE):
        some = numbers[start : start + NUMBERS_AT_ONCE]
        connection.execute(delete(registrations).where(registrations.c.extension.in_(some)))
    rows = [
        _row_of(extension, position, registration)
        for extension, bindings in extensions.items()
        for position, registration in enumerate(bindings)
    ]
    insert_tuples(connection, registrations, rows)


def _row_of(extension: str, position: int, registration: Registration) -> tuple[object, ...]:
    """Give the columns in the order of the table."""
    return (
        extension,
        position,
        storable(registration.contact),
        registration.source,
        storable(registration.call_id),
        registration.cseq,
        storable(registration.user_agent),
        None if registration.mac is None else registration.mac.plain,
        json.dumps([storable(uri) for uri in registration.path]) if registration.path else "[]",
        storable(registration.instance),
        registration.q,
        to_us(registration.registered_at),
        to_us(registration.refreshed_at),
        to_us(registration.expires_at),
    )


@lru_cache(maxsize=1024)
def _path_of(text: str) -> tuple[str, ...]:
    """Read a path, which nearly all have in common: that of no proxy."""
    return tuple(json.loads(text))


def _registration_of(row: Sequence[Any]) -> Registration:
    """Read a row, its columns in the order of the table, the path as text."""
    extension, _, contact, source, call_id, cseq, user_agent, mac, path, instance, q, *times = row
    registered, refreshed, expires = times
    return Registration(
        extension=extension,
        contact=contact,
        source=source,
        call_id=call_id,
        cseq=cseq,
        user_agent=sys.intern(user_agent),
        mac=None if mac is None else Mac(int(mac, 16)),
        path=_path_of(path),
        instance=instance,
        q=q,
        registered_at=from_us(registered),
        refreshed_at=from_us(refreshed),
        expires_at=from_us(expires),
    )
