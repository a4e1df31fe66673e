"""SIP bindings saved over a restart: statements and row mapping."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection, Text, cast, delete, select

from offhook.sip.bindings import Binding
from offhook.store.database import Database
from offhook.store.rows import rows_of
from offhook.store.tables import registrations
from offhook.store.upsert import insert_tuples
from offhook.store.values import storable

NUMBERS_AT_ONCE = 500


class SqlRegistrationStore:
    """Bindings by extension, each extension's in their order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_bindings(self) -> list[Binding]:
        """Give all bindings saved, expired ones too."""
        return await self._database.run(_load)

    async def save_bindings(self, extensions: Mapping[str, Sequence[Binding]]) -> None:
        """Replace the bindings of the given extensions, in one transaction. Raises StoreError."""
        if extensions:
            await self._database.run(_save, {key: tuple(of) for key, of in extensions.items()})


def _load(connection: Connection) -> list[Binding]:
    table = registrations
    columns = [cast(it, Text) if it is table.c.path else it for it in table.c]
    statement = select(*columns).order_by(table.c.extension, table.c.position)
    return [
        Binding(
            aor=aor,
            contact=contact,
            source=source,
            call_id=call_id,
            cseq=cseq,
            user_agent=sys.intern(agent),
            note=mac or "",
            path=_path_of(path),
            instance=instance,
            q=q,
            registered_at=us[0] / 1e6,
            refreshed_at=us[1] / 1e6,
            expires_at=us[2] / 1e6,
        )
        for aor, _, contact, source, call_id, cseq, agent, mac, path, instance, q, *us in rows_of(
            connection, statement
        )
    ]


def _save(connection: Connection, extensions: Mapping[str, tuple[Binding, ...]]) -> None:
    numbers = list(extensions)
    for start in range(0, len(numbers), NUMBERS_AT_ONCE):
        some = numbers[start : start + NUMBERS_AT_ONCE]
        connection.execute(delete(registrations).where(registrations.c.extension.in_(some)))
    rows = [
        _row_of(extension, position, binding)
        for extension, bindings in extensions.items()
        for position, binding in enumerate(bindings)
    ]
    insert_tuples(connection, registrations, rows)


def _row_of(extension: str, position: int, binding: Binding) -> tuple[object, ...]:
    """Give the columns in the order of the table; the note of an engine of ours is a MAC."""
    return (
        extension,
        position,
        storable(binding.contact),
        binding.source,
        storable(binding.call_id),
        binding.cseq,
        storable(binding.user_agent),
        binding.note or None,
        json.dumps([storable(uri) for uri in binding.path]) if binding.path else "[]",
        storable(binding.instance),
        binding.q,
        round(binding.registered_at * 1e6),
        round(binding.refreshed_at * 1e6),
        round(binding.expires_at * 1e6),
    )


@lru_cache(maxsize=1024)
def _path_of(text: str) -> tuple[str, ...]:
    """Read a path, which nearly all have in common: that of no proxy."""
    return tuple(json.loads(text))
