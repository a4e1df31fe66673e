"""The one database thread: everything that touches the database runs there, one after another."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar, TypeVarTuple

from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from offhook.errors import StoreError
from offhook.store import schema
from offhook.store.crypto import Cipher, open_cipher
from offhook.store.driver import execute
from offhook.store.failures import file_error, store_error
from offhook.store.shared import Shared, Turn, take_turn
from offhook.store.thread import OneThread

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_DRIVER_FAILURES = (SQLAlchemyError, sqlite3.Error, UnicodeError, OverflowError)

_BUSY_TIMEOUT_MS = 5000
# FULL: a commit is on the disk when it returns, so that it survives a power cut too; in WAL mode
# that is one fsync (sqlite.org/pragma.html#pragma_synchronous).
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA trusted_schema = OFF",
)


# A database that went away without a word is noticed in seconds, by us and by the server: what a
# dead node held (its session's locks) is free again soon. So is what a process holds that was
# stopped in the middle of a transaction, and nobody waits for a lock for ever.
POSTGRES_ARGUMENTS = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
    " -c idle_in_transaction_session_timeout=5000 -c lock_timeout=30000",
    "application_name": "offhook",
}


class Database:
    """A migrated database with its cipher. Made by `open`; every method is for the event loop.

    `shared` is this process among those that may be on the database too; None on SQLite.
    """

    def __init__(
        self, engine: Engine, cipher: Cipher, lock: IO[str] | None, thread: OneThread
    ) -> None:
        self._engine = engine
        self._lock = lock
        self._thread = thread
        self._place = _place_of(engine.url)
        self._is_closed = False
        self._kept: Connection | None = None
        self.cipher = cipher
        self.shared = None if _is_sqlite(engine.url) else Shared(node=secrets.token_hex(8))

    @property
    def url(self) -> URL:
        """Where it is, with its password."""
        return self._engine.url

    @classmethod
    async def open(cls, url: str, key_file: Path) -> Database:
        """Lock, create, migrate and unlock the database. Raises StoreError."""
        thread = OneThread("offhook-database")
        try:
            engine, cipher, lock = await thread.submit(_open, url, key_file)
        except BaseException:
            thread.stop()
            raise
        return cls(engine, cipher, lock, thread)

    def submit(self, fn: Callable[[Connection, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Queue `fn(connection, *args)` as one transaction; the future fails with StoreError."""
        if self._is_closed:
            refused: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            error = StoreError(f"database {self._place} is closed", "start offhook again")
            refused.set_exception(error)
            return refused
        return self._thread.submit(self._transact, fn, args)

    async def run(self, fn: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """Run `fn(connection, *args)` as one transaction and give its result. Raises StoreError.

        A caller who is cancelled stops waiting; the transaction still ends one way or the other.
        """
        return await asyncio.shield(self.submit(fn, *args))

    def _transact(self, fn: Callable[..., T], args: tuple[object, ...]) -> T:
        try:
            if self.shared is not None:  # taken from the pool each time: it sees whether it broke
                with self._engine.begin() as connection:
                    return fn(connection, *args)
            if self._kept is None:
                self._kept = self._engine.connect()
            with self._kept.begin():
                return fn(self._kept, *args)
        except _DRIVER_FAILURES as error:
            raise store_error(error, self._place) from error

    async def close(self) -> None:
        """Finish what is queued, close the file and give up the lock; idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        await asyncio.shield(self._thread.submit(self._close))
        self._thread.stop()

    def _close(self) -> None:
        if self._kept is not None:
            self._kept.close()
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()


def _open(url_text: str, key_file: Path) -> tuple[Engine, Cipher, IO[str] | None]:
    url = _parse_url(url_text)
    lock = _prepare_file(Path(url.database)) if _is_sqlite(url) and url.database else None
    engine: Engine | None = None
    try:
        engine = _make_engine(url, is_migrating=False)
        with engine.begin() as connection:
            is_current = schema.is_current(connection)
        if not is_current:
            _migrate(url)
        with engine.begin() as connection:
            if not _is_sqlite(url):
                take_turn(connection, Turn.START)
            cipher = open_cipher(connection, key_file, is_shared=not _is_sqlite(url))
    except BaseException as error:
        if engine is not None:
            engine.dispose()
        if lock is not None:
            lock.close()
        if isinstance(error, (*_DRIVER_FAILURES, ImportError)):
            raise store_error(error, _place_of(url)) from error
        raise
    return engine, cipher, lock


def _migrate(url: URL) -> None:
    engine = _make_engine(url, is_migrating=True)
    try:
        schema.upgrade(engine)
    finally:
        engine.dispose()


def _parse_url(text: str) -> URL:
    hint = "store.url is sqlite:////var/lib/offhook/offhook.db or postgresql://user@host/name"
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise StoreError("store.url is not a database URL", hint) from error
    if _is_sqlite(url) and url.database in (None, "", ":memory:"):
        raise StoreError(f"store.url {text} names no file", hint)
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"store.url names {url.drivername}, which offhook does not know", hint)
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _place_of(url: URL) -> str:
    return url.database or "" if _is_sqlite(url) else url.render_as_string(hide_password=True)


def _prepare_file(path: Path) -> IO[str]:
    """Make folder and file with narrow rights and lock the database for this process."""
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        lock = os.fdopen(handle, "r+", encoding="ascii")
        try:
            _take_lock(lock, path)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except BaseException:
            lock.close()
            raise
    except OSError as error:
        raise file_error(error, f"database file {path}") from error
    return lock


def _take_lock(lock: IO[str], path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        process = lock.read().strip() or "unknown"
        raise StoreError(
            f"another offhook is running with this database ({path}, process {process})",
            "stop the other one (`systemctl stop offhook`), or give this one another store.url",
        ) from error
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()}\n")
    lock.flush()


def _make_engine(url: URL, *, is_migrating: bool) -> Engine:
    shared: dict[str, Any] = {
        "hide_parameters": True,
        "json_serializer": partial(json.dumps, default=str),
    }
    if is_migrating:
        shared["poolclass"] = NullPool
    else:
        shared |= {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
    if not _is_sqlite(url):
        arguments = {**POSTGRES_ARGUMENTS, **url.query}
        return create_engine(url, pool_pre_ping=not is_migrating, connect_args=arguments, **shared)
    engine = create_engine(url, **shared)
    _prepare_sqlite(engine, is_checking_keys=not is_migrating)
    return engine


def _prepare_sqlite(engine: Engine, *, is_checking_keys: bool) -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transactions leave out DDL and reads: we begin them ourselves.
        connection.isolation_level = None
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(pragma).close()
        connection.execute(f"PRAGMA foreign_keys = {'ON' if is_checking_keys else 'OFF'}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        execute(connection, "BEGIN IMMEDIATE")
