"""The journal when the database is slow, full or refuses a row."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from offhook.actions.ports import AttemptQuery, PutDevice
from offhook.errors import StoreError
from offhook.store import journal as journal_module
from offhook.store.attempts import count_attempts
from offhook.store.open import Store
from tests.store_records import attempt, device, mac, open_at, sighting, unknown


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_at(f"sqlite:///{tmp_path}/offhook.db", tmp_path)
    yield opened
    await opened.close()


class Blocked:
    """Holds the database thread until released."""

    def __init__(self, store: Store) -> None:
        self._released = threading.Event()
        self._job = store.database.submit(lambda _connection: self._released.wait(30))

    async def release(self) -> None:
        self._released.set()
        await self._job


def allow_pages(connection: Connection, more: int) -> None:
    used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    connection.exec_driver_sql(f"PRAGMA max_page_count = {used + more}")


async def stored(store: Store) -> int:
    return (await store.database.run(count_attempts)).total()


async def test_queue_is_bounded_and_drops_are_counted_and_told_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_module, "QUEUE_LIMIT", 10)
    blocked = Blocked(store)
    for number in range(25):
        store.journal.record(attempt(number))
        store.journal.note_unknown(unknown(number))
        store.journal.note_sighting(sighting(number))
    await blocked.release()
    await store.journal.flush()
    assert store.journal.dropped == 15
    assert await store.journal.counts() == {"total": 10, "successful": 10, "failed": 0}
    assert len((await store.inventory.load_seen()).unknown) == 10
    told = [entry for entry in caplog.records if "dropped" in entry.message]
    assert len(told) == 1


async def test_full_disk_loses_nothing_once_there_is_room_again(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await store.inventory.commit([PutDevice(device=device(1))], [])
    store.journal.record(attempt(0))
    await store.journal.flush()
    await store.database.run(allow_pages, 1)
    for number in range(1, 2001):
        store.journal.record(attempt(number))
    store.journal.note_sighting(sighting(1))
    with pytest.raises(StoreError, match="the disk is full"):
        await store.journal.flush()
    store.journal.record(attempt(2001))
    total, page = await store.journal.attempts(AttemptQuery())
    assert (total, len(page)) == (2002, 1)
    assert "journal cannot be written" in caplog.text
    await store.database.run(allow_pages, 100_000)
    await store.journal.flush()
    assert await stored(store) == 2002
    assert store.journal.dropped == 0
    assert (await store.inventory.load_seen()).sightings == [sighting(1)]
    _, page = await store.journal.attempts(AttemptQuery(limit=3))
    assert [found.request_id for found in page] == ["r2001", "r2000", "r1999"]


async def test_failed_batch_is_tried_again_by_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_RETRY_DELAY_S", 0.01)
    await store.database.run(allow_pages, 0)
    for number in range(499):
        store.journal.record(attempt(number))
    flushing = asyncio.ensure_future(store.journal.flush())
    await asyncio.sleep(0)
    store.journal.record(attempt(499))
    with pytest.raises(StoreError):
        await flushing
    await store.database.run(allow_pages, 100_000)
    async with asyncio.timeout(10):
        while await stored(store) < 500:
            pass


async def test_queue_stays_bounded_while_writing_fails(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "QUEUE_LIMIT", 400)
    await store.database.run(allow_pages, 0)
    for _ in range(5):
        for number in range(400):
            store.journal.record(attempt(number))
        with pytest.raises(StoreError):
            await store.journal.flush()
    assert store.journal.dropped == 1600
    assert (await store.journal.counts())["total"] == 400
    await store.database.run(allow_pages, 100_000)
    await store.journal.flush()
    assert await stored(store) == 400


async def test_row_that_no_database_takes_is_left_out_and_told(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.journal.record(attempt(1))
    store.journal.record(attempt(2, request_id="\ud800"))
    store.journal.record(attempt(3, size_bytes=2**80))
    store.journal.record(attempt(4))
    await store.journal.flush()
    total, page = await store.journal.attempts(AttemptQuery())
    assert (total, [found.request_id for found in page]) == (2, ["r4", "r1"])
    assert store.journal.dropped == 2
    assert "a row cannot be stored" in caplog.text


async def test_records_while_a_batch_is_written_go_with_the_next(store: Store) -> None:
    blocked = Blocked(store)
    store.journal.record(attempt(1))
    first = asyncio.ensure_future(store.journal.flush())
    await asyncio.sleep(0)
    store.journal.record(attempt(2))
    second = asyncio.ensure_future(store.journal.flush())
    await asyncio.sleep(0)
    assert not first.done()
    assert not second.done()
    await blocked.release()
    await second
    assert await stored(store) == 2


async def test_batch_overtaken_by_its_timer_is_written_when_the_thread_is_free(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "BATCH_DELAY_S", 0.0)
    blocked = Blocked(store)
    store.journal.record(attempt(1))
    for _ in range(5):
        await asyncio.sleep(0)
    store.journal.record(attempt(2))
    for _ in range(5):
        await asyncio.sleep(0)
    await blocked.release()
    async with asyncio.timeout(10):
        while await stored(store) < 2:
            pass


async def test_close_writes_the_rest_and_refuses_more(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/offhook.db"
    store = await open_at(url, tmp_path)
    store.journal.record(attempt(1))
    store.journal.forget_unknown(mac(1))
    await store.close()
    store.journal.record(attempt(2))
    store.journal.note_unknown(unknown(1))
    assert store.journal.dropped == 1
    again = await open_at(url, tmp_path)
    assert await stored(again) == 1
    await again.close()


async def test_journal_of_a_closed_database_says_so(tmp_path: Path) -> None:
    store = await open_at(f"sqlite:///{tmp_path}/offhook.db", tmp_path)
    await store.database.close()
    store.journal.record(attempt(1))
    with pytest.raises(StoreError, match="is closed"):
        await store.journal.flush()
    await store.close()


async def test_pruning_that_fails_is_told_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = await open_at(f"sqlite:///{tmp_path}/offhook.db", tmp_path, keep_rows=10)

    def rename(connection: Connection, old: str, new: str) -> None:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")

    await store.database.run(rename, "reboots", "elsewhere")
    for number in range(1200):
        store.journal.record(attempt(number))
    await store.journal.flush()
    async with asyncio.timeout(10):
        while "cannot be pruned now" not in caplog.text:
            await store.database.run(lambda _connection: None)
    await store.database.run(rename, "elsewhere", "reboots")
    store.journal.record(attempt(1200))
    await store.journal.flush()
    async with asyncio.timeout(10):
        while (await store.journal.counts())["total"] > 10:
            await store.database.run(lambda _connection: None)
    assert await stored(store) == 10
    await store.close()


async def test_what_cannot_be_written_at_stop_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = await open_at(f"sqlite:///{tmp_path}/offhook.db", tmp_path)
    await store.database.run(allow_pages, 0)
    for number in range(300):
        store.journal.record(attempt(number))
    with caplog.at_level(logging.ERROR):
        await store.close()
    assert "300 attempts lost at stop" in caplog.text
