"""One suite over the store's ports, for every database that is supported."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select, text, update

from offhook.actions.ports import (
    AttemptQuery,
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
    OutcomeKind,
    Reboot,
    RebootStep,
    SettingScope,
    Sighting,
    Token,
)
from offhook.core.secret import Secret
from offhook.errors import StoreError
from offhook.store import tables
from offhook.store.attempts import count_attempts
from offhook.store.open import Store
from offhook.store.uploads import (
    DEVICE_BYTES,
    FILE_BYTES,
    FILES_A_DEVICE,
    SqlUploadStore,
)
from tests.store_records import (
    BACKENDS,
    T0,
    attempt,
    change,
    device,
    extension,
    fresh_url,
    later,
    mac,
    open_at,
    refused,
    registration,
    sighting,
    unknown,
)

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


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_url(request.param, tmp_path) as found:
        yield found


@pytest.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_at(url, tmp_path)
    yield opened
    await opened.close()


async def commit(store: Store, *writes: Write) -> None:
    await store.inventory.commit(writes, [])


async def devices_of(store: Store) -> list[Device]:
    return list((await store.inventory.load()).devices)


async def extensions_of(store: Store) -> list[Extension]:
    return list((await store.inventory.load()).extensions)


async def sightings_of(store: Store) -> list[Sighting]:
    await store.journal.flush()
    return list((await store.inventory.load()).sightings)


def rows_in(connection: Connection) -> dict[str, int]:
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in tables.metadata.tables.items()
    }


# --- schema ----------------------------------------------------------------------------------


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


# --- inventory -------------------------------------------------------------------------------


async def test_new_store_is_empty(store: Store) -> None:
    image = await store.inventory.load()
    assert [image.extensions, image.devices, image.sightings, image.unknown] == [[], [], [], []]
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
        await store.inventory.load()


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


# --- journal ---------------------------------------------------------------------------------


async def test_attempt_round_trips_with_every_field(store: Store) -> None:
    full = attempt(
        1,
        kind=OutcomeKind.UNCHANGED,
        status=304,
        fault="P203",
        error="wrong vendor",
        hint="step one\nstep two",
        notices=("P303", "P304"),
        vendor="yealink",
        model="t46s",
        firmware="66.85.0.5",
        extension="1001",
        extension_name="Zoë O'Neil",
        size_bytes=5_000_000_000,
        digest="ab" * 32,
        content_type="text/plain",
        is_device_file=True,
        is_test=True,
    )
    unfilled = {
        field.name
        for field in dataclasses.fields(full)
        if getattr(full, field.name) == field.default
    }
    assert unfilled == set(), "this test must give every field a value of its own"
    store.journal.record(full)
    store.journal.record(attempt(2, mac=None, mac_text="$mac"))
    assert await store.journal.attempts(AttemptQuery()) == (
        2,
        [attempt(2, mac=None, mac_text="$mac"), full],
    )


async def test_attempts_are_paged_newest_first(store: Store) -> None:
    for number in range(1, 31):
        store.journal.record(attempt(number))
    total, page = await store.journal.attempts(AttemptQuery(limit=3, offset=2))
    assert (total, [found.request_id for found in page]) == (30, ["r28", "r27", "r26"])


async def test_attempts_are_found_by_device_and_success(store: Store) -> None:
    for made in (attempt(1), refused(1), attempt(2), refused(2), refused(3, is_test=True)):
        store.journal.record(made)

    async def found(query: AttemptQuery) -> tuple[int, list[int]]:
        total, page = await store.journal.attempts(query)
        return total, [one.status for one in page]

    assert await found(AttemptQuery(mac=mac(1))) == (2, [404, 200])
    assert await found(AttemptQuery(is_success=False)) == (3, [404, 404, 404])
    assert await found(AttemptQuery(is_success=True)) == (2, [200, 200])
    assert await found(AttemptQuery(mac=mac(2), is_success=True)) == (1, [200])
    assert await found(AttemptQuery(mac=mac(9))) == (0, [])


async def test_counts_leave_out_tests_and_survive_a_restart(
    store: Store, url: str, tmp_path: Path
) -> None:
    for made in (attempt(1), refused(2), attempt(3), attempt(4, is_test=True)):
        store.journal.record(made)
    expected = {"total": 3, "successful": 2, "failed": 1}
    assert await store.journal.counts() == expected
    await store.close()
    again = await open_at(url, tmp_path)
    assert await again.journal.counts() == expected
    assert (await again.journal.attempts(AttemptQuery()))[0] == 4
    await again.close()


async def test_attempts_are_written_without_being_asked(store: Store) -> None:
    store.journal.record(attempt(1))
    async with asyncio.timeout(10):
        while not await store.database.run(count_attempts):
            pass


async def test_newest_sighting_counts(store: Store) -> None:
    await commit(store, PutDevice(device=device(1)), PutDevice(device=device(2)))
    store.journal.note_sighting(sighting(1))
    store.journal.note_sighting(sighting(1, firmware="1", delivered={"a.cfg": "1", "b.cfg": "2"}))
    assert await sightings_of(store) == [
        sighting(1, firmware="1", delivered={"a.cfg": "1", "b.cfg": "2"})
    ]
    newest = sighting(1, last_provisioned=None, delivered={"b.cfg": "3", "c.cfg": "4"})
    store.journal.note_sighting(newest)
    assert await sightings_of(store) == [newest]


async def test_sighting_of_a_deleted_device_is_dropped(store: Store) -> None:
    await commit(store, PutDevice(device=device(1)))
    store.journal.note_sighting(sighting(1))
    store.journal.note_sighting(sighting(2))
    await commit(store, DeleteDevice(mac=mac(1)))
    assert await sightings_of(store) == []


async def test_unknown_phones_are_kept_and_forgotten(store: Store) -> None:
    journal = store.journal
    for number in (1, 2, 3):
        journal.note_unknown(unknown(number))
    await journal.flush()
    journal.note_unknown(unknown(1, count=4, last_seen=later(60)))
    journal.forget_unknown(mac(2))
    journal.note_unknown(unknown(3))
    journal.forget_unknown(mac(3))
    journal.forget_unknown(mac(4))
    journal.note_unknown(unknown(4))
    await journal.flush()
    known = (await store.inventory.load()).unknown
    assert known == [unknown(4), unknown(1, count=4, last_seen=later(60))]


async def test_bytes_that_are_no_text_do_not_hold_up_the_journal(store: Store) -> None:
    junk = "a\0b\ud800c"
    await commit(store, PutDevice(device=device(1)))
    store.journal.record(attempt(1, path=junk, user_agent=junk, file=junk, mac_text=junk))
    store.journal.record(attempt(2))
    store.journal.note_sighting(sighting(1, user_agent=junk, delivered={junk: "1"}))
    store.journal.note_unknown(unknown(1, user_agent=junk, model=junk))
    clean = "a\N{REPLACEMENT CHARACTER}b?c"
    assert await store.journal.attempts(AttemptQuery()) == (
        2,
        [attempt(2), attempt(1, path=clean, user_agent=clean, file=clean, mac_text=clean)],
    )
    assert await sightings_of(store) == [sighting(1, user_agent=clean, delivered={clean: "1"})]


async def test_oldest_attempts_beyond_the_limit_are_forgotten(url: str, tmp_path: Path) -> None:
    store = await open_at(url, tmp_path)
    for number in range(3500):
        store.journal.record(attempt(number) if number % 2 else refused(number))
    await store.close()
    again = await open_at(url, tmp_path, keep_rows=300)
    async with asyncio.timeout(10):
        while (await again.journal.counts())["total"] > 300:
            await again.tokens.list_tokens()
    assert await again.journal.counts() == {"total": 300, "successful": 150, "failed": 150}
    total, page = await again.journal.attempts(AttemptQuery(limit=1, offset=299))
    assert (total, page[0].request_id) == (300, "r3200")
    await again.close()


async def test_limit_holds_while_attempts_arrive(url: str, tmp_path: Path) -> None:
    store = await open_at(url, tmp_path, keep_rows=500)
    for number in range(3000):
        store.journal.record(attempt(number))
        if number % 100 == 0:
            await store.journal.flush()
    await store.journal.flush()
    async with asyncio.timeout(10):
        while (await store.journal.counts())["total"] > 1500:
            await store.journal.attempts(AttemptQuery(limit=1))
    await store.close()


async def test_attempts_and_reboots_of_long_ago_are_forgotten(url: str, tmp_path: Path) -> None:
    store = await open_at(url, tmp_path)
    for number in range(10):
        store.journal.record(attempt(number, at=T0 + timedelta(days=number)))
        await store.reboots.put_reboot(reboot(str(number), asked_at=T0 + timedelta(days=number)))
    await store.close()
    again = await open_at(url, tmp_path, keep_days=3, at=T0 + timedelta(days=9))
    async with asyncio.timeout(10):
        while (await again.journal.attempts(AttemptQuery()))[0] > 4:
            pass
    assert [found.id for found in await again.reboots.list_reboots(20)] == ["9", "8", "7", "6"]
    await again.close()


# --- reboots ---------------------------------------------------------------------------------


def reboot(reboot_id: str = "a", **other: object) -> Reboot:
    values: dict[str, object] = {
        "id": reboot_id,
        "mac": mac(1),
        "extension": "1001",
        "contact": "sip:1001@192.0.2.5:5060;transport=udp",
        "vendor": "yealink",
        "event": "check-sync;reboot=true",
        "reason": "renamed",
        "asked_by": "admin",
        "asked_at": T0,
        "step": RebootStep.PENDING,
    }
    return Reboot(**(values | other))  # type: ignore[arg-type] # values of many types


async def test_reboot_is_replaced_as_it_goes_on(store: Store) -> None:
    await store.reboots.put_reboot(reboot())
    assert await store.reboots.get_reboot("a") == reboot()
    gone_on = reboot(
        step=RebootStep.FETCHED,
        steps={RebootStep.NOTIFIED: later(1), RebootStep.FETCHED: later(9.5)},
        sip_code=200,
        sip_reason="OK",
        was_challenged=True,
        fault="P603",
        detail="x",
    )
    await store.reboots.put_reboot(gone_on)
    assert await store.reboots.get_reboot("a") == gone_on
    assert await store.reboots.get_reboot("b") is None


async def test_reboots_are_listed_newest_first(store: Store) -> None:
    await store.reboots.put_reboot(reboot("a", asked_at=later(1)))
    await store.reboots.put_reboot(reboot("b", asked_at=later(3), mac=None, extension="1002"))
    await store.reboots.put_reboot(reboot("c", asked_at=later(2)))

    async def ids(*args: object, **by: object) -> list[str]:
        return [found.id for found in await store.reboots.list_reboots(*args, **by)]  # type: ignore[arg-type] # passed on

    assert await ids(10) == ["b", "c", "a"]
    assert await ids(2) == ["b", "c"]
    assert await ids(10, mac=mac(1)) == ["c", "a"]
    assert await ids(10, extension="1002") == ["b"]
    assert await ids(10, mac=mac(1), extension="1002") == []


# --- tokens ----------------------------------------------------------------------------------


async def test_tokens_are_kept_by_name(store: Store) -> None:
    one = Token(name="backup 'x'", digest="ab" * 32, created_at=T0)
    two = Token(name="a", digest="cd" * 32, created_at=later(1), last_used_at=later(2))
    await store.tokens.put_token(one)
    await store.tokens.put_token(two)
    used = dataclasses.replace(one, last_used_at=later(9))
    await store.tokens.put_token(used)
    assert await store.tokens.list_tokens() == [two, used]
    assert await store.tokens.delete_token("a")
    assert not await store.tokens.delete_token("a")
    assert await store.tokens.list_tokens() == [used]


async def test_use_of_a_token_is_noted_but_brings_none_back(store: Store) -> None:
    one = Token(name="a", digest="ab" * 32, created_at=T0)
    await store.tokens.put_token(one)
    await store.tokens.note_token_used(one.digest, later(5))
    assert await store.tokens.list_tokens() == [dataclasses.replace(one, last_used_at=later(5))]
    await store.tokens.delete_token("a")
    await store.tokens.note_token_used(one.digest, later(6))
    assert await store.tokens.list_tokens() == []


# --- registrations ---------------------------------------------------------------------------


async def test_bindings_of_an_extension_are_replaced(store: Store) -> None:
    first = registration(
        1001,
        "sip:a@192.0.2.5",
        mac=mac(1),
        path=("<sip:proxy;lr>", "<sip:b;lr>"),
        instance="<urn:uuid:1>",
        q=0.7,
        user_agent="Yealink",
    )
    second = registration(1001, "sip:b@192.0.2.6")
    other = registration(1002, "sip:c@192.0.2.7", source="tcp:[2001:db8::1]:5060")
    saved = store.registrations
    await saved.save_registrations({"1001": [first, second], "1002": [other]})
    assert await saved.load_registrations() == [first, second, other]
    await saved.save_registrations({"1001": [second]})
    assert await saved.load_registrations() == [second, other]
    await saved.save_registrations({"1001": [], "1003": []})
    await saved.save_registrations({})
    assert await saved.load_registrations() == [other]


# --- uploads ---------------------------------------------------------------------------------


async def test_upload_is_given_back_byte_for_byte(store: Store) -> None:
    body = bytes(range(256)) * 3
    assert await store.uploads.put_upload(mac(1), "a'b.log", b"older", T0)
    assert await store.uploads.put_upload(mac(1), "a'b.log", body, later(1))
    assert await store.uploads.get_upload(mac(1), "a'b.log") == body
    assert await store.uploads.get_upload(mac(2), "a'b.log") is None
    assert await store.uploads.list_uploads(mac(1)) == [("a'b.log", len(body), later(1))]


async def test_upload_larger_than_allowed_is_refused(store: Store) -> None:
    put = store.uploads.put_upload
    assert await put(mac(1), "fits.log", bytes(FILE_BYTES), T0)
    assert not await put(mac(1), "large.log", bytes(FILE_BYTES + 1), T0)
    assert not await put(mac(1), "x" * 256, b"", T0)
    assert [name for name, _, _ in await store.uploads.list_uploads(mac(1))] == ["fits.log"]


async def test_oldest_uploads_of_a_device_go_first(store: Store) -> None:
    for number in range(FILES_A_DEVICE + 2):
        await store.uploads.put_upload(mac(1), f"{number}.log", b"x", later(number))
    await store.uploads.put_upload(mac(2), "other.log", b"x", T0)
    names = [name for name, _, _ in await store.uploads.list_uploads(mac(1))]
    assert names == [f"{number}.log" for number in range(FILES_A_DEVICE + 1, 1, -1)]
    assert len(await store.uploads.list_uploads(mac(2))) == 1


async def test_uploads_of_a_device_stay_within_its_room(store: Store) -> None:
    fitting = DEVICE_BYTES // FILE_BYTES
    for number in range(fitting + 1):
        await store.uploads.put_upload(mac(1), str(number), bytes(FILE_BYTES), later(number))
    kept = await store.uploads.list_uploads(mac(1))
    assert [name for name, _, _ in kept] == [str(number) for number in range(fitting, 0, -1)]


async def test_upload_with_a_clock_set_back_is_still_the_one_kept(store: Store) -> None:
    for number in range(FILES_A_DEVICE):
        await store.uploads.put_upload(mac(1), f"{number}.log", b"x", later(number))
    await store.uploads.put_upload(mac(1), "now.log", b"new", later(-3600))
    assert await store.uploads.get_upload(mac(1), "now.log") == b"new"
    assert await store.uploads.get_upload(mac(1), "0.log") is None


async def test_all_uploads_together_stay_within_the_total(store: Store) -> None:
    uploads = SqlUploadStore(store.database, total_bytes=1000)
    for number in range(30):
        await uploads.put_upload(mac(number), "boot.log", bytes(90), later(number))

    def stored(connection: Connection) -> list[str]:
        column = tables.uploads.c.mac
        return list(connection.execute(select(column).order_by(column)).scalars())

    assert await store.database.run(stored) == [mac(number).plain for number in range(19, 30)]


async def test_deleted_devices_make_room_for_uploads(store: Store) -> None:
    uploads = SqlUploadStore(store.database, total_bytes=1000)
    await commit(store, PutDevice(device=device(1)))
    await uploads.put_upload(mac(2), "oldest.log", bytes(400), T0)
    await uploads.put_upload(mac(1), "boot.log", bytes(500), later(1))
    await commit(store, DeleteDevice(mac=mac(1)))
    await uploads.put_upload(mac(3), "boot.log", bytes(500), later(2))
    assert await uploads.get_upload(mac(2), "oldest.log") == bytes(400)


# --- the database thread ---------------------------------------------------------------------


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
