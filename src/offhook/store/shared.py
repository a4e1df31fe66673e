"""What several nodes on one PostgreSQL share: whose turn it is to write, and how each is told.

SQLite has one process, so that `Database.shared` is None there and nothing of this costs anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func, insert, select

from offhook.store.tables import inventory_log

CHANNEL = "offhook"
"""The channel of LISTEN; its payload names what there is to look at: `log` or `journal`."""

Entry = tuple[str, str]
"""What a commit wrote: kind and key."""


class Turn(IntEnum):
    """Advisory locks of PostgreSQL; a transaction that takes two takes them in this order."""

    START = 0x0FF0001
    CHANGE = 0x0FF0002
    PRESENCE = 0x0FF0003
    LOG = 0x0FF0004
    JOURNAL = 0x0FF0005


@dataclass(slots=True)
class Shared:
    """Who this process is among the nodes, and how far it knows what they wrote.

    `revision` is the commit and `batch` the batch of attempts up to which all is known here.
    """

    node: str
    revision: int = 0
    batch: int = 0


def take_turn(connection: Connection, turn: Turn) -> None:
    """Wait until no other node is at it; ends with the transaction."""
    connection.execute(select(func.pg_advisory_xact_lock(int(turn))))


def allow_pauses(connection: Connection, seconds: int) -> None:
    """Let this transaction rest for so long between statements; 0 is without limit.

    Others wait no longer than five seconds for what a stopped process holds; a large load or import
    computes for longer than that.
    """
    limit = func.set_config("idle_in_transaction_session_timeout", f"{seconds}s", True)
    connection.execute(select(limit))


def tell(connection: Connection, topic: str) -> None:
    """Wake the others when this transaction is committed."""
    connection.execute(select(func.pg_notify(CHANNEL, topic)))


def database_us() -> ColumnElement[int]:
    """The moment by the database's clock, in microseconds: the only one that nodes share."""
    return cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)


def newest_revision(connection: Connection) -> int:
    """Give the revision of the last commit; 0 before any."""
    return connection.execute(select(func.max(inventory_log.c.revision))).scalar() or 0


def log_entries(connection: Connection, shared: Shared, entries: Iterable[Entry]) -> int:
    """Put what this transaction writes into the log and tell the others; gives its revision.

    From here to its end no other node commits: that makes `max(id) + 1` right on all of them.
    """
    take_turn(connection, Turn.LOG)
    revision = newest_revision(connection) + 1
    unique = dict.fromkeys(entries)
    at_us = connection.execute(select(database_us())).scalar_one()
    if unique:
        connection.execute(
            insert(inventory_log),
            [
                {
                    "revision": revision,
                    "position": position,
                    "node": shared.node,
                    "kind": kind,
                    "key": key,
                    "at_us": at_us,
                }
                for position, (kind, key) in enumerate(unique)
            ],
        )
        tell(connection, "log")
    return revision


def note_kind(connection: Connection, shared: Shared | None, kind: str, key: str = "") -> None:
    """Tell the others that rows of a kind changed which no commit of the inventory holds."""
    if shared is not None:
        log_entries(connection, shared, [(kind, key)])
