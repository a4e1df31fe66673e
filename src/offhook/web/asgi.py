"""The whole HTTP side as one ASGI application: phones, API, pages."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from offhook.web.access import Access, access_policy
from offhook.web.body import Receive, Send
from offhook.web.front import Front
from offhook.web.monitoring import PATHS, Monitoring
from offhook.web.office import Office
from offhook.web.phones import PhoneApp, is_phone_path
from offhook.web.ports import Services

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class Web:
    """Phones, API, pages and monitoring; each request goes to one of them by its path."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        policy = access_policy(
            settings.api.trusted_networks, settings.api.allowed_hosts, settings.server.external_ip
        )
        access = Access(policy, services.tokens)
        self._fetch_s = services.measures.fetch_s
        self._phones = PhoneApp(services.phones, services.now)
        self.front = Front(self._phones, services.phones, services.now, self._fetch_s.observe)
        self.calls = self._office = Office(services, access)
        self._monitoring = Monitoring(services, access, self._office)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if is_phone_path(scope["raw_path"]):
            began_s = time.perf_counter()
            await self._phones(scope, receive, send)
            self._fetch_s.observe(time.perf_counter() - began_s)
        elif scope["path"] == "/api" or scope["path"].startswith("/api/"):
            await (await self._office.api())(scope, receive, send)
        elif scope["path"] in PATHS:
            await self._monitoring(scope, receive, send)
        else:
            await (await self._office.pages())(scope, receive, send)

    def open(self) -> None:
        """Make ready for people too, once phones are served and all is taken up."""
        self._office.open()

    def close(self) -> None:
        """End what would go on without an end, before the server stops."""
        self._office.close()


def create_asgi(services: Services) -> Web:
    """Put the parts together."""
    return Web(services)
