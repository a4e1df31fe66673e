"""What opening a database does and refuses, with real files."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from offhook.actions.ports import PutDevice, PutExtension
from offhook.errors import StoreError
from offhook.store import schema
from offhook.store.database import Database
from tests.store_records import device, extension, open_at


def path_of(folder: Path) -> Path:
    return folder / "data" / "offhook.db"


def url_of(folder: Path) -> str:
    return f"sqlite:///{path_of(folder)}"


async def refusal(url: str, folder: Path) -> StoreError:
    with pytest.raises(StoreError) as caught:
        await open_at(url, folder)
    assert caught.value.hint
    return caught.value


async def filled(folder: Path) -> None:
    store = await open_at(url_of(folder), folder)
    await store.inventory.commit([PutExtension(extension=extension())], [])
    await store.close()


async def test_first_start_makes_folder_file_and_key_for_the_owner(tmp_path: Path) -> None:
    store = await open_at(url_of(tmp_path), tmp_path)
    modes = {
        found.name: stat.S_IMODE(found.stat().st_mode)
        for found in path_of(tmp_path).parent.iterdir()
    }
    await store.close()
    assert modes.keys() >= {"offhook.db", "offhook.db-wal", "offhook.db.lock", "secret.key"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path_of(tmp_path).parent.stat().st_mode) & 0o007 == 0


async def test_commits_are_forced_to_disk_and_keys_enforced(tmp_path: Path) -> None:
    store = await open_at(url_of(tmp_path), tmp_path)

    def pragmas(connection: Connection) -> list[object]:
        return [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]

    assert await store.database.run(pragmas) == ["wal", 2, 1, 5000]
    await store.close()


async def test_second_process_is_refused_until_the_first_stops(tmp_path: Path) -> None:
    first = await open_at(url_of(tmp_path), tmp_path)
    error = await refusal(url_of(tmp_path), tmp_path)
    assert "another offhook is running with this database" in str(error)
    assert str(os.getpid()) in str(error)
    await first.close()
    second = await open_at(url_of(tmp_path), tmp_path)
    await second.close()


async def test_lock_of_a_dead_process_does_not_hinder(tmp_path: Path) -> None:
    await filled(tmp_path)
    assert path_of(tmp_path).with_name("offhook.db.lock").exists()
    await (await open_at(url_of(tmp_path), tmp_path)).close()


async def test_failed_start_gives_up_the_lock(tmp_path: Path) -> None:
    await filled(tmp_path)
    key_file = path_of(tmp_path).with_name("secret.key")
    key = key_file.read_bytes()
    key_file.unlink()
    assert "is missing" in str(await refusal(url_of(tmp_path), tmp_path))
    key_file.write_bytes(key)
    key_file.chmod(0o600)
    await (await open_at(url_of(tmp_path), tmp_path)).close()


async def test_database_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    await filled(tmp_path)
    connection = sqlite3.connect(path_of(tmp_path))
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    error = await refusal(url_of(tmp_path), tmp_path)
    assert "schema 9999, newer than this offhook knows" in str(error)
    connection = sqlite3.connect(path_of(tmp_path))
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    connection.close()


async def test_upgrade_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    path_of(tmp_path).parent.mkdir()
    connection = sqlite3.connect(path_of(tmp_path))
    connection.execute("CREATE TABLE sightings (foreign_program INTEGER)")
    connection.close()
    assert "sightings already exists" in str(await refusal(url_of(tmp_path), tmp_path))
    connection = sqlite3.connect(path_of(tmp_path))
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    assert names == [("sightings",)]


async def test_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path_of(tmp_path).parent.mkdir()
    path_of(tmp_path).write_text("notes of the administrator, " * 100)
    error = await refusal(url_of(tmp_path), tmp_path)
    assert "not an SQLite database" in str(error)
    assert path_of(tmp_path).read_text().startswith("notes of the administrator")


async def test_damaged_file_is_told(tmp_path: Path) -> None:
    await filled(tmp_path)
    with path_of(tmp_path).open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (path_of(tmp_path).stat().st_size - 100))
    error = await refusal(url_of(tmp_path), tmp_path)
    assert "the file is damaged" in str(error)
    assert "backup" in error.hint


async def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file is in the way")
    assert "database file" in str(await refusal(url_of(tmp_path), tmp_path))


@contextmanager
def without_permission(folder: Path) -> Iterator[None]:
    """Make a folder unwritable; root, who may write everywhere, is somebody else meanwhile."""
    is_root = os.geteuid() == 0
    folder.chmod(0o555)
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o755)


async def test_folder_without_permission_is_told(tmp_path: Path) -> None:
    with without_permission(tmp_path):
        error = await refusal(url_of(tmp_path), tmp_path)
    assert "permission denied" in str(error)
    assert "write access" in error.hint


async def test_database_without_its_tables_is_told_and_given_up(tmp_path: Path) -> None:
    await filled(tmp_path)
    connection = sqlite3.connect(path_of(tmp_path))
    connection.execute("DROP TABLE attempts")
    connection.close()
    for _ in range(2):
        assert "no such table: attempts" in str(await refusal(url_of(tmp_path), tmp_path))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "not a database URL"),
        ("/var/lib/offhook.db", "not a database URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://localhost/offhook", "mysql, which offhook does not know"),
    ],
)
async def test_url_that_cannot_be_used_is_told(tmp_path: Path, url: str, told: str) -> None:
    assert told in str(await refusal(url, tmp_path))


async def test_full_disk_is_told_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    store = await open_at(url_of(tmp_path), tmp_path)

    def limit_pages(connection: Connection, more: int) -> None:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {used + more}")

    await store.inventory.commit([PutDevice(device=device(1))], [])
    await store.database.run(limit_pages, 2)
    many = [PutDevice(device=device(number)) for number in range(2, 2000)]
    with pytest.raises(StoreError, match="the disk is full") as caught:
        await store.inventory.commit(many, [])
    assert "free some space" in caught.value.hint
    assert (await store.inventory.load()).devices == [device(1)]
    await store.database.run(limit_pages, 100_000)
    await store.inventory.commit(many, [])
    assert len((await store.inventory.load()).devices) == 1999
    await store.close()


async def test_password_of_a_database_is_never_told(tmp_path: Path) -> None:
    url = "postgresql://offhook:hunter2@127.0.0.1:1/offhook"
    assert "hunter2" not in str(await refusal(url, tmp_path))


async def test_loop_goes_on_while_the_database_works(tmp_path: Path) -> None:
    database = await Database.open(url_of(tmp_path), tmp_path / "secret.key")
    is_released = threading.Event()

    def slow(_connection: Connection) -> bool:
        return is_released.wait(30)

    waiting = asyncio.ensure_future(database.run(slow))
    queued = asyncio.ensure_future(database.run(lambda connection: connection.closed))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done()
    assert not queued.done()
    is_released.set()
    assert await waiting is True
    assert await queued is False
    await database.close()


async def test_cancelled_caller_does_not_cut_a_transaction_short(tmp_path: Path) -> None:
    database = await Database.open(url_of(tmp_path), tmp_path / "secret.key")
    has_begun, is_released = threading.Event(), threading.Event()

    def add_token(connection: Connection) -> None:
        has_begun.set()
        is_released.wait(30)
        connection.exec_driver_sql("INSERT INTO tokens VALUES ('a', 'b', 1, NULL)")

    caller = asyncio.ensure_future(database.run(add_token))
    await asyncio.to_thread(has_begun.wait, 30)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    is_released.set()
    names = await database.run(
        lambda connection: connection.exec_driver_sql("SELECT name FROM tokens").scalars().all()
    )
    assert list(names) == ["a"]
    await database.close()


def test_the_revisions_are_those_that_the_migrations_name() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert (
        list(reversed([item.revision for item in scripts.walk_revisions()])) == schema.revisions()
    )
    assert scripts.get_heads() == [schema.revisions()[-1]]
