"""The history of attempts, and what was last seen: queued on the loop, written in batches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from offhook.actions.lead import Lead
from offhook.actions.ports import AttemptQuery, Clock
from offhook.core.mac import Mac
from offhook.core.model import Again, Attempt, Sighting, SipRecord, UnknownPhone
from offhook.errors import StoreError
from offhook.store.attempts import (
    Shapes,
    Tally,
    count_attempts,
    count_matching,
    find_attempts,
    tally_of,
    write_attempts,
)
from offhook.store.batches import count_shared, newest_id, note_batch
from offhook.store.database import Database
from offhook.store.retention import Retention
from offhook.store.shared import Shared, Turn, take_turn
from offhook.store.sightings import Delivered, write_sightings, write_unknown
from offhook.store.sip_records import find_sip_records, write_sip_records

_log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH_DELAY_S = 0.08
SIGHTINGS_DELAY_S = 20.0
"""A phone that asks often is written once in it; after a crash its attempts tell the rest."""

SIGHTINGS_ATTEMPTS = 20_000
"""After so many attempts they are written sooner: a start after a crash reads these."""

QUEUE_LIMIT = 200_000
_RETRY_DELAY_S = 1.0
_COMPLAINT_INTERVAL_S = 60.0


@dataclass(slots=True, kw_only=True)
class Queue:
    """What waits to be written; of each device and stranger only the newest."""

    attempts: list[Again] = field(default_factory=list)
    sip: list[SipRecord] = field(default_factory=list)
    sightings: dict[Mac, Sighting] = field(default_factory=dict)
    unknown: dict[Mac, UnknownPhone | None] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to write."""
        return not (self.attempts or self.sip or self.sightings or self.unknown)


