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
    """What people and programs ask; the first who do wait until it is open and there."""

    def __init__(self, services: Services, access: Access) -> None:
        self._services = services
        self._access = access
        self._live = Live(services)
        self._is_open = asyncio.Event()
        self._making: asyncio.Task[_Parts] | None = None

    def open(self) -> None:
        """Let them in, and begin to make it on a thread of its own; once."""
        self._is_open.set()
        self._begun()

    def _begun(self) -> asyncio.Task[_Parts]:
        if self._making is None:
            self._making = spawn(asyncio.to_thread(self._make), "make API and pages")
        return self._making

    @property
    def is_open(self) -> bool:
        """Whether all is there that they may see."""
        return self._is_open.is_set()

    async def opened(self) -> None:
        """Return when it is open."""
        await self._is_open.wait()

    async def _parts(self) -> _Parts:
        await self.opened()
        return await asyncio.shield(self._begun())

    async def api(self) -> ApiGate:
        """Give the API when it is made."""
        return (await self._parts()).api

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
        return (await self._parts()).pages

    def close(self) -> None:
        """End the streams of open pages."""
        self._live.close()

    def _make(self) -> _Parts:
        from offhook.web.gate import ApiGate
        from offhook.web.ui.app import Pages

        return _Parts(ApiGate(self._services, self._access), Pages(self._services, self._live))
