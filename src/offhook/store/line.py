"""Connections of PostgreSQL that stay open: the line to other nodes, and the lock of changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL

from offhook.errors import StoreError
from offhook.store.failures import store_error
from offhook.store.shared import CHANNEL, Turn

if TYPE_CHECKING:
    from psycopg import AsyncConnection

_log = logging.getLogger("offhook.nodes")

WAIT_S = 5.0
RETRY_S = 1.0
LOCK_WAIT_MS = 10_000
HELD_AT_MOST_MS = 60_000
"""A change that holds the lock for longer (its process was stopped) loses it, and is refused."""


class Line:
    """Hears what other nodes did, and holds the place of this one.

    An engine that can be only once takes the place for itself alone; others share it.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: AsyncConnection[Any] | None = None

    async def open(self, *, is_only: bool) -> None:
        """Connect and take the place. Raises StoreError, also when another node has it."""
        from psycopg import Error  # the driver is an extra

        try:
            self._connection = await _connected(self._url)
            share = "" if is_only else "_shared"
            cursor = await self._connection.execute(
                f"SELECT pg_try_advisory_lock{share}(%s)",
                (int(Turn.PRESENCE),),
            )
            row = await cursor.fetchone()
            await self._connection.execute(f"LISTEN {CHANNEL}")
        except (Error, OSError, TimeoutError) as error:
            await self.close()
            raise store_error(error, self._url.render_as_string()) from error
        if row is None or not row[0]:
            await self.close()
            raise StoreError(
                "another offhook is running with this database",
                "the embedded SIP engine can be only once: stop the other one, or give all of them"
                " sip.engine: kamailio (docs/scaling.md)",
            )

    async def listen(self, *, is_only: bool, on_topic: Callable[[str], None]) -> None:
        """Tell of each topic as it comes, for ever; `""` after each new connection."""
        from psycopg import Error

        while True:
            try:
                if self._connection is None:
                    await self.open(is_only=is_only)
                    on_topic("")
                if self._connection is not None:
                    async for note in self._connection.notifies():
                        on_topic(note.payload)
            except StoreError as error:
                _log.warning("other nodes are not heard now: %s", error)
            except (Error, OSError) as error:
                _log.warning("the line to other nodes broke: %s", str(error).strip())
            await self.close()
            await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        """Hang up; idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


class ChangeLock:
    """The lock of changes over all nodes: whoever holds it has taken in all changes of before.

    `catch_up` is called with the lock held; then the picture in memory is the newest there is.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._own = asyncio.Lock()
        self._connection: AsyncConnection[Any] | None = None
        self.catch_up: Callable[[], Awaitable[None]] | None = None

    async def __aenter__(self) -> None:
        await self._own.acquire()
        try:
            await self._take()
            if self.catch_up is not None:
                await self.catch_up()
        except BaseException:
            await self._give_back()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.shield(self._give_back())

    async def close(self) -> None:
        """Disconnect; idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _take(self) -> None:
        from psycopg import Error
        from psycopg.errors import LockNotAvailable

        was_open = self._connection is not None
        try:
            connection = await self._open()
            await connection.execute("BEGIN")
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (int(Turn.CHANGE),))
        except LockNotAvailable as error:
            raise StoreError(
                f"another node has been changing something for {LOCK_WAIT_MS // 1000} seconds",
                "nothing was changed; try again in a moment",
            ) from error
        except (Error, OSError, TimeoutError) as error:
            await self.close()
            if not was_open:
                raise store_error(error, self._url.render_as_string()) from error
            await self._take()  # it broke since it was used last

    async def _open(self) -> AsyncConnection[Any]:
        if self._connection is None:
            self._connection = await _connected(self._url)
            for setting, value in (
                ("lock_timeout", LOCK_WAIT_MS),
                ("idle_in_transaction_session_timeout", HELD_AT_MOST_MS),
            ):
                await self._connection.execute(
                    "SELECT set_config(%s, %s, false)", (setting, str(value))
                )
        return self._connection

    async def _give_back(self) -> None:
        from psycopg import Error

        try:
            if self._connection is not None:
                await self._connection.execute("ROLLBACK")
        except (Error, OSError):
            await self.close()
        finally:
            self._own.release()


async def _connected(url: URL) -> AsyncConnection[Any]:
    """Connect as the rest of the store does, each statement its own transaction."""
    from psycopg import AsyncConnection

    from offhook.store.database import POSTGRES_ARGUMENTS

    _, arguments = url.get_dialect()().create_connect_args(url)
    async with asyncio.timeout(WAIT_S):
        return await AsyncConnection.connect(**{**POSTGRES_ARGUMENTS, **arguments}, autocommit=True)
