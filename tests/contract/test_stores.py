"""One suite over the inventory's port, for every database that is supported."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select, text, update

from offhook.actions.ports import (
    DeleteDevice,
    DeleteExtension,
    PutDevice,
    PutExtension,
    PutSettings,
    Write,
)
from offhook.core.model import (
    Device,
    Extension,
    Line,
    SettingScope,
    Sighting,
)
from offhook.core.secret import Secret
from offhook.errors import StoreError
from offhook.store import tables
from offhook.store.open import Store
from tests.store_records import (
    T0,
    change,
    device,
    extension,
    later,
    mac,
    open_at,
    sighting,
)

OF_NODES = ("inventory_log", "journal_batches", "leases", "nodes", "key_checks")

HOSTILE = [
    "O'Neil",
    '"quoted" \\ back',
    "Robert'); DROP TABLE extensions;--",
    "{{ secret }} ${x} %s %(x)s :name ?",
    "Zoë 日本語 עברית \N{TELEPHONE RECEIVER}\N{GRINNING FACE}",
    "line\nbreak\ttab",
    " ",
    "x" * 10_000,
]


async def commit(store: Store, *writes: Write) -> None:
    await store.inventory.commit(writes, [])


async def devices_of(store: Store) -> list[Device]:
    return list((await store.inventory.load()).devices)


async def extensions_of(store: Store) -> list[Extension]:
    return list((await store.inventory.load()).extensions)


async def sightings_of(store: Store) -> list[Sighting]:
    await store.journal.flush()
    return list((await store.inventory.load_seen()).sightings)


def rows_in(connection: Connection) -> dict[str, int]:
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in tables.metadata.tables.items()
        if name not in OF_NODES
    }


async def test_migrations_give_the_tables_of_the_code(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), tables.metadata))

    assert await store.database.run(differences) == []


async def test_opening_again_changes_nothing(store: Store, url: str, tmp_path: Path) -> None:
    await commit(store, PutExtension(extension=extension()))
    await store.close()
    again = await open_at(url, tmp_path)
    assert await extensions_of(again) == [extension()]
    await again.close()


async def test_closing_twice_is_allowed(store: Store) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="is closed"):
        await store.inventory.load()


async def test_new_store_is_empty(store: Store) -> None:
    image = await store.inventory.load()
    seen = await store.inventory.load_seen()
    assert [image.extensions, image.devices, seen.sightings, seen.unknown] == [[], [], [], []]
    assert image.settings == {}


async def test_inventory_round_trips(store: Store) -> None:
    lines = (Line(index=1, extension="1001"), Line(index=4, extension="1002", label="Door"))
    one = device(1, lines=lines, settings={"timezone": "Europe/Berlin", "empty": ""})
    site, model = SettingScope(level="site"), SettingScope(level="model", key="yealink/t46s")
    await commit(
        store,
        PutExtension(extension=extension(1001, source="directory")),
        PutExtension(extension=extension(1002, email="", secret=Secret(""))),
        PutDevice(device=one),
        PutDevice(device=device(2)),
        PutSettings(scope=site, settings={"ntp": "192.0.2.1"}),
        PutSettings(scope=model, settings={"a": "1", "b": "2"}),
    )
    image = await store.inventory.load()
    assert image.extensions == [
        extension(1001, source="directory"),
        extension(1002, email="", secret=Secret("")),
    ]
    assert image.devices == [one, device(2)]
    assert image.settings == {site: {"ntp": "192.0.2.1"}, model: {"a": "1", "b": "2"}}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_text_round_trips(store: Store, name: str) -> None:
    person = extension(1001, name=name, email=name, secret=Secret(name))
    phone = device(
        1,
        lines=(Line(index=1, extension="1001", label=name),),
        admin_password=Secret(name),
        settings={name: name},
    )
    entry = change(subject=name, after={name: name})
    await store.inventory.commit([PutExtension(extension=person), PutDevice(device=phone)], [entry])
    image = await store.inventory.load()
    assert (image.extensions, image.devices) == ([person], [phone])
    assert await store.inventory.list_changes(9, subject=name) == [entry]


async def test_put_replaces_lines_and_settings(store: Store) -> None:
    two = (Line(index=1, extension="1001"), Line(index=2, extension="1002"))
    await commit(store, PutDevice(device=device(1, lines=two, settings={"a": "1", "b": "2"})))
    newer = device(1, model="t48s", settings={"b": "3"}, updated_at=later(99))
    await commit(store, PutDevice(device=newer), PutExtension(extension=extension()))
    await commit(store, PutExtension(extension=extension(name="Renamed")))
    assert await devices_of(store) == [newer]
    assert await extensions_of(store) == [extension(name="Renamed")]


async def test_put_keeps_what_was_seen_of_the_device(store: Store) -> None:
    await commit(store, PutDevice(device=device(1)))
    store.journal.note_sighting(sighting(1))
    await store.journal.flush()
    await commit(store, PutDevice(device=device(1, model="t48s")))
    assert await sightings_of(store) == [sighting(1)]


async def test_deleted_device_leaves_nothing_behind(store: Store) -> None:
    empty = await store.database.run(rows_in)
    await commit(store, PutDevice(device=device(1, settings={"a": "1"})))
    store.journal.note_sighting(sighting(1))
    await store.journal.flush()
    await store.uploads.put_upload(mac(1), "boot.log", b"text", T0)
    await commit(store, DeleteDevice(mac=mac(1)))
    assert await store.database.run(rows_in) == empty


async def test_deleting_one_leaves_the_others(store: Store) -> None:
    await commit(store, *(PutDevice(device=device(n)) for n in (1, 2)))
    await commit(store, *(PutExtension(extension=extension(n)) for n in (1001, 1002)))
    await commit(store, DeleteDevice(mac=mac(1)), DeleteExtension(number="1001"))
    assert await devices_of(store) == [device(2)]
    assert await extensions_of(store) == [extension(1002)]


async def test_deleting_what_is_not_there_is_nothing(store: Store) -> None:
    await commit(store, DeleteDevice(mac=mac(1)), DeleteExtension(number="1001"))
    assert await devices_of(store) == []


async def test_empty_settings_remove_the_scope(store: Store) -> None:
    site, vendor = SettingScope(level="site"), SettingScope(level="vendor", key="yealink")
    await commit(
        store,
        PutSettings(scope=site, settings={"a": "1"}),
        PutSettings(scope=vendor, settings={"b": "2"}),
    )
    await commit(store, PutSettings(scope=site, settings={}))
    assert (await store.inventory.load()).settings == {vendor: {"b": "2"}}


async def test_writes_are_applied_in_their_order(store: Store) -> None:
    await commit(
        store,
        PutDevice(device=device(1, model="t41s")),
        DeleteDevice(mac=mac(1)),
        PutDevice(device=device(1, model="t42s")),
        PutDevice(device=device(1, model="t43u")),
        PutExtension(extension=extension()),
        DeleteExtension(number="1001"),
    )
    assert [found.model for found in await devices_of(store)] == ["t43u"]
    assert await extensions_of(store) == []


async def test_commit_is_all_or_nothing(store: Store) -> None:
    before = await store.database.run(rows_in)
    no_utf8 = extension(1002, name="\ud800")
    with pytest.raises(StoreError, match="cannot be stored") as caught:
        await store.inventory.commit(
            [
                PutExtension(extension=extension(1001)),
                PutDevice(device=device(1)),
                PutExtension(extension=no_utf8),
            ],
            [change()],
        )
    assert caught.value.hint
    assert await store.database.run(rows_in) == before


async def test_thousands_of_devices_go_in_one_commit(store: Store) -> None:
    everyone = [device(n, settings={"n": str(n)}) for n in range(2000)]
    await commit(store, *(PutDevice(device=one) for one in everyone))
    for one in everyone:
        store.journal.note_sighting(sighting(one.mac.value - mac(0).value))
    assert len(await sightings_of(store)) == 2000
    assert await devices_of(store) == everyone


async def test_secrets_are_not_readable_in_the_database(store: Store) -> None:
    await commit(store, PutExtension(extension=extension()), PutDevice(device=device()))

    def stored(connection: Connection) -> list[str]:
        return [
            connection.execute(select(tables.extensions.c.secret)).scalar_one(),
            connection.execute(select(tables.devices.c.admin_password)).scalar_one(),
        ]

    for text_stored in await store.database.run(stored):
        assert text_stored.startswith("v1:")
        assert "secret-of" not in text_stored
        assert "admin-of" not in text_stored


async def test_secret_copied_to_another_row_is_refused(store: Store) -> None:
    await commit(store, *(PutExtension(extension=extension(n)) for n in (1001, 1002)))

    def swap(connection: Connection) -> None:
        table = tables.extensions
        stolen = connection.execute(
            select(table.c.secret).where(table.c.number == "1001")
        ).scalar_one()
        connection.execute(update(table).where(table.c.number == "1002").values(secret=stolen))

    await store.database.run(swap)
    with pytest.raises(StoreError, match="extensions 1002 cannot be decrypted"):
        [person.secret.reveal() for person in (await store.inventory.load()).extensions]


async def test_changes_are_told_newest_first(store: Store) -> None:
    await store.inventory.commit([], [change("1"), change("2", before=None)])
    await store.inventory.commit([], [change("1", action="delete", after=None)])
    told = await store.inventory.list_changes(10)
    assert [(entry.subject, entry.action) for entry in told] == [
        ("1", "delete"),
        ("2", "rename"),
        ("1", "rename"),
    ]
    assert told[1] == change("2", before=None)
    assert told[0].after is None
    assert await store.inventory.list_changes(1, offset=1) == [told[1]]
    assert await store.inventory.list_changes(9, subject="1") == [told[0], told[2]]


async def test_failed_transaction_leaves_no_trace(store: Store) -> None:
    def fail(connection: Connection) -> None:
        connection.execute(tables.tokens.insert(), {"name": "x", "digest": "y", "created_us": 1})
        raise LookupError("after the write")

    with pytest.raises(LookupError):
        await store.database.run(fail)
    assert await store.tokens.list_tokens() == []


async def test_statement_that_fails_is_a_store_error(store: Store) -> None:
    def nonsense(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM nowhere"))

    with pytest.raises(StoreError, match="nowhere"):
        await store.database.run(nonsense)
    assert await store.tokens.list_tokens() == []
