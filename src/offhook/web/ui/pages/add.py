"""Add phones: one by a form, how phones find this server, what DHCP must say."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from offhook.actions.phone_csv import ROWS_MAX
from offhook.diagnosis import advice
from offhook.errors import BadRequestError
from offhook.web.ui.adding import adopting, choices, form_values, new_values, wanted_of
from offhook.web.ui.dhcp_texts import dhcp_texts
from offhook.web.ui.page import act, actor_of, go, page, services_of, show


async def show_add(request: Request) -> Response:
    """The empty form, the field for a table, and the texts for DHCP."""
    mac = request.query_params.get("mac", "")[:40]
    return add_page(request, {"values": {**new_values(), "mac": mac}})


async def show_choices(request: Request) -> Response:
    """Extensions that fit what is typed so far; a piece of the form."""
    text = request.query_params.get("extension", "").strip()
    found = await choices(services_of(request), text)
    exact = next((it for it in found if it.extension.number == text), None)
    values = {"choices": found, "text": text[:40], "exact": exact}
    return page(request, "add_choices.html", values)


async def do_one(request: Request, form: FormData) -> Response:
    """Add the phone and lead to its page; what was typed stays when it is refused."""
    try:
        device = await adopting(services_of(request)).put_one(actor_of(request), wanted_of(form))
    except BadRequestError as error:
        return add_page(request, {"values": form_values(form), "error": error}, error.status)
    return go(request, f"/phones/{device.mac.plain}")


async def do_preview(request: Request, form: FormData) -> Response:
    """Show the files that the phone would get; nothing is saved."""
    verbs, wanted = adopting(services_of(request)), wanted_of(form)
    try:
        judged = await verbs.one(wanted)
        found = await verbs.preview(wanted)
    except BadRequestError as error:
        return add_page(request, {"values": form_values(form), "error": error}, error.status)
    values = {"values": form_values(form), "judged": judged, "preview": found}
    return add_page(request, values)


def add_page(request: Request, more: dict[str, Any], status: int = 200) -> Response:
    """Render the page with what was typed into one of its forms."""
    services = services_of(request)
    profiles, base = services.state.source.profiles, services.config.base
    wanted = request.query_params.get("maker", "")
    profile = profiles.get(wanted) or next(iter(profiles.values()))
    url = advice.safer_url(profile, base)
    values: dict[str, Any] = {
        "makers": profiles,
        "maker": profile,
        "url": url,
        "variable_url": advice.variable_url(profile, base),
        "menu_steps": advice.menu_lines(profile, url),
        "warning": advice.note(profile, profiles),
        "dhcp_notes": advice.dhcp_lines(profile, base),
        "dhcp_texts": dhcp_texts(profile, base),
        "phones": len(services.state.devices),
        "rows_max": ROWS_MAX,
        "values": new_values(),
        "table": "",
        "table_error": None,
        "error": None,
        "judged": None,
        "preview": None,
    }
    return page(request, "add.html", {**values, **more}, status)


ROUTES = [
    show("/add", show_add),
    show("/add/extensions", show_choices),
    act("/add/one", do_one),
    act("/add/one/preview", do_preview),
]
