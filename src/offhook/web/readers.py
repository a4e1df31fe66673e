"""Tells of sockets that can be read, where the loop's own way costs more than reading does."""

from __future__ import annotations

import asyncio
import contextlib
import select
import sys
from collections.abc import Callable
from typing import Protocol

AT_ONCE = 64
"""Sockets told of in a row, so that the rest of the loop has its turn."""


class Readers(Protocol):
    """What of the loop a transport needs to hear of its socket."""

    def add_reader(self, fd: int, callback: Callable[[], object], /) -> object:
        """Call it whenever the socket can be read."""
        ...

    def remove_reader(self, fd: int, /) -> object:
        """Do not call it any more. Comes before the socket is closed."""
        ...


class Epoll:
    """Many sockets behind one reader of the loop (epoll(7)); for those that live for two readings.

    uvloop makes a handle for each reader and takes a turn of the loop to close it: some 60 us for a
    connection, where this takes a system call or two.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], object]] = {}
        self._loop = loop
        loop.add_reader(self._epoll.fileno(), self._tell)

    def add_reader(self, fd: int, callback: Callable[[], object], /) -> None:
        """Call it whenever the socket can be read."""
        self._callbacks[fd] = callback
        self._epoll.register(fd, select.EPOLLIN)

    def remove_reader(self, fd: int, /) -> None:
        """Do not call it any more."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def _tell(self) -> None:
        for fd, _ in self._epoll.poll(0, AT_ONCE):
            callback = self._callbacks.get(fd)  # None: one told before it has closed it
            if callback is not None:
                callback()

    def close(self) -> None:
        """Tell of nothing any more; idempotent."""
        if not self._epoll.closed:
            with contextlib.suppress(RuntimeError):  # the loop may be closed
                self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._callbacks.clear()


def readers_of(loop: asyncio.AbstractEventLoop) -> tuple[Readers, Callable[[], None]]:
    """Give the cheapest way there is, and the function to end it."""
    if sys.platform == "linux":
        found = Epoll(loop)
        return found, found.close
    return loop, lambda: None