class SqlJournal:
    """Journal of attempts on the database thread. Made by `open`; used from the event loop only."""

    def __init__(
        self,
        database: Database,
        tally: Tally,
        *,
        keep_days: int,
        keep_rows: int,
        keep_changes_days: int,
        now: Clock,
        lead: Lead,
    ) -> None:
        self._database = database
        self._tally = tally  # of those stored
        self._loop = asyncio.get_running_loop()
        self._queue = Queue()
        self._sightings: dict[Mac, Sighting] = {}  # not queued yet
        self._unsighted = 0  # attempts recorded meanwhile
        self._timer: asyncio.TimerHandle | None = None
        self._sightings_timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[list[Again]] | None = None
        self._in_flight = Queue()
        self._delivered: dict[Mac, Mapping[str, str]] = {}  # as it is stored
        self._shapes: Shapes = {}  # of the database thread, while it writes
        self._dropped = 0
        self._complained_at_s: dict[str, float] = {}
        self._is_closed = False
        self._retention = Retention(
            database,
            keep_days=keep_days,
            keep_rows=keep_rows,
            keep_changes_days=keep_changes_days,
            now=now,
            lead=lead,
            on_pruned=self._tally.subtract,
        )

    @classmethod
    async def open(
        cls,
        database: Database,
        *,
        keep_days: int,
        keep_rows: int,
        keep_changes_days: int,
        now: Clock,
        lead: Lead,
    ) -> SqlJournal:
        """Count what is stored and begin to prune in the background, on the node that leads."""
        shared = database.shared
        if shared is None:
            tally = await database.run(count_attempts)
        else:
            tally, shared.batch = await database.run(count_shared)
        journal = cls(
            database,
            tally,
            keep_days=keep_days,
            keep_rows=keep_rows,
            keep_changes_days=keep_changes_days,
            now=now,
            lead=lead,
        )
        journal._retention.start()
        return journal

    @property
    def dropped(self) -> int:
        """How many attempts were lost since start because the database was too slow or gone."""
        return self._dropped

    @property
    def waiting(self) -> int:
        """How many attempts and SIP records are queued or being written."""
        queues = (self._queue, self._in_flight)
        return sum(len(queue.attempts) + len(queue.sip) for queue in queues)

    # --- queueing: never blocks, never raises ------------------------------------------------

    def record(self, attempt: Attempt) -> None:
        """Queue an attempt; dropped and counted when the queue is full."""
        self.record_again(Again(attempt, attempt.request_id, attempt.at, attempt.address))

    def record_again(self, again: Again) -> None:
        """Queue one that is like another; dropped and counted when the queue is full."""
        if len(self._queue.attempts) >= QUEUE_LIMIT or self._is_closed:
            self._note_dropped(1)
            return
        self._queue.attempts.append(again)
        if self._timer is None:
            self._arm(BATCH_DELAY_S)

    def record_sip(self, record: SipRecord) -> None:
        """Queue what a phone did over SIP; dropped and counted when the queue is full."""
        if len(self._queue.sip) >= QUEUE_LIMIT or self._is_closed:
            self._note_dropped(1)
            return
        self._queue.sip.append(record)
        if self._timer is None:
            self._arm(BATCH_DELAY_S)

    def note_sighting(self, sighting: Sighting) -> None:
        """Queue the newest sighting of a device, in a while."""
        waiting = self._sightings
        if self._is_closed or (len(waiting) >= QUEUE_LIMIT and sighting.mac not in waiting):
            return
        waiting[sighting.mac] = sighting
        self._unsighted += 1
        if self._unsighted >= SIGHTINGS_ATTEMPTS:
            self._queue_sightings()
        elif self._sightings_timer is None:
            self._sightings_timer = self._loop.call_later(SIGHTINGS_DELAY_S, self._queue_sightings)

    def _queue_sightings(self) -> None:
        if self._sightings_timer is not None:
            self._sightings_timer.cancel()
            self._sightings_timer = None
        if self._sightings:
            self._queue.sightings |= self._sightings
            self._sightings, self._unsighted = {}, 0
            if self._timer is None:
                self._arm(BATCH_DELAY_S)

    def note_unknown(self, phone: UnknownPhone) -> None:
        """Queue the newest state of an unknown phone."""
        self._note_unknown(phone.mac, phone)

    def forget_unknown(self, mac: Mac) -> None:
        """Queue the removal of an unknown phone."""
        self._note_unknown(mac, None)

    def _note_unknown(self, mac: Mac, newest: UnknownPhone | None) -> None:
        queue = self._queue.unknown
        if self._is_closed or (len(queue) >= QUEUE_LIMIT and mac not in queue):
            return
        queue[mac] = newest
        if self._timer is None:
            self._arm(BATCH_DELAY_S)

    def prune(self) -> None:
        """Forget what is too old or too much, now; does not block."""
        self._retention.start()

    # --- other nodes -------------------------------------------------------------------------

    def count_elsewhere(self, tally: Mapping[tuple[bool, bool], int]) -> None:
        """Count what other nodes wrote, or pruned."""
        self._tally.update(tally)

    async def recount(self) -> None:
        """Count what is stored anew, and what is queued. Raises StoreError."""
        shared = self._database.shared
        if shared is not None:
            await self.flush()
            tally, shared.batch = await self._database.run(count_shared)
            self._tally.clear()
            self._tally.update(tally + tally_of(self._queue.attempts + self._in_flight.attempts))

    # --- reading -----------------------------------------------------------------------------

    async def attempts(self, query: AttemptQuery) -> tuple[int, list[Attempt]]:
        """Give total and page. While the disk refuses writes, what is stored. Raises StoreError."""
        with contextlib.suppress(StoreError):
            await self._write_queued()
        if query.mac is not None:
            total = await self._database.run(count_matching, query)
        else:
            total = sum(
                number
                for (is_success, _), number in self._counted().items()
                if query.is_success in (None, is_success)
            )
        return total, await self._database.run(find_attempts, query)

    async def sip_records(
        self, mac: Mac, numbers: Collection[str], *, limit: int, before: datetime | None = None
    ) -> list[SipRecord]:
        """Give what a phone did, newest first. Raises StoreError."""
        with contextlib.suppress(StoreError):
            await self._write_queued()
        return await self._database.run(find_sip_records, mac, tuple(numbers), limit, before)

    async def counts(self) -> Mapping[str, int]:
        """Give `total`, `successful`, `failed` of the phones' attempts kept; costs nothing."""
        counted = self._counted()
        successful, failed = counted[True, False], counted[False, False]
        return {"total": successful + failed, "successful": successful, "failed": failed}

    def _counted(self) -> Tally:
        waiting = tally_of(self._queue.attempts) + tally_of(self._in_flight.attempts)
        return self._tally + waiting

    # --- writing -----------------------------------------------------------------------------

    async def flush(self) -> None:
        """Write all that was queued before the call. Raises StoreError when it cannot be."""
        self._queue_sightings()
        await self._write_queued()

    async def _write_queued(self) -> None:
        """Write what was queued, but sightings, which nobody reads here. Raises StoreError."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        if self._writing is None and not self._queue.is_empty:
            self._write()
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def close(self) -> None:
        """Write the rest and stop; idempotent. What cannot be written is logged as lost."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            await self.flush()
        except StoreError as error:
            _log.error("%d attempts lost at stop: %s", len(self._queue.attempts), error)
        await self._retention.close()

    def _arm(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._writing is None and not self._queue.is_empty:
            self._write()

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queue, self._in_flight = Queue(), self._queue
        self._writing = self._database.submit(
            write_batch, self._in_flight, self._shapes, self._delivered, self._database.shared
        )
        self._writing.add_done_callback(self._written)

    def _written(self, done: asyncio.Future[list[Again]]) -> None:
        self._writing = None
        batch, self._in_flight = self._in_flight, Queue()
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        if error is None:
            self._delivered.update((mac, it.delivered) for mac, it in batch.sightings.items())
            lost = done.result()
            self._tally.update(tally_of(batch.attempts))
            self._tally.subtract(tally_of(lost))
            self._note_dropped(len(lost))
            self._retention.nudge(self._tally.total())
            if self._timer is None and not self._queue.is_empty:
                self._write()
            return
        self._shapes.clear()  # those of the batch are not stored
        self._complain("journal cannot be written, will try again: %s", error)
        self._take_back(batch)
        if not self._is_closed:
            self._arm(_RETRY_DELAY_S)

    def _take_back(self, batch: Queue) -> None:
        newer = self._queue
        attempts = batch.attempts + newer.attempts
        excess = attempts[QUEUE_LIMIT:]
        del attempts[QUEUE_LIMIT:]
        self._note_dropped(len(excess))
        self._queue = Queue(
            attempts=attempts,
            sip=(batch.sip + newer.sip)[:QUEUE_LIMIT],
            sightings=batch.sightings | newer.sightings,
            unknown=batch.unknown | newer.unknown,
        )

    def _note_dropped(self, number: int) -> None:
        if number:
            self._dropped += number
            self._complain("attempts dropped from the journal since start: %d", self._dropped)

    def _complain(self, message: str, value: object) -> None:
        """Log at most once a minute of each kind."""
        now_s = self._loop.time()
        last_s = self._complained_at_s.get(message)
        if last_s is None or now_s - last_s >= _COMPLAINT_INTERVAL_S:
            self._complained_at_s[message] = now_s
            _log.error(message, value)


# --- on the database thread ------------------------------------------------------------------


def write_batch(
    connection: Connection,
    batch: Queue,
    shapes: Shapes,
    delivered: Delivered | None = None,
    shared: Shared | None = None,
) -> list[Again]:
    """Write all of a batch; gives the attempts that the database will never take.

    `delivered` is what is stored of deliveries; it is not changed meanwhile.
    A failure that may pass (disk full, connection gone) is raised and the batch tried again. With
    other nodes the batches of all are written one after another, and this one is announced.
    """
    first_id = 0
    if shared is not None:
        take_turn(connection, Turn.JOURNAL)
        first_id = newest_id(connection) + 1
    put = partial(write_sightings, stored=delivered)
    _write_each(connection, put, list(batch.sightings.values()))
    _write_each(connection, write_unknown, list(batch.unknown.items()))
    _write_each(connection, write_sip_records, batch.sip)
    lost = _write_each(connection, partial(write_attempts, shapes=shapes), batch.attempts)
    if shared is not None and batch.attempts:
        note_batch(connection, shared, first_id, tally_of(batch.attempts) - tally_of(lost))
    return lost


def _write_each(
    connection: Connection, write: Callable[[Connection, Sequence[Any]], None], items: list[T]
) -> list[T]:
    """Write items together; where one is refused for what it is, singly without it."""
    if not items:
        return []
    savepoint = connection.begin_nested()
    try:
        write(connection, items)
    except (OperationalError, InterfaceError):
        # A full SQLite has undone the whole transaction by itself, and the savepoint with it.
        raise
    except (SQLAlchemyError, ValueError, OverflowError) as error:
        savepoint.rollback()
        if len(items) == 1:
            _log.exception("a row cannot be stored: %s", type(error).__name__)
            return items
        return [lost for item in items for lost in _write_each(connection, write, [item])]
    savepoint.commit()
    return []
