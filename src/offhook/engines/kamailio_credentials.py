"""What Kamailio knows of extensions: the table subscriber follows ours within a second."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import URL, Engine
from sqlalchemy.exc import SQLAlchemyError

from offhook.actions.lead import Lead
from offhook.core.events import Changed, Event
from offhook.core.secret import Secret
from offhook.engines.kamailio_database import Rows, open_tables, read_rows, write_rows
from offhook.tasks import spawn

_log = logging.getLogger("offhook.sip.kamailio")
_FAILURES = (SQLAlchemyError, OSError, ImportError)
RETRY_S = 1.0
MAX_RETRY_S = 30.0
RECONCILE_S = 300.0
"""The table itself is read and compared that often, in case somebody else wrote there."""

Secrets = Mapping[str, Secret]


class KamailioCredentials:
    """Keeps the rows of all enabled extensions; no secret is in them, only HA1 hashes.

    `secrets` gives the secrets of the enabled extensions by number. While the database is away
    `problem` says why, `failures` counts, and Kamailio serves what it has. Of several nodes only
    the one that leads writes; `mark_all` when it begins to, and when one that was paused may have
    written something old.
    """

    def __init__(
        self,
        database: URL,
        *,
        realm: str,
        secrets: Callable[[], Secrets],
        retry_s: float = RETRY_S,
        lead: Lead | None = None,
    ) -> None:
        self.problem = ""
        self.failures = 0
        self.writes = 0
        self._url = database
        self._realm = realm
        self._secrets = secrets
        self._retry_s = retry_s
        self._lead = lead or Lead()
        self._written: dict[str, Secret] | None = None
        self._is_behind = asyncio.Event()
        self._settled = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="offhook-kamailio-database")
        self._engine: Engine | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Compare everything once, then follow. A database that is away is no failure here."""
        await self._write()
        self._task = spawn(self._run(), "keep Kamailio's subscribers")

    async def stop(self) -> None:
        """Stop; idempotent. What is not written yet is found at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await asyncio.to_thread(self._close)

    def mark(self, numbers: Iterable[str] = ()) -> None:
        """Say that extensions changed; which ones is found by comparing. Never blocks or raises."""
        self._settled.clear()
        self._is_behind.set()

    def mark_all(self) -> None:
        """Have the table itself read and compared now: a node or the database came back."""
        self._written = None
        self.mark()

    def on_event(self, event: Event) -> None:
        """Follow what people and directories change."""
        match event:
            case Changed(change=change) if change.noun == "extension":
                self.mark()

    async def wait_written(self) -> None:
        """Wait until a write that is under way has ended."""
        await asyncio.get_running_loop().run_in_executor(self._thread, lambda: None)

    async def wait_settled(self) -> None:
        """Wait until everything marked so far is in the database."""
        await self._settled.wait()

    async def _run(self) -> None:
        delay_s = self._retry_s
        while True:
            if self.problem:
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, MAX_RETRY_S)
            else:
                delay_s = self._retry_s
                await self._wait_behind()
            await self._write()

    async def _wait_behind(self) -> None:
        try:
            async with asyncio.timeout(RECONCILE_S):
                await self._is_behind.wait()
        except TimeoutError:
            self._written = None

    async def _write(self) -> None:
        self._is_behind.clear()
        if not self._lead.is_held:
            self._written, self.problem = None, ""
            self._settled.set()
            return
        wanted = dict(self._secrets())
        written, self._written = self._written, None
        loop = asyncio.get_running_loop()
        try:
            count = await loop.run_in_executor(self._thread, self._apply, wanted, written)
        except _FAILURES as error:
            self._failed(error)
            return
        if self.problem:
            _log.info("Kamailio's subscriber table is kept again: %d rows differed", count)
        self.problem = ""
        self.writes += count
        if not self._is_behind.is_set():
            self._written = wanted
            self._settled.set()

    def _failed(self, error: BaseException) -> None:
        self.failures += 1
        cause = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        problem = f"Kamailio's subscriber table cannot be written: {cause.splitlines()[0]}"
        if problem != self.problem:
            _log.warning(
                "%s; phones with new or changed secrets are refused until it can; trying again",
                problem,
            )
        self.problem = problem

    def _apply(self, wanted: Secrets, written: Secrets | None) -> int:
        """In the thread: write what differs; gives the number of users written or removed."""
        if self._engine is None:
            self._engine = open_tables(self._url)
        with self._engine.begin() as connection:
            if written is None:
                found = read_rows(connection)
                rows = self._rows(wanted)
                rows = {name: row for name, row in rows.items() if found.get(name) != row}
                gone = found.keys() - wanted.keys()
            else:
                gone = written.keys() - wanted.keys()
                rows = self._rows(
                    {name: new for name, new in wanted.items() if written.get(name) != new}
                )
            write_rows(connection, gone, rows)
        return len(gone) + len(rows)

    def _rows(self, secrets: Secrets) -> Rows:
        """Realm and HA1 of both algorithms by user. RFC 7616 §3.4.2."""
        rows = {}
        for number, secret in secrets.items():
            text = f"{number}:{self._realm}:{secret.reveal()}".encode()
            md5 = hashlib.md5(text, usedforsecurity=False)
            rows[number] = (self._realm, md5.hexdigest(), hashlib.sha256(text).hexdigest())
        return rows

    def _close(self) -> None:
        self._thread.shutdown()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
