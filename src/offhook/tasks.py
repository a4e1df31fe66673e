"""Start background tasks so that none is lost and no failure is silent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

_log = logging.getLogger("offhook.tasks")
_running: set[asyncio.Task[Any]] = set()


def spawn(coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    """Start a named task, keep it until it ends, and log its failure with the traceback."""
    task = asyncio.create_task(coroutine, name=name)  # noqa: TID251 - the one place that may
    _running.add(task)
    task.add_done_callback(_finish)
    return task


def _finish(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        _log.error("background task %s failed", task.get_name(), exc_info=error)


def every(
    seconds: float, name: str, action: Callable[[], Awaitable[None]]
) -> Callable[[], Awaitable[None]]:
    """Repeat an action; a failure is logged and does not end it. Gives the function to stop."""

    async def run() -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await action()
            except Exception:
                _log.exception("%s failed", name)

    return running(run(), name)


def running(work: Coroutine[None, None, None], name: str) -> Callable[[], Awaitable[None]]:
    """Start what goes on without an end; gives the function to stop it."""
    task = spawn(work, name)

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return stop
