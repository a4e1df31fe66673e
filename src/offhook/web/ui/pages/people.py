"""People: extensions, whose phones they are, their names and secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from offhook.actions.changing import GENERATED_SECRET_LENGTH, Changes, new_password
from offhook.actions.preview import Verbs
from offhook.core.model import Extension
from offhook.core.secret import MASK
from offhook.errors import BadRequestError
from offhook.web.ports import Services
from offhook.web.ui.page import (
    act,
    actor_of,
    go,
    is_fragment,
    page,
    services_of,
    show,
    text_of,
)

PAGE = 50
SHORTEST_SECRET = 8
_TEXT_MAX = 200
STANDINGS = (
    ("phone", "with a phone"),
    ("none", "without a phone"),
    ("off", "disabled"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the list is asked for."""

    text: str
    source: str
    standing: str

    @property
    def parameters(self) -> dict[str, str]:
        """As the URL has it; what is usual is left out."""
        found = {"q": self.text, "source": self.source, "state": self.standing}
        return {name: text for name, text in found.items() if text}


async def show_people(request: Request) -> Response:
    """The list; only the table when htmx asks."""
    return await _list(request, {})


async def add_person(request: Request, form: FormData) -> Response:
    """Add an extension; what was typed stays when it is refused."""
    typed = {name: text_of(form, name) for name in ("number", "name", "email", "secret")}
    try:
        added = await services_of(request).extensions.add_extension(
            actor_of(request),
            number=typed["number"],
            name=typed["name"],
            email=typed["email"],
            secret=typed["secret"] or None,
        )
    except BadRequestError as error:
        refused = {"typed": {**typed, "secret": ""}, "message": str(error), "hint": error.hint}
        return await _list(request, refused, error.status)
    return go(request, f"/people/{added.number}?done=added")


async def show_person(request: Request) -> Response:
    """One extension with what can be done to it."""
    return _person(request, {"done": request.query_params.get("done", "")[:40]})


async def change_person(request: Request, form: FormData) -> Response:
    """Rename: what would happen, or do it."""
    services, actor = services_of(request), actor_of(request)
    number = request.path_params["number"]
    typed = {"name": text_of(form, "name"), "email": text_of(form, "email")}

    def change(verbs: Verbs) -> Awaitable[tuple[Extension, Changes]]:
        return verbs.extensions.change_extension(actor, number, **typed)

    try:
        if text_of(form, "do") == "preview":
            found = await services.previews.of(change)
            return _person(request, {"typed": typed, "preview": found, "asked": "change"})
        _, changes = await services.extensions.change_extension(actor, number, **typed)
    except BadRequestError as error:
        return _refused(request, error, {"typed": typed})
    return _person(request, {"told": f"Saved: {changes.told}."})


async def change_secret(request: Request, form: FormData) -> Response:
    """Make a new secret: what would happen, or do it."""
    services, actor = services_of(request), actor_of(request)
    number = request.path_params["number"]
    secret = new_password(_secret_length(services, number))

    def change(verbs: Verbs) -> Awaitable[tuple[Extension, Changes]]:
        return verbs.extensions.change_extension(actor, number, secret=secret)

    try:
        if text_of(form, "do") == "preview":
            found = await services.previews.of(change)
            return _person(request, {"preview": found, "asked": "secret"})
        _, changes = await services.extensions.change_extension(actor, number, secret=secret)
    except BadRequestError as error:
        return _refused(request, error, {})
    return _person(request, {"told": f"The secret is a new one: {changes.told}."})


async def reveal_secret(request: Request, _: FormData) -> Response:
    """Show the secret; the change log says who saw it."""
    number = request.path_params["number"]
    secret = await services_of(request).extensions.reveal_secret(actor_of(request), number)
    return _person(request, {"secret": secret.reveal()})


async def delete_person(request: Request, form: FormData) -> Response:
    """Delete: say what would happen, or do it."""
    services, actor = services_of(request), actor_of(request)
    number = request.path_params["number"]
    try:
        if text_of(form, "do") != "delete":
            await services.previews.of(lambda it: it.extensions.delete_extension(actor, number))
            return _person(request, {"asked": "delete"})
        await services.extensions.delete_extension(actor, number)
    except BadRequestError as error:
        return _refused(request, error, {})
    return go(request, "/people?" + urlencode({"gone": number}))


