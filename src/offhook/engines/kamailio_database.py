"""The tables Kamailio reads and writes: subscriber, kept by us, and location, kept by it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from sqlalchemy import (
    URL,
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    QueuePool,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    delete,
    event,
    select,
)

from offhook.engines.kamailio_config import sqlite_file

_CHUNK = 400
"""Numbers in one statement, below SQLite's limit of variables."""

_LOCK_TIMEOUT_MS = 3000
# A process that was stopped while it wrote holds nobody up for long.
_LIMITS = "-c statement_timeout=10000 -c idle_in_transaction_session_timeout=5000"
K = TypeVar("K")

Rows = dict[str, tuple[str, str, str]]
"""Realm, HA1 of MD5 and HA1 of SHA-256 by user."""

_ours = MetaData()
subscriber = Table(
    "subscriber",
    _ours,
    Column("id", Integer, primary_key=True),
    Column("username", String(64), nullable=False, server_default=""),
    Column("domain", String(64), nullable=False, server_default=""),
    Column("ha1", String(64), nullable=False, server_default=""),
    Column("ha1_sha256", String(64), nullable=False, server_default=""),
    UniqueConstraint("username", "domain", name="subscriber_account"),
    Index("subscriber_username", "username"),
)

# Columns as Kamailio 5.6 names them; it reads the type of a column from its declaration.
_kamailios = MetaData()
location = Table(
    "location",
    _kamailios,
    Column("id", Integer, primary_key=True),
    Column("ruid", String(64), nullable=False, unique=True, server_default=""),
    Column("username", String(64), nullable=False, server_default=""),
    Column("domain", String(64)),
    Column("contact", String(512), nullable=False, server_default=""),
    Column("received", String(128)),
    Column("path", String(512)),
    Column("expires", DateTime, nullable=False),
    Column("q", Float, nullable=False, server_default="1.0"),
    Column("callid", String(255), nullable=False, server_default=""),
    Column("cseq", Integer, nullable=False, server_default="1"),
    Column("last_modified", DateTime, nullable=False),
    Column("flags", Integer, nullable=False, server_default="0"),
    Column("cflags", Integer, nullable=False, server_default="0"),
    Column("user_agent", String(255), nullable=False, server_default=""),
    Column("socket", String(64)),
    Column("methods", Integer),
    Column("instance", String(255)),
    Column("reg_id", Integer, nullable=False, server_default="0"),
    Column("server_id", Integer, nullable=False, server_default="0"),
    Column("connection_id", Integer, nullable=False, server_default="0"),
    Column("keepalive", Integer, nullable=False, server_default="0"),
    Column("partition", Integer, nullable=False, server_default="0"),
    Index("location_account", "username", "domain", "contact"),
    Index("location_expires", "expires"),
)


def open_tables(url: URL) -> Engine:
    """Make what is missing; gives the engine of the table subscriber.

    Raises what the driver raises: SQLAlchemyError, OSError, ImportError.
    """
    if url.get_backend_name() != "sqlite":
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": 5, "options": _LIMITS},
        )
        _make(engine, _ours, _kamailios)
        return engine
    kept = _sqlite_engine(sqlite_file(url, "location"))
    _make(kept, _kamailios)
    kept.dispose()
    engine = _sqlite_engine(sqlite_file(url, "subscriber"))
    _make(engine, _ours)
    return engine


def read_rows(connection: Connection) -> Rows:
    """Read everything."""
    columns = subscriber.c
    found = connection.execute(
        select(columns.username, columns.domain, columns.ha1, columns.ha1_sha256)
    )
    return {row[0]: (row[1], row[2], row[3]) for row in found}


def write_rows(connection: Connection, gone: Collection[str], rows: Rows) -> None:
    """Remove users and put the rows of others in the place of what they had."""
    for chunk in _chunks(iter({*gone, *rows})):
        connection.execute(delete(subscriber).where(subscriber.c.username.in_(chunk)))
    for chunk in _chunks(iter(rows)):
        connection.execute(
            subscriber.insert(),
            [
                dict(zip(("domain", "ha1", "ha1_sha256"), rows[name], strict=True), username=name)
                for name in chunk
            ],
        )


def _chunks(names: Iterator[K]) -> Iterator[list[K]]:
    while chunk := list(islice(names, _CHUNK)):
        yield chunk


def _make(engine: Engine, *tables: MetaData) -> None:
    try:
        for several in tables:
            several.create_all(engine)
    except BaseException:
        engine.dispose()
        raise


def _sqlite_engine(path: Path) -> Engine:
    """An engine of a file in WAL mode, without which Kamailio's reads fail while we write."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in (f"busy_timeout = {_LOCK_TIMEOUT_MS}", "journal_mode = WAL"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
