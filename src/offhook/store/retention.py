"""Forgets what is too old or too much, a small piece at a time beside the other work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, Table, and_, delete, func, or_, select

from offhook.actions.ports import Clock
from offhook.core.model import OutcomeKind
from offhook.errors import StoreError
from offhook.store.attempts import REUSED_ROWS, Tally
from offhook.store.database import Database
from offhook.store.tables import attempt_shapes, attempts, changes, reboots, sip_records
from offhook.store.values import to_us

_log = logging.getLogger(__name__)

# Rows in one transaction: about 5 ms of the database thread.
PIECE_ROWS = 1000
_INTERVAL_S = 600.0


class Retention:
    """Prunes attempts and SIP records by age and number, reboots and changes by age.

    `keep_days` and `keep_rows` of 0 mean without limit, and so does `keep_changes_days` for the
    log of changes. `on_pruned` is told which attempts went.
    """

    def __init__(
        self,
        database: Database,
        *,
        keep_days: int,
        keep_rows: int,
        keep_changes_days: int,
        now: Clock,
        on_pruned: Callable[[Tally], None],
    ) -> None:
        self._database = database
        self._keep_days = keep_days
        self._keep_rows = keep_rows
        self._keep_changes_days = keep_changes_days
        self._now = now
        self._on_pruned = on_pruned
        self._loop = asyncio.get_running_loop()
        self._running: asyncio.Future[tuple[Tally, int]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def start(self) -> None:
        """Prune now, then again every ten minutes and when `nudge` says so; does not block."""
        self._timer = self._loop.call_later(_INTERVAL_S, self.start)
        self._prune_piece()

    def nudge(self, stored_rows: int) -> None:
        """Prune when there are more attempts than a piece above the limit."""
        if self._keep_rows and stored_rows > self._keep_rows + PIECE_ROWS:
            self._prune_piece()

    async def close(self) -> None:
        """Stop after the piece that is running; idempotent."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._running is not None:
            with contextlib.suppress(StoreError):
                await asyncio.shield(self._running)

    def _prune_piece(self) -> None:
        if self._running is not None or self._is_closed:
            return
        self._running = self._database.submit(
            prune,
            self._before_us(self._keep_days),
            self._keep_rows,
            self._before_us(self._keep_changes_days),
        )
        self._running.add_done_callback(self._pruned)

    def _before_us(self, days: int) -> int:
        return to_us(self._now() - timedelta(days=days)) if days else 0

    def _pruned(self, done: asyncio.Future[tuple[Tally, int]]) -> None:
        self._running = None
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            _log.warning("old attempts cannot be pruned now", extra={"error": str(error)})
            return
        tally, most_rows = done.result()
        self._on_pruned(tally)
        if max(tally.total(), most_rows) >= PIECE_ROWS:
            self._prune_piece()


def prune(
    connection: Connection, before_us: int, keep_rows: int, changes_before_us: int
) -> tuple[Tally, int]:
    """Delete up to a piece of the oldest of each table; gives the attempts, and the most others."""
    return (
        prune_attempts(connection, before_us, keep_rows),
        max(
            prune_reboots(connection, before_us),
            _prune_by_id(connection, sip_records, before_us, keep_rows),
            _prune_by_id(connection, changes, changes_before_us, 0),
        ),
    )


def prune_attempts(connection: Connection, before_us: int, keep_rows: int) -> Tally:
    """Delete those of the oldest rows that are older than a moment or beyond the newest rows."""
    newest_id = connection.execute(select(func.max(attempts.c.id))).scalar() or 0
    last_excess = newest_id - keep_rows if keep_rows else 0
    oldest = connection.execute(
        select(attempts.c.id, attempts.c.at_us, attempts.c.is_success, attempts.c.is_test)
        .order_by(attempts.c.id)
        .limit(PIECE_ROWS)
    ).all()
    gone: Tally = Counter(
        (is_success, is_test)
        for row_id, at_us, is_success, is_test in oldest
        if row_id <= last_excess or at_us < before_us
    )
    if gone:
        connection.execute(
            delete(attempts).where(
                attempts.c.id <= oldest[-1].id,
                or_(attempts.c.id <= last_excess, attempts.c.at_us < before_us),
            )
        )
        _prune_shapes(connection, oldest[0].id, newest_id)
    return gone


def _prune_shapes(connection: Connection, since_id: int, newest_id: int) -> None:
    """Delete the shapes that no attempt can refer to any more; `since_id` was the oldest of all."""
    oldest_id = connection.execute(select(func.min(attempts.c.id))).scalar() or newest_id + 1
    column = attempt_shapes.c
    is_own = and_(column.id >= since_id, column.kind == OutcomeKind.REFUSED.value)
    connection.execute(
        delete(attempt_shapes).where(
            column.id < oldest_id, or_(is_own, column.id < oldest_id - REUSED_ROWS)
        )
    )


def prune_reboots(connection: Connection, before_us: int) -> int:
    """Delete a piece of the reboots asked before a moment; gives how many."""
    old = (
        select(reboots.c.id)
        .where(reboots.c.asked_us < before_us)
        .order_by(reboots.c.asked_us)
        .limit(PIECE_ROWS)
    )
    return connection.execute(delete(reboots).where(reboots.c.id.in_(old))).rowcount


def _prune_by_id(connection: Connection, table: Table, before_us: int, keep_rows: int) -> int:
    """Delete a piece of the oldest rows of a table whose ids rise with time; gives how many."""
    column = table.c
    newest_id = connection.execute(select(func.max(column.id))).scalar() or 0
    last_excess = newest_id - keep_rows if keep_rows else 0
    oldest = select(column.id, column.at_us).order_by(column.id).limit(PIECE_ROWS).subquery()
    old = select(oldest.c.id).where(or_(oldest.c.id <= last_excess, oldest.c.at_us < before_us))
    return connection.execute(delete(table).where(column.id.in_(old))).rowcount
