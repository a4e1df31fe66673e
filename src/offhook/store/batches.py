"""Batches of attempts: which node wrote which, so that the others learn who asked there."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, delete, func, insert, select

from offhook.actions.elsewhere import Contacts
from offhook.store.attempts import Tally, attempts_between, count_attempts
from offhook.store.shared import Shared, Turn, database_us, take_turn, tell
from offhook.store.sightings import load_unknown
from offhook.store.tables import attempts, journal_batches

BATCHES_AT_ONCE = 50
ATTEMPTS_AT_ONCE = 5000
KEPT_US = 900 * 1_000_000
"""A node that was away for longer reads everything anew."""

_KINDS = {(True, False): "served", (True, True): "tests", (False, False): "refused"}
_KINDS[False, True] = "refused tests"


def newest_id(connection: Connection) -> int:
    """Give the id of the newest attempt; 0 before any."""
    return connection.execute(select(func.max(attempts.c.id))).scalar() or 0


def note_batch(connection: Connection, shared: Shared, first_id: int, tally: Tally) -> None:
    """Say that this node wrote the attempts from `first_id` on. Call in the journal's turn."""
    number = _newest(connection) + 1
    row = {
        "number": number,
        "node": shared.node,
        "first_id": first_id,
        "last_id": newest_id(connection),
        "tally": {name: tally[kind] for kind, name in _KINDS.items() if tally[kind]},
        "at_us": connection.execute(select(database_us())).scalar_one(),
    }
    connection.execute(insert(journal_batches), [row])
    tell(connection, "journal")


def count_shared(connection: Connection) -> tuple[Tally, int]:
    """Count all attempts, and give the batch up to which they are counted."""
    take_turn(connection, Turn.JOURNAL)
    return count_attempts(connection), _newest(connection)


def read_contacts(connection: Connection, shared: Shared) -> Contacts:
    """Read what other nodes recorded since; as many whole batches as fit."""
    table = journal_batches.c
    oldest = connection.execute(select(func.min(table.number))).scalar()
    if oldest is not None and oldest > shared.batch + 1:
        return Contacts(batch=shared.batch, has_gap=True)
    rows = connection.execute(
        select(table.number, table.node, table.first_id, table.last_id, table.tally)
        .where(table.number > shared.batch)
        .order_by(table.number)
        .limit(BATCHES_AT_ONCE)
    ).all()
    tally: Tally = Counter()
    found = []
    batch = shared.batch
    for row in rows:
        batch = row.number
        if row.node != shared.node:
            tally.update({kind: row.tally.get(name, 0) for kind, name in _KINDS.items()})
            found += attempts_between(connection, row.first_id, row.last_id)
        if len(found) >= ATTEMPTS_AT_ONCE:
            break
    macs = {item.mac.plain for item in found if item.mac and item.fault}
    unknown = load_unknown(connection, macs) if macs else []
    return Contacts(batch=batch, attempts=found, unknown=unknown, tally=tally)


def prune_batches(connection: Connection) -> None:
    """Forget what every node has read long ago, but never the newest: numbers go on from it."""
    table = journal_batches.c
    connection.execute(
        delete(journal_batches).where(
            table.at_us < database_us() - KEPT_US,
            table.number < select(func.max(table.number)).scalar_subquery(),
        )
    )


def _newest(connection: Connection) -> int:
    return connection.execute(select(func.max(journal_batches.c.number))).scalar() or 0
