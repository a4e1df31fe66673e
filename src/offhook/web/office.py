"""The API and the pages: made beside the phones, which never wait for them.

FastAPI, its models and our resources take longer to import than 50,000 phones to load.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from offhook.tasks import spawn
from offhook.web.access import Access
from offhook.web.peer import Scope
from offhook.web.phones import Reply
from offhook.web.ports import Services
from offhook.web.ui.live import Live

if TYPE_CHECKING:
    from offhook.web.gate import ApiGate
    from offhook.web.ui.app import Pages


class _Parts(NamedTuple):
    api: ApiGate
    pages: Pages


class Office:
    """What people and programs ask; the first who do wait until it is there."""

    def __init__(self, services: Services, access: Access) -> None:
        self._services = services
        self._access = access
        self._live = Live(services)
        self._making: asyncio.Task[_Parts] | None = None

    def open(self) -> asyncio.Task[_Parts]:
        """Begin to make it, on a thread of its own; once."""
        if self._making is None:
            self._making = spawn(asyncio.to_thread(self._make), "make API and pages")
        return self._making

    async def api(self) -> ApiGate:
        """Give the API when it is made."""
        return (await asyncio.shield(self.open())).api

    def takes(self, path: bytes) -> bool:
        """Say whether a POST to this path can be answered by `call`: it is made, and plain."""
        making = self._making
        if making is None or not making.done() or making.cancelled() or making.exception():
            return False
        return making.result().api.takes(path)

    async def call(self, scope: Scope, body: bytes) -> Reply | None:
        """Answer a plain call of the API; None, with nothing done, when it is not."""
        return await (await self.api()).call(scope, body)

    async def pages(self) -> Pages:
        """Give the pages when they are made."""
        return (await asyncio.shield(self.open())).pages

    def close(self) -> None:
        """End the streams of open pages."""
        self._live.close()

    def _make(self) -> _Parts:
        from offhook.web.gate import ApiGate
        from offhook.web.ui.app import Pages

        return _Parts(ApiGate(self._services, self._access), Pages(self._services, self._live))
