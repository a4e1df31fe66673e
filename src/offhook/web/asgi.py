"""The whole HTTP side as one ASGI application: phones, API, pages."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from offhook.errors import StoreError
from offhook.web.access import Access, Denied, access_policy
from offhook.web.answer import JSON, error_bytes, send_answer
from offhook.web.api import create_api
from offhook.web.api.context import ACTOR, REQUEST_ID
from offhook.web.api.direct import Direct
from offhook.web.api.failures import store_failed
from offhook.web.body import GoneError, Message, Receive, Send, read_body
from offhook.web.front import Front
from offhook.web.monitoring import PATHS, Monitoring
from offhook.web.phones import PhoneApp, is_phone_path
from offhook.web.ports import Services
from offhook.web.ui.app import Pages

API_BODY_MAX = 1_000_000

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_NO_STORE = (b"cache-control", b"no-store")
_CLOSE = (b"connection", b"close")
_log = logging.getLogger("offhook.web")


class Web:
    """Phones, API, pages and monitoring; each request goes to one of them by its path."""

    def __init__(self, services: Services) -> None:
        self._fetch_s = services.measures.fetch_s
        self._phones = PhoneApp(services.phones, services.now)
        self.front = Front(self._phones, services.phones, services.now, self._fetch_s.observe)
        self._api = ApiGate(services)
        self._pages = Pages(services)
        self._monitoring = Monitoring(services, self._api.access)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if is_phone_path(scope["raw_path"]):
            began_s = time.perf_counter()
            await self._phones(scope, receive, send)
            self._fetch_s.observe(time.perf_counter() - began_s)
        elif scope["path"] == "/api" or scope["path"].startswith("/api/"):
            await self._api(scope, receive, send)
        elif scope["path"] in PATHS:
            await self._monitoring(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    def close(self) -> None:
        """End what would go on without an end, before the server stops."""
        self._pages.close()


def create_asgi(services: Services) -> Web:
    """Put the parts together."""
    return Web(services)


class ApiGate:
    """Stands before the API: who calls, how large, and what a failure inside looks like."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self.access = Access(
            access_policy(
                settings.api.trusted_networks,
                settings.api.allowed_hosts,
                settings.server.external_ip,
            ),
            services.tokens,
        )
        self._api = create_api(services)
        self._direct = Direct(services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        request_id = secrets.token_hex(6)
        try:
            actor = await self.access.actor_of(scope)
        except StoreError as error:
            actor = store_failed(error)
        if isinstance(actor, Denied):
            # The body was not read; what is left of it would be taken for the next request.
            await _send_denied(send, actor, _CLOSE)
            return
        try:
            body = await read_body(receive, API_BODY_MAX)
        except GoneError:
            return
        if not body.is_complete:
            await _send_denied(send, _too_slow() if body.is_late else _too_large(), _CLOSE)
            return
        prepared = _prepared(scope, actor, body.data, request_id)
        await self._run(prepared, body.data, receive, send)

    async def _run(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        try:
            if not await self._direct.served(scope, body, receive, send):
                await self._api(scope, _replay(body, receive), send)
        except Exception:  # answered already, by the API's own handler
            _log.exception("API request %s failed: %s", scope[REQUEST_ID], scope["path"])


def _prepared(scope: Scope, actor: str, body: bytes, request_id: str) -> Scope:
    """Note the actor, and take any body as JSON: curl without -H calls it a form.

    That a browser can send such a body without asking first does no harm: pages of other sites
    were refused, and a token is never sent by a browser of itself.
    """
    headers = [item for item in scope["headers"] if item[0] != b"content-type"]
    if body:
        headers.append((b"content-type", b"application/json"))
    return {**scope, "headers": headers, ACTOR: actor, REQUEST_ID: request_id}


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read already, then whatever comes after it."""
    is_given = False

    async def replayed() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _send_denied(send: Send, denied: Denied, *headers: tuple[bytes, bytes]) -> None:
    body = error_bytes(denied.code, denied.message, denied.hint)
    await send_answer(send, denied.status, body, JSON, [_NO_STORE, *denied.headers, *headers])


def _too_large() -> Denied:
    return Denied(
        status=413,
        code="body_too_large",
        message=f"the body is larger than {API_BODY_MAX} bytes",
        hint="send it in smaller parts",
    )


def _too_slow() -> Denied:
    return Denied(
        status=408,
        code="body_too_slow",
        message="the body did not arrive in time",
        hint="try again",
    )
