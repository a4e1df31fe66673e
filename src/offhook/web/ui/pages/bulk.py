"""Many phones at once: first what will happen, then the button that does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from offhook.actions.devices import DeviceSpec
from offhook.actions.many import Done, Fate, Many
from offhook.actions.preview import Preview
from offhook.core.model import Device
from offhook.errors import BadRequestError
from offhook.web.ports import Services
from offhook.web.ui.page import act, actor_of, page, services_of, text_of
from offhook.web.ui.pages.phones import query_of

SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What is asked of whom; `is_bounded` when it is done to each while the page is waited for."""

    action: str
    title: str
    button: str
    is_bounded: bool


_ORDERS = {
    "resync": _Order(
        action="resync", title="Fetch again", button="Tell them to fetch again", is_bounded=False
    ),
    "reboot": _Order(action="reboot", title="Reboot", button="Reboot them", is_bounded=False),
    "model": _Order(
        action="model", title="Change model", button="Change the model", is_bounded=True
    ),
    "delete": _Order(action="delete", title="Delete", button="Delete them", is_bounded=True),
}


async def show_many(request: Request, form: FormData) -> Response:
    """What will happen to each of the chosen phones; nothing is done yet."""
    services = services_of(request)
    try:
        order = _order(form)
        devices = await _chosen(services, form, order)
        values = await _planned(services, order, devices, text_of(form, "model"))
    except BadRequestError as error:
        return _refused(request, error)
    return page(request, "many.html", values)


async def do_many(request: Request, form: FormData) -> Response:
    """Do it, and say to how many it was done."""
    services, actor = services_of(request), actor_of(request)
    try:
        order = _order(form)
        many = _many(services)
        devices = many.chosen(text_of(form, "macs").split(), is_bounded=order.is_bounded)
        if order.action == "model":
            vendor, _, model = text_of(form, "model").partition("/")
            done = await many.change_model(actor, devices, vendor, model)
        elif order.action == "delete":
            done = await many.delete(actor, devices)
        else:
            reboots = await services.manual_reboots.tell_phones(
                actor, [it.mac for it in devices], is_restart=order.action == "reboot"
            )
            done = Done(done=len(reboots), told=len(reboots), refused=())
    except BadRequestError as error:
        return _refused(request, error)
    values = {"order": order, "done": done, "asked": len(devices), "shown": SHOWN}
    return page(request, "many_done.html", values)


async def _planned(
    services: Services, order: _Order, devices: Sequence[Device], text: str
) -> dict[str, Any]:
    many = _many(services)
    sample: Preview | None = None
    if order.action == "model":
        vendor, _, model = text.partition("/")
        if not model:
            raise BadRequestError("no_model", "no model is chosen", "choose the new model first")
        fates = await many.with_model(devices, vendor, model)
        sample = await _sample(services, fates, model)
    else:
        fates = await many.live(devices)
    return {
        "order": order,
        "model": text,
        "fates": fates[:SHOWN],
        "left_out": max(0, len(fates) - SHOWN),
        "count": sum(not it.refused for it in fates),
        "refused": sum(bool(it.refused) for it in fates),
        "changed": sum(it.files > 0 for it in fates),
        "files": sum(it.files for it in fates),
        "live": sum(_is_told(order, it) for it in fates),
        "per_second": services.settings.reboot.per_second,
        "macs": " ".join(it.mac.plain for it in devices),
        "sample": sample,
    }


async def _sample(services: Services, fates: Sequence[Fate], model: str) -> Preview | None:
    """The difference of the first phone whose files change: it stands for the others."""
    first = next((it.device for it in fates if it.files), None)
    if first is None:
        return None
    spec = DeviceSpec(mac_address=first.mac.plain, model=model)
    return await services.previews.of(lambda verbs: verbs.devices.change_device("", spec))


def _is_told(order: _Order, fate: Fate) -> bool:
    if order.action == "delete" or not fate.is_live:
        return False
    return fate.files > 0 if order.action == "model" else True


async def _chosen(services: Services, form: FormData, order: _Order) -> list[Device]:
    texts = [item for item in form.getlist("mac") if isinstance(item, str)]
    if text_of(form, "everything"):
        query = query_of(dict(parse_qsl(text_of(form, "asked"))))
        texts = [item.mac.plain for item in await services.phone_list.find(query)]
    return _many(services).chosen(texts, is_bounded=order.is_bounded)


def _order(form: FormData) -> _Order:
    found = _ORDERS.get(text_of(form, "action"))
    if found is None:
        raise BadRequestError(
            "no_action", "it was not said what to do", "press one of the buttons below the table"
        )
    return found


def _many(services: Services) -> Many:
    return Many(
        changing=services.previews.changing, devices=services.devices, reboots=services.reboots
    )


def _refused(request: Request, error: BadRequestError) -> Response:
    values = {"message": str(error), "hint": error.hint}
    return page(request, "many_refused.html", values, error.status)


ROUTES = [act("/phones/many", show_many), act("/phones/many/do", do_many)]
