"""One task given to the servers in turn, in a thread of its own that can be left behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from offhook.actions.directory_ports import DirectoryError, Progress
from offhook.directory.ldap_errors import can_ask_again, can_ask_others, unreachable, worst
from offhook.directory.ldap_session import LdapSession
from offhook.directory.ldap_settings import LdapServer, LdapSettings

T = TypeVar("T")
_ATTEMPTS = 2
_log = logging.getLogger("offhook.directory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T]):
    """What a server answered, and what there is to say about those that did not."""

    server: LdapServer
    value: T
    warnings: tuple[str, ...]


class LdapRun:
    """Tries servers in order, each twice; `abort` ends it from any thread."""

    def __init__(self, settings: LdapSettings, servers: tuple[LdapServer, ...]) -> None:
        self._settings = settings
        self._servers = servers
        self._pauses = _pauses(settings.timeouts.retry_pauses_s)
        self._aborted = threading.Event()
        self._session: LdapSession | None = None

    def perform(self, work: Callable[[LdapSession], T]) -> Answer[T]:
        """Do the work with the first server that answers it whole. Raises DirectoryError."""
        errors: list[DirectoryError] = []
        for server in self._servers:
            for attempt in range(_ATTEMPTS):
                if attempt and self._aborted.wait(next(self._pauses)):
                    break
                try:
                    value = self._attempt(server, work)
                except DirectoryError as error:
                    _log.debug("attempt %d at %s: %s", attempt + 1, server.name, error)
                    errors.append(error)
                    if not can_ask_others(error):
                        raise
                    if not can_ask_again(error):
                        break
                else:
                    warnings = tuple(dict.fromkeys(str(error) for error in errors))
                    return Answer(server=server, value=value, warnings=warnings)
        raise worst(errors)

    def abort(self) -> None:
        """Stop, now: the thread wakes up and ends by itself."""
        self._aborted.set()
        session = self._session
        if session is not None:
            session.abort()

    def _attempt(self, server: LdapServer, work: Callable[[LdapSession], T]) -> T:
        session = self._session = LdapSession(server, self._settings)
        if self._aborted.is_set():
            raise unreachable(server.name, "stopped")
        try:
            session.open()
            value = work(session)
            session.sign_off()
            return value
        finally:
            session.close()


async def perform_in_thread(
    settings: LdapSettings,
    servers: tuple[LdapServer, ...],
    work: Callable[[LdapSession, Progress], T],
    progress: Progress,
) -> Answer[T]:
    """Perform the work within the deadline of a run; raises DirectoryError.

    The thread is not waited for: one that hangs in a name service, say, ends when it can, and
    as a daemon it holds up nobody's exit. That is why it comes from no pool.
    """
    loop = asyncio.get_running_loop()
    run = LdapRun(settings, servers)
    future: asyncio.Future[Answer[T]] = loop.create_future()

    def report(what: str, count: int) -> None:
        loop.call_soon_threadsafe(_tell, future, progress, what, count)

    def settle() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has gone meanwhile
            try:
                answer = run.perform(lambda session: work(session, report))
            except BaseException as error:  # handed to whoever waits
                loop.call_soon_threadsafe(_fail, future, error)
            else:
                loop.call_soon_threadsafe(_finish, future, answer)

    threading.Thread(target=settle, name="directory", daemon=True).start()
    limit_s = settings.timeouts.run_s
    try:
        async with asyncio.timeout(limit_s):
            return await future
    except TimeoutError as error:
        problem = f"no complete answer within {limit_s:g} s"
        raise unreachable(servers[0].name, problem) from error
    finally:
        run.abort()


def _pauses(pauses_s: tuple[float, ...]) -> Iterator[float]:
    yield from pauses_s
    while True:
        yield pauses_s[-1] if pauses_s else 0.0


def _tell(future: asyncio.Future[T], progress: Progress, what: str, count: int) -> None:
    if not future.done():
        progress(what, count)


def _finish(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
