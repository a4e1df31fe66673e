"""`/metrics`, `/healthz` and `/readyz`: what monitoring and load balancers ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from offhook.errors import OffhookError, StoreError
from offhook.tasks import spawn
from offhook.web.access import Access, Denied
from offhook.web.answer import JSON, TEXT, error_bytes, send_answer
from offhook.web.body import Receive, Send
from offhook.web.exposition import CONTENT_TYPE
from offhook.web.metrics import metrics_text
from offhook.web.office import Office
from offhook.web.peer import Scope
from offhook.web.ports import Services

PATHS = frozenset({"/metrics", "/healthz", "/readyz"})
STORE_WAIT_S = 3.0
KEPT_S = 1.0
"""How long an answer of the database counts: asking more often costs it nothing more."""

_NO_STORE = (b"cache-control", b"no-store")


class Readiness:
    """Whether phones can be served: the store answers and the SIP engine is up.

    Asked only once all is loaded; until then nobody is ready (`Monitoring`).
    """

    def __init__(self, services: Services, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._monotonic = monotonic
        self._store_problem = ""
        self._asked_s = -KEPT_S
        self._asking: asyncio.Task[None] | None = None

    async def problem(self) -> str:
        """Give the reason why not, or nothing."""
        if self._asking is None and self._monotonic() - self._asked_s >= KEPT_S:
            self._asking = spawn(self._ask(), "ask the store")
        if self._asking is not None:
            # One question for however many ask: strangers cannot keep the database busy.
            await asyncio.wait({self._asking}, timeout=STORE_WAIT_S)
        if self._asking is not None:
            return f"the store has not answered for {STORE_WAIT_S:g} seconds"
        if self._store_problem:
            return self._store_problem
        health = self._services.engine.health()
        if health.is_up:
            return ""
        parts = "; ".join(f"{part.name}: {part.problem}" for part in health.parts if part.problem)
        return f"the SIP engine is not up{': ' if parts else ''}{parts}"

    async def _ask(self) -> None:
        try:
            await self._services.inventory.list_changes(1)
            self._store_problem = ""
        except OffhookError as error:
            self._store_problem = f"the store cannot be read: {error}"
        finally:
            self._asked_s = self._monotonic()
            self._asking = None


class Monitoring:
    """Answers the three paths. Figures and reasons are for whoever may call the API."""

    def __init__(self, services: Services, access: Access, office: Office) -> None:
        self._services = services
        self._access = access
        self._office = office
        self._readiness = Readiness(services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a body that may follow is never read."""
        if scope["method"] not in ("GET", "HEAD"):
            body = error_bytes("method_not_allowed", "GET or HEAD only")
            close = [(b"allow", b"GET, HEAD"), (b"connection", b"close")]
            await send_answer(send, 405, body, JSON, close)
            return
        match scope["path"]:
            case "/healthz":
                await _answer(scope, send, 200, "ok\n")
            case "/readyz":
                await self._ready(scope, send)
            case _:
                await self._office.opened()
                await self._metrics(scope, send)

    async def _ready(self, scope: Scope, send: Send) -> None:
        is_begun = self._office.is_open
        problem = await self._readiness.problem() if is_begun else "offhook has not begun yet"
        if not problem:
            await _answer(scope, send, 200, "ready\n")
            return
        is_trusted = isinstance(await self._actor(scope), str)
        await _answer(scope, send, 503, f"not ready: {problem}\n" if is_trusted else "not ready\n")

    async def _metrics(self, scope: Scope, send: Send) -> None:
        actor = await self._actor(scope)
        if isinstance(actor, Denied):
            body = error_bytes(actor.code, actor.message, actor.hint)
            await send_answer(send, actor.status, body, JSON, [_NO_STORE, *actor.headers])
            return
        await _answer(scope, send, 200, await metrics_text(self._services), CONTENT_TYPE)

    async def _actor(self, scope: Scope) -> str | Denied:
        try:
            return await self._access.actor_of(scope)
        except StoreError as error:
            return Denied(status=503, code="store", message=str(error), hint=error.hint)


async def _answer(scope: Scope, send: Send, status: int, text: str, kind: str = TEXT) -> None:
    body = text.encode("utf-8", "replace")
    sent = b"" if scope["method"] == "HEAD" else body
    await send_answer(send, status, sent, kind, [_NO_STORE], length=len(body))
