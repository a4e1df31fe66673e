"""A thread that does one thing after another, for a loop that waits for each.

An executor makes a future with a lock of its own for each item, and ties it to one of the loop's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class OneThread:
    """Begins with the first thing to do; `stop` when nothing more comes."""

    def __init__(self, name: str) -> None:
        self._waiting: SimpleQueue[_Item | None] = SimpleQueue()
        # What is waited for is done before its loop ends; nothing else may keep a process alive.
        self._thread = Thread(target=_work, args=(self._waiting,), name=name, daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Queue `fn(*args)`; whoever cancels the future does not hear of its end."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.put(_Item(loop, future, fn, args))
        return future

    def stop(self) -> None:
        """End when all that is queued is done."""
        self._waiting.put(None)


@dataclass(frozen=True, slots=True)
class _Item:
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    fn: Callable[..., Any]
    args: tuple[Any, ...]

    def do(self) -> None:
        result, error = None, None
        try:
            result = self.fn(*self.args)
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self.loop.call_soon_threadsafe(_tell, self.future, result, error)


def _tell(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _work(waiting: SimpleQueue[_Item | None]) -> None:
    while (item := waiting.get()) is not None:
        item.do()
        del item  # it may hold thousands of rows
