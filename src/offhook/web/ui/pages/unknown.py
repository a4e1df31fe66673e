"""Unknown phones: who knocked and was refused, taken in with one form or left out of sight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from offhook.actions.ports import AttemptQuery
from offhook.core.mac import Mac, distance
from offhook.core.model import Attempt, Device, UnknownPhone
from offhook.errors import BadRequestError
from offhook.web.ports import Services
from offhook.web.ui.adding import adopting, form_values, new_values, wanted_of
from offhook.web.ui.nameless import refused, title_of
from offhook.web.ui.page import act, actor_of, go, is_fragment, page, services_of, show

PAGE = 100
NEAR_DIGITS = 2
_UNKNOWN = "P301"
_REQUESTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A registered phone of almost the same MAC; `digits` differ."""

    device: Device
    digits: int
    is_silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Knocker:
    """A row: the phone, why it was refused, and which registered one it may be."""

    phone: UnknownPhone
    maker: str
    fault: str
    title: str
    near: Near | None


async def show_unknown(request: Request) -> Response:
    """All that knocked, the newest first; only the lists when htmx asks."""
    services = services_of(request)
    ignored = services.unknown_phones.ignored()
    is_ignored = request.query_params.get("ignored") == "1"
    found = [
        phone
        for phone in services.unknown_phones.list_phones()
        if (phone.mac in ignored) == is_ignored
    ]
    pages = max(1, -(-len(found) // PAGE))
    number = min(_number(request.query_params.get("page", "1")), pages)
    refusals = await refused(services)
    chosen = found[(number - 1) * PAGE : number * PAGE]
    values: dict[str, Any] = {
        "rows": [_knocker(services, it, refusals.by_mac.get(it.mac)) for it in chosen],
        "found": len(found),
        "ignored": len(ignored),
        "until": ignored,
        "is_ignored": is_ignored,
        "nameless": refusals.nameless,
        "number": number,
        "pages": pages,
        "here": f"/unknown?page={number}" + ("&ignored=1" if is_ignored else ""),
    }
    return page(request, "unknown_list.html" if is_fragment(request) else "unknown.html", values)


async def show_one(request: Request) -> Response:
    """One of them, and the form that takes it in."""
    services = services_of(request)
    mac = services.devices.mac(request.path_params["mac"])
    if mac in services.state.devices:
        return RedirectResponse(f"/phones/{mac.plain}", 303)
    return await _one(request, _phone(services, mac), {})


async def do_adopt(request: Request, form: FormData) -> Response:
    """Take it in and lead to its page; what was typed stays when it is refused."""
    services = services_of(request)
    mac = services.devices.mac(request.path_params["mac"])
    try:
        await adopting(services).put_one(actor_of(request), wanted_of(form, mac.plain))
    except BadRequestError as error:
        if mac in services.state.devices:
            return go(request, f"/phones/{mac.plain}")
        return await _again(request, mac, form, {"error": error}, error.status)
    return go(request, f"/phones/{mac.plain}")


async def do_preview(request: Request, form: FormData) -> Response:
    """Show the files that it would get; nothing is saved."""
    services = services_of(request)
    mac = services.devices.mac(request.path_params["mac"])
    wanted = wanted_of(form, mac.plain)
    try:
        judged = await adopting(services).one(wanted)
        found = await adopting(services).preview(wanted)
    except BadRequestError as error:
        return await _again(request, mac, form, {"error": error}, error.status)
    return await _again(request, mac, form, {"judged": judged, "preview": found}, 200)


async def do_ignore(request: Request, _: FormData) -> Response:
    """Leave it out of sight for a day."""
    services = services_of(request)
    mac = services.devices.mac(request.path_params["mac"])
    await services.unknown_phones.ignore(actor_of(request), mac)
    return go(request, "/unknown")


async def do_notice(request: Request, _: FormData) -> Response:
    """Show it in the list again."""
    services = services_of(request)
    services.unknown_phones.notice(services.devices.mac(request.path_params["mac"]))
    return go(request, "/unknown")


async def do_forget(request: Request, _: FormData) -> Response:
    """Take it off the list until it asks again."""
    services = services_of(request)
    mac = services.devices.mac(request.path_params["mac"])
    await services.unknown_phones.forget(actor_of(request), mac)
    return go(request, "/unknown")


async def _again(
    request: Request, mac: Mac, form: FormData, more: dict[str, Any], status: int
) -> Response:
    phone = _phone(services_of(request), mac)
    return await _one(request, phone, {"values": form_values(form), **more}, status)


async def _one(
    request: Request, phone: UnknownPhone, more: dict[str, Any], status: int = 200
) -> Response:
    services = services_of(request)
    attempts = (await services.journal.attempts(AttemptQuery(limit=_REQUESTS, mac=phone.mac)))[1]
    newest = next((it for it in attempts if not it.is_success and not it.is_test), None)
    values: dict[str, Any] = {
        "row": _knocker(services, phone, newest),
        "nears": _nears(services, phone.mac),
        "attempts": attempts,
        "until": services.unknown_phones.ignored().get(phone.mac),
        "makers": services.state.source.profiles,
        "values": {**new_values(), **_told(services, phone)},
        "error": None,
        "preview": None,
        "judged": None,
    }
    return page(request, "unknown_one.html", {**values, **more}, status)


def _told(services: Services, phone: UnknownPhone) -> dict[str, str]:
    """What the form begins with: maker and model as the phone told them, if there is such a one."""
    profile = services.state.source.profiles.get(phone.vendor)
    model = profile.model(phone.model) if profile and phone.model else None
    return {"model": f"{phone.vendor}/{model.name}" if model else ""}


def _knocker(services: Services, phone: UnknownPhone, refusal: Attempt | None) -> Knocker:
    profile = services.state.source.profiles.get(phone.vendor)
    code = refusal.fault if refusal and refusal.fault else _UNKNOWN
    return Knocker(
        phone=phone,
        maker=profile.label if profile else phone.vendor,
        fault=code,
        title=title_of(code),
        near=next(iter(_nears(services, phone.mac, 1)), None),
    )


def _nears(services: Services, mac: Mac, limit: int = 5) -> list[Near]:
    """Registered phones whose MAC may be a mistyped one of this phone."""
    state = services.state
    found = []
    for other in state.similar(mac, limit):
        digits = distance(mac, other)
        if digits <= NEAR_DIGITS:
            seen = state.sightings.get(other)
            is_silent = seen is None or seen.last_provisioned is None
            found.append(Near(device=state.devices[other], digits=digits, is_silent=is_silent))
    return found


def _phone(services: Services, mac: Mac) -> UnknownPhone:
    found = services.state.unknown.get(mac)
    if found is None:
        raise BadRequestError(
            "unknown_phone",
            f"phone {mac.colons} has not knocked lately, or was forgotten",
            "the list under Unknown shows who knocked; a phone can also be added under Add phones",
            404,
        )
    return found


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1


ROUTES = [
    show("/unknown", show_unknown),
    show("/unknown/{mac}", show_one),
    act("/unknown/{mac}/adopt", do_adopt),
    act("/unknown/{mac}/preview", do_preview),
    act("/unknown/{mac}/ignore", do_ignore),
    act("/unknown/{mac}/notice", do_notice),
    act("/unknown/{mac}/forget", do_forget),
]
