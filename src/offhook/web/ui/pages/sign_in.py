"""Sign in, sign out, and the first visit."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from offhook.actions.admins import SESSION, SHORTEST_PASSWORD
from offhook.errors import BadRequestError
from offhook.web.peer import address_of
from offhook.web.ui.page import COOKIE, act, page, services_of, show, text_of


async def show_sign_in(request: Request) -> Response:
    """The form to sign in."""
    return page(request, "sign_in.html", _values(_inner(request.query_params.get("next", ""))))


async def sign_in(request: Request) -> Response:
    """Take name and password."""
    async with request.form() as form:
        next_ = _inner(text_of(form, "next"))
        name, password = text_of(form, "name"), str(form.get("password") or "")
    try:
        cookie = await services_of(request).admins.sign_in(
            name, password, address_of(request.scope)
        )
    except BadRequestError as error:
        values = _values(next_, name, str(error), error.hint)
        return page(request, "sign_in.html", values, error.status)
    return _signed_in(request, cookie, next_)


async def show_set_up(request: Request) -> Response:
    """The form of the first visit, opened by the link that was printed at the first start."""
    values = {"code": request.query_params.get("code", ""), "name": "", "message": "", "hint": ""}
    return page(request, "set_up.html", {**values, "shortest": SHORTEST_PASSWORD})


async def set_up(request: Request) -> Response:
    """Make the first admin."""
    async with request.form() as form:
        code, name = text_of(form, "code"), text_of(form, "name")
        password = str(form.get("password") or "")
    try:
        cookie = await services_of(request).admins.set_up(
            code, name, password, address_of(request.scope)
        )
    except BadRequestError as error:
        values = {"code": code, "name": name, "message": str(error), "hint": error.hint}
        return page(request, "set_up.html", {**values, "shortest": SHORTEST_PASSWORD}, error.status)
    return _signed_in(request, cookie, "/")


async def sign_out(request: Request, form: FormData) -> Response:
    """End the session."""
    await services_of(request).admins.sign_out(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _signed_in(request: Request, cookie: str, next_: str) -> Response:
    answer = RedirectResponse(next_ or "/", 303)
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=int(SESSION.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


def _inner(path: str) -> str:
    """Keep a path of ours; a URL that leads elsewhere becomes the first page."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_ours and "\n" not in path and "\r" not in path else "/"


def _values(next_: str, name: str = "", message: str = "", hint: str = "") -> dict[str, str]:
    return {"next": next_, "name": name, "message": message, "hint": hint}


# Signing in has no session yet whose token a form could carry; the gate looks at where it is from.
ROUTES = [
    show("/sign-in", show_sign_in),
    Route("/sign-in", sign_in, methods=["POST"]),
    show("/set-up", show_set_up),
    Route("/set-up", set_up, methods=["POST"]),
    act("/sign-out", sign_out),
]