async def _list(request: Request, more: Mapping[str, Any], status: int = 200) -> Response:
    services = services_of(request)
    asked = _asked(request.query_params, services)
    everything = await _in_order(request, services)
    found = await asyncio.to_thread(_found, services, everything, asked)
    pages = max(1, -(-len(found) // PAGE))
    number = min(_number(request.query_params.get("page", "1")), pages)
    values = {
        "rows": _rows(services, found[(number - 1) * PAGE : number * PAGE]),
        "asked": asked,
        "found": len(found),
        "total": len(everything),
        "number": number,
        "pages": pages,
        "first": (number - 1) * PAGE + 1,
        "here": _url(asked, number),
        "before": _url(asked, number - 1) if number > 1 else "",
        "after": _url(asked, number + 1) if number < pages else "",
        "sources": ("manual", *services.syncs),
        "standings": STANDINGS,
        "gone": request.query_params.get("gone", "")[:20],
        "typed": {"number": "", "name": "", "email": "", "secret": ""},
        "message": "",
        "hint": "",
        **more,
    }
    is_piece = is_fragment(request) and request.method == "GET"
    return page(request, "people_table.html" if is_piece else "people.html", values, status)


async def _in_order(request: Request, services: Services) -> Sequence[Extension]:
    """All in the order of counting, 99 before 100: kept until something changes."""
    revision = services.state.revision
    kept: tuple[int, Sequence[Extension]] = getattr(request.app.state, "people", (-1, ()))
    if kept[0] != revision:
        everything = list(services.state.extensions.values())
        kept = (revision, await asyncio.to_thread(_sorted, everything))
        request.app.state.people = kept
    return kept[1]


def _sorted(everything: Sequence[Extension]) -> Sequence[Extension]:
    by_digits = sorted(everything, key=attrgetter("number"))
    return sorted(by_digits, key=lambda item: len(item.number))


def _asked(parameters: Mapping[str, str], services: Services) -> _Asked:
    """Read what is asked from a URL; what cannot be used is as if it were not there."""
    source, standing = parameters.get("source", ""), parameters.get("state", "")
    return _Asked(
        text=parameters.get("q", "").strip()[:_TEXT_MAX],
        source=source if source in ("manual", *services.syncs) else "",
        standing=standing if standing in dict(STANDINGS) else "",
    )


def _found(
    services: Services, everything: Sequence[Extension], asked: _Asked
) -> Sequence[Extension]:
    """Those asked for, in the order given."""
    found = everything
    if asked.source:
        found = [item for item in found if item.source == asked.source]
    if asked.standing:
        found = [item for item in found if _stands(services, item, asked.standing)]
    if asked.text:
        text = asked.text.casefold()
        found = [
            item
            for item in found
            if text in item.number or text in item.name.casefold() or text in item.email.casefold()
        ]
    return found


def _stands(services: Services, extension: Extension, standing: str) -> bool:
    if standing == "off":
        return not extension.is_enabled
    return bool(services.state.devices_of(extension.number)) == (standing == "phone")


def _rows(services: Services, shown: Sequence[Extension]) -> list[dict[str, Any]]:
    return [
        {
            "extension": item,
            "devices": services.state.devices_of(item.number),
            "registered": len(services.engine.registrations(item.number)),
        }
        for item in shown
    ]


def _url(asked: _Asked, number: int) -> str:
    paged = {"page": str(number)} if number > 1 else {}
    text = urlencode({**asked.parameters, **paged})
    return f"/people?{text}" if text else "/people"


def _person(request: Request, more: Mapping[str, Any], status: int = 200) -> Response:
    services = services_of(request)
    extension = services.extensions.extension(request.path_params["number"])
    links = [it for it in services.state.links.values() if it.number == extension.number]
    values = {
        "extension": extension,
        "devices": services.state.devices_of(extension.number),
        "registrations": services.engine.registrations(extension.number),
        "link": links[0] if links else None,
        "typed": {"name": extension.name, "email": extension.email},
        "secret": "",
        "mask": MASK,
        "preview": None,
        "asked": "",
        "told": "",
        "done": "",
        "message": "",
        "hint": "",
        **more,
    }
    return page(request, "people_one.html", values, status)


def _refused(request: Request, error: BadRequestError, more: Mapping[str, Any]) -> Response:
    if request.path_params["number"] not in services_of(request).state.extensions:
        raise error
    values = {"message": str(error), "hint": error.hint, **more}
    return _person(request, values, error.status)


def _secret_length(services: Services, number: str) -> int:
    """As long as every phone of the extension keeps."""
    longest = [GENERATED_SECRET_LENGTH]
    for device in services.state.devices_of(number):
        profile = services.state.source.profiles.get(device.vendor)
        model = profile.model(device.model) if profile else None
        if model is not None:
            longest.append(model.secret_max)
    return max(SHORTEST_SECRET, min(longest))


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1


_Do = Callable[[Request, FormData], Awaitable[Response]]
_DEEDS: tuple[tuple[str, _Do], ...] = (
    ("change", change_person),
    ("secret", change_secret),
    ("reveal", reveal_secret),
    ("delete", delete_person),
)
ROUTES = [
    show("/people", show_people),
    act("/people", add_person),
    show("/people/{number:str}", show_person),
    *(act(f"/people/{{number:str}}/{name}", deed) for name, deed in _DEEDS),
]
