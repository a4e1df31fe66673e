"""The pages as one ASGI application: who may see them, and what every answer carries."""

from __future__ import annotations

import logging
from importlib.resources import files
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles

from offhook.errors import OffhookError, StoreError
from offhook.web.access import AccessPolicy, access_policy, is_our_name
from offhook.web.body import Receive, Send
from offhook.web.peer import Scope
from offhook.web.ports import Services
from offhook.web.ui.live import Live
from offhook.web.ui.page import ADMIN, COOKIE, CSRF, SEEN, SERVICES, csrf_of, failed_page
from offhook.web.ui.pages import ROUTES

OPEN = ("/sign-in", "/set-up", "/static/")
"""Paths that need no session."""

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_log = logging.getLogger("offhook.web.ui")


class Pages:
    """Serves everything that is neither a phone's file nor the API."""

    def __init__(self, services: Services, live: Live) -> None:
        settings = services.settings
        self._policy: AccessPolicy = access_policy(
            settings.api.trusted_networks, settings.api.allowed_hosts, settings.server.external_ip
        )
        self._services = services
        static = StaticFiles(directory=str(files("offhook.web.ui") / "static"))
        self._app = Starlette(
            routes=[*ROUTES, Mount("/static", static)],
            exception_handlers={404: _not_found, OffhookError: _refused, Exception: _broken},
        )
        self._app.state.services = services
        self._live = self._app.state.live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(dict(scope), receive)
        answer = await self._gate(request)
        if answer is not None:
            answer.headers.update(_HEADERS)
            await answer(request.scope, receive, send)
            return
        await self._app(request.scope, receive, _with_headers(request, send))

    async def _gate(self, request: Request) -> Response | None:
        """Check name, session and where the request comes from; None lets it through."""
        hosts = request.headers.getlist("host")
        if len(hosts) > 1 or (hosts and not is_our_name(self._policy, hosts[0])):
            return Response(
                "This server is not called so: use its address, or api.allowed_hosts\n", 403
            )
        if request.method not in ("GET", "HEAD") and _is_foreign(request):
            return Response("A page of another site may not do this\n", 403)
        text = request.cookies.get(COOKIE, "")
        try:
            admin = await self._services.admins.admin_of(text)
        except StoreError as error:
            return Response(f"The database cannot be read: {error}\n", 503)
        request.scope[SERVICES] = self._services
        request.scope[ADMIN] = admin
        request.scope[CSRF] = csrf_of(text)
        request.scope[SEEN] = self._live.number
        if admin or request.url.path.startswith(OPEN):
            return None
        return _to_sign_in(request) if _is_page(request) else _stray()


def _is_foreign(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "")
    is_other = bool(origin) and origin.partition("//")[2] != request.headers.get("host", "")
    return site not in ("same-origin", "none") or is_other


def _is_page(request: Request) -> bool:
    return any(route.matches(request.scope)[0] is not Match.NONE for route in ROUTES)


def _stray() -> Response:
    """Tell a phone with a wrong path, or a scanner: an HTML form is nothing for either."""
    text = "nothing is here; files for phones are below /provision/, the API below /api/\n"
    return Response(text, 404, media_type="text/plain")


def _to_sign_in(request: Request) -> Response:
    """Send a person to sign in and back; a fragment makes the whole page go there."""
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    if request.method != "GET":
        return Response("Sign in first\n", 401)
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    next_ = f"?next={quote(wanted, safe='')}" if wanted != "/" else ""
    return RedirectResponse(f"/sign-in{next_}", 303)


def _with_headers(request: Request, send: Send) -> Send:
    is_static = request.url.path.startswith("/static/")

    async def sent(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            fixed = [(k.encode(), v.encode()) for k, v in _HEADERS.items()]
            store = b"max-age=3600" if is_static else b"no-store"
            headers = [it for it in message["headers"] if it[0] != b"cache-control"]  # type: ignore[attr-defined] # ASGI
            message["headers"] = [*headers, *fixed, (b"cache-control", store)]
        await send(message)

    return sent  # type: ignore[return-value] # ASGI messages are open dictionaries


async def _not_found(request: Request, _: Exception) -> Response:
    return failed_page(request, 404, "There is no such page", "The menu above leads to all pages")


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, OffhookError):
        raise error
    status = int(getattr(error, "status", 503))
    return failed_page(request, status, str(error), error.hint)


async def _broken(request: Request, error: Exception) -> Response:
    _log.error("page %s failed", request.url.path, exc_info=error)
    hint = "The log file tells more; the page can be tried again"
    return failed_page(request, 500, "This page could not be made", hint)
