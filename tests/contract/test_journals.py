"""One suite over the journal's port, for every database that is supported."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from offhook.actions.ports import (
    AttemptQuery,
    DeleteDevice,
    PutDevice,
    Write,
)
from offhook.core.model import (
    Again,
    OutcomeKind,
    Sighting,
    SipRecord,
)
from offhook.store import attempts as attempts_module
from offhook.store import retention as retention_module
from offhook.store.attempts import count_attempts
from offhook.store.open import Store
from offhook.store.tables import attempt_shapes
from offhook.store.upsert import ROWS_AT_ONCE
from tests.store_records import (
    T0,
    attempt,
    change,
    device,
    later,
    mac,
    open_at,
    reboot,
    refused,
    sighting,
    unknown,
)


async def commit(store: Store, *writes: Write) -> None:
    await store.inventory.commit(writes, [])


async def sightings_of(store: Store) -> list[Sighting]:
    await store.journal.flush()
    return list((await store.inventory.load_seen()).sightings)


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
    # Another node may have delivered what this one does not know of.
    delivered = {"a.cfg": "1", "b.cfg": "3", "c.cfg": "4"}
    assert await sightings_of(store) == [dataclasses.replace(newest, delivered=delivered)]


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
    known = (await store.inventory.load_seen()).unknown
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
        await store.reboots.put_reboots([reboot(str(number), asked_at=T0 + timedelta(days=number))])
    await store.close()
    again = await open_at(url, tmp_path, keep_days=3, at=T0 + timedelta(days=9))
    async with asyncio.timeout(10):
        while (await again.journal.attempts(AttemptQuery()))[0] > 4:
            pass
    assert [found.id for found in await again.reboots.list_reboots(20)] == ["9", "8", "7", "6"]
    await again.close()


def sip_record(number: int, **other: Any) -> SipRecord:
    values: dict[str, Any] = {
        "at": T0 + timedelta(days=number),
        "mac": mac(1),
        "extension": "1001",
        "kind": "registered",
        "source": "udp:192.0.2.1:5060",
    }
    return SipRecord(**(values | other))


async def test_sip_records_are_of_the_phone_or_of_its_extension_without_a_phone(
    store: Store,
) -> None:
    full = sip_record(1, user_agent="Zo\u00eb", status=403, detail="as 1002")
    nameless = sip_record(2, mac=None)
    for item in (full, nameless, sip_record(3, mac=mac(2)), sip_record(4, mac=None, extension="9")):
        store.journal.record_sip(item)
    assert await store.journal.sip_records(mac(1), ["1001"], limit=9) == [nameless, full]
    assert await store.journal.sip_records(mac(1), [], limit=9) == [full]
    assert await store.journal.sip_records(mac(1), ["1001"], limit=1) == [nameless]
    older = await store.journal.sip_records(mac(1), ["1001"], limit=9, before=nameless.at)
    assert older == [full]


async def test_more_sip_records_than_one_statement_takes_are_kept(store: Store) -> None:
    items = [sip_record(number, detail=f"\u20ac{number}") for number in range(2 * ROWS_AT_ONCE + 3)]
    for item in items:
        store.journal.record_sip(item)
    assert await store.journal.sip_records(mac(1), [], limit=999) == items[::-1]


async def test_sip_records_and_changes_of_long_ago_are_forgotten(url: str, tmp_path: Path) -> None:
    store = await open_at(url, tmp_path)
    changes = [change(number, at=T0 + timedelta(days=number)) for number in range(10)]
    await store.inventory.commit([], changes)
    for number in range(10):
        store.journal.record_sip(sip_record(number))
    await store.close()
    again = await open_at(
        url, tmp_path, keep_days=3, keep_changes_days=5, at=T0 + timedelta(days=9)
    )
    async with asyncio.timeout(10):
        while len(await again.inventory.list_changes(20)) > 6:
            pass
        while len(await again.journal.sip_records(mac(1), [], limit=20)) > 4:
            pass
    await again.close()


async def test_what_is_not_written_yet_is_counted(store: Store) -> None:
    assert (store.journal.waiting, store.journal.dropped) == (0, 0)
    store.journal.record(attempt(1))
    store.journal.record_sip(sip_record(1))
    assert store.journal.waiting == 2
    await store.journal.flush()
    assert (store.journal.waiting, store.journal.dropped) == (0, 0)


async def test_equal_attempts_share_what_they_have_in_common(store: Store) -> None:
    first = attempt(1)
    store.journal.record(first)
    for number in range(2, 40):
        store.journal.record_again(Again(first, f"r{number}", later(number), "10.0.0.9"))
    store.journal.record(refused(50))
    store.journal.record(refused(50, request_id="r51"))
    total, page = await store.journal.attempts(AttemptQuery(limit=100))
    assert total == 41
    assert page[-1] == first
    assert page[2] == dataclasses.replace(first, request_id="r39", at=later(39), address="10.0.0.9")
    assert await store.database.run(shapes_stored) == 3, "refusals have one each"


def shapes_stored(connection: Connection) -> int:
    statement = select(func.count()).select_from(attempt_shapes)
    return int(connection.execute(statement).scalar_one())


async def test_shapes_go_with_the_last_attempt_that_may_use_them(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts_module, "REUSED_ROWS", 100)
    monkeypatch.setattr(retention_module, "REUSED_ROWS", 100)
    store = await open_at(url, tmp_path, keep_rows=0)
    for number in range(2500):
        store.journal.record(refused(number) if number % 2 else attempt(number % 20))
        if number % 100 == 0:
            await store.journal.flush()
    await store.close()
    again = await open_at(url, tmp_path, keep_rows=300)
    async with asyncio.timeout(10):
        while (await again.journal.counts())["total"] > 300:
            await again.tokens.list_tokens()
    total, page = await again.journal.attempts(AttemptQuery(limit=1000))
    assert total == len(page) == 300, "each has its shape"
    assert await again.database.run(shapes_stored) < 700
    await again.close()


async def test_history_of_a_phone_is_found_over_all_blocks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts_module, "BLOCK_ROWS", 16)
    monkeypatch.setattr(attempts_module, "_BLOCKS_A_STATEMENT", 3)
    for number in range(400):
        store.journal.record(attempt(number, mac=mac(1 + (number % 40 == 7))))
    total, page = await store.journal.attempts(AttemptQuery(mac=mac(2), limit=3, offset=2))
    assert (total, [it.request_id for it in page]) == (10, ["r287", "r247", "r207"])
    _, rest = await store.journal.attempts(AttemptQuery(mac=mac(2), limit=50, offset=8))
    assert [it.request_id for it in rest] == ["r47", "r7"]
