"""What every page needs: rendering, forms that are known to be ours, who is signed in."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from offhook import __version__
from offhook.errors import BadRequestError
from offhook.web.ports import Services
from offhook.web.ui.words import FILTERS

COOKIE = "offhook_session"
ADMIN = "offhook.admin"
CSRF = "offhook.csrf"
SERVICES = "offhook.services"
SEEN = "offhook.seen"
FORM_MAX = 4 * 1024 * 1024

Show = Callable[[Request], Awaitable[Response]]
Act = Callable[[Request, FormData], Awaitable[Response]]

MENU = (
    ("/", "Fleet"),
    ("/phones", "Phones"),
    ("/unknown", "Unknown"),
    ("/people", "People"),
    ("/add", "Add phones"),
    ("/templates", "Templates"),
    ("/log", "Log"),
    ("/settings", "Settings"),
)


def csrf_of(cookie: str) -> str:
    """Derive the form token of a session; without the cookie nobody can tell it."""
    return hashlib.sha256(f"form {cookie}".encode()).hexdigest() if cookie else ""


def services_of(request: Request) -> Services:
    """Give what pages act on."""
    return cast(Services, request.scope[SERVICES])


def actor_of(request: Request) -> str:
    """Give the name that changes are noted under."""
    return f"admin {request.scope[ADMIN]}"


def is_fragment(request: Request) -> bool:
    """Say whether htmx asks for a piece of the page only."""
    return request.headers.get("hx-request") == "true" and not request.headers.get("hx-boosted")


def show(path: str, handler: Show) -> Route:
    """Route a page that only shows."""
    return Route(path, handler, methods=["GET"])


def act(path: str, handler: Act) -> Route:
    """Route what changes something: the form must carry the session's token."""

    async def checked(request: Request) -> Response:
        if int(request.headers.get("content-length") or 0) > FORM_MAX:
            raise BadRequestError("too_large", "this is too much at once", "send it in parts", 413)
        async with request.form(max_part_size=FORM_MAX) as form:
            given = request.headers.get("x-csrf") or str(form.get("csrf") or "")
            wanted = str(request.scope[CSRF])
            if not wanted or not hmac.compare_digest(given.encode(), wanted.encode()):
                raise BadRequestError(
                    "stale_form", "this form is out of date", "load the page again", 403
                )
            return await handler(request, form)

    return Route(path, checked, methods=["POST"])


def text_of(form: FormData, name: str) -> str:
    """Give a field of a form, blanks around it dropped; empty when it is missing."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def page(
    request: Request, template: str, values: Mapping[str, Any] | None = None, status: int = 200
) -> Response:
    """Render a template of `templates/` with what the layout needs."""
    text = (
        _environment()
        .get_template(template)
        .render(
            {
                "request": request,
                "admin": request.scope.get(ADMIN, ""),
                "csrf": request.scope.get(CSRF, ""),
                "seen": request.scope.get(SEEN, 0),
                "menu": MENU,
                "path": request.url.path,
                "version": __version__,
                "now": datetime.now(UTC),
                **(values or {}),
            }
        )
    )
    return HTMLResponse(text, status)


def go(request: Request, path: str) -> Response:
    """Lead on to a page after something was done."""
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"HX-Redirect": path})
    return RedirectResponse(path, 303)


def failed_page(request: Request, status: int, message: str, hint: str) -> Response:
    """Say what went wrong and what to do: a whole page, or a piece for where htmx asked."""
    template = "failed_piece.html" if is_fragment(request) else "failed.html"
    return page(request, template, {"message": message, "hint": hint, "title": message}, status)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(str(files("offhook.web.ui") / "templates")),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment
