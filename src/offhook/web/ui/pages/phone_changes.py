"""What is done on the page of one phone: change, reveal, tell it, try as it, delete."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from offhook.actions.changing import Changes
from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.actions.preview import Preview, Verbs
from offhook.core.model import Device
from offhook.errors import BadRequestError
from offhook.web.ports import Services
from offhook.web.ui.page import act, actor_of, go, services_of, text_of
from offhook.web.ui.pages.phone import (
    action_values,
    file_values,
    line_values,
    setting_values,
    whole,
)
from offhook.web.ui.phone_settings import setting_change
from offhook.web.ui.trying import try_as

_LINES_MAX = 64


async def change_lines(request: Request, form: FormData) -> Response:
    """Change model and lines, or only show what that would do."""
    services, actor = services_of(request), actor_of(request)
    device = _device(services, request)
    typed = _typed(form)
    model = text_of(form, "model")
    kept = [LineSpec(extension=number, label=label) for number, label in typed if number]
    spec = DeviceSpec(mac_address=device.mac.plain, model=model or None, lines=kept)

    async def change(verbs: Verbs) -> Changes:
        return (await verbs.devices.change_device(actor, spec))[1]

    try:
        if text_of(form, "only") == "preview":
            preview = await services.previews.of(change)
            values = line_values(services, device, typed=typed, model=model, preview=preview)
            return await whole(request, device, "lines", values)
        after, _ = await services.devices.change_device(actor, spec)
    except BadRequestError as error:
        values = line_values(services, device, typed=typed, model=model, error=error)
        return await whole(request, device, "lines", values, error.status)
    return go(request, _url(device, "lines", "same" if after == device else "changed"))


async def change_setting(request: Request, form: FormData) -> Response:
    """Set or remove a setting at a level; of more than one phone what it does is shown first."""
    services, actor = services_of(request), actor_of(request)
    device = _device(services, request)
    key, level = text_of(form, "key"), text_of(form, "level")
    value = text_of(form, "value")
    is_sure = text_of(form, "sure") == "yes"
    preview: Preview | None = None
    try:
        new = None if text_of(form, "remove") else value
        change = setting_change(services, actor, device, level, key, new)
        if text_of(form, "only") == "preview" or not (is_sure or level == "device"):
            preview = await services.previews.of(change)
        else:
            await change(_verbs(services))
    except BadRequestError as error:
        values = setting_values(services, device, key=key, level=level, value=value, error=error)
        return await whole(request, device, "settings", values, error.status)
    if preview is not None:
        values = setting_values(
            services, device, key=key, level=level, value=value, preview=preview
        )
        values["is_removed"] = new is None
        return await whole(request, device, "settings", values)
    return go(request, _url(device, "settings", "changed"))


async def reveal(request: Request, form: FormData) -> Response:
    """Show a file with its secrets; who asked is noted."""
    services = services_of(request)
    device = _device(services, request)
    values = await file_values(
        services, actor_of(request), device, text_of(form, "file"), is_revealed=True
    )
    return await whole(request, device, "files", values)


async def tell(request: Request, form: FormData) -> Response:
    """Tell the phone to fetch again or to restart."""
    services = services_of(request)
    device = _device(services, request)
    reboots = await services.manual_reboots.tell_phones(
        actor_of(request),
        [device.mac],
        is_restart=text_of(form, "how") == "reboot",
        is_forced=bool(text_of(form, "now")),
    )
    if not reboots:
        values = await action_values(services, device, error=_untold())
        return await whole(request, device, "actions", values, _untold().status)
    return go(request, _url(device, "actions", "told"))


async def try_phone(request: Request, form: FormData) -> Response:
    """Fetch its files as its maker's phone would, and show what it reads in them."""
    services = services_of(request)
    device = _device(services, request)
    try:
        values = await action_values(services, device, tried=await try_as(services, device))
    except BadRequestError as error:
        values = await action_values(services, device, error=error)
        return await whole(request, device, "actions", values, error.status)
    return await whole(request, device, "actions", values)


async def delete(request: Request, form: FormData) -> Response:
    """Delete a phone."""
    services = services_of(request)
    device = _device(services, request)
    await services.devices.delete_device(actor_of(request), device.mac.plain)
    return go(request, "/phones")


def _untold() -> BadRequestError:
    return BadRequestError(
        "P401",
        "the phone is not registered; nothing was sent",
        "it fetches at its next boot: switch it off and on; the verdict says why it is not "
        "registered",
        409,
    )


def _device(services: Services, request: Request) -> Device:
    return services.devices.device(request.path_params["mac"])


def _typed(form: FormData) -> list[tuple[str, str]]:
    """The lines of the form in order, as typed."""
    numbers, labels = (
        [item.strip() if isinstance(item, str) else "" for item in form.getlist(name)]
        for name in ("extension", "label")
    )
    labels += [""] * (len(numbers) - len(labels))
    return list(zip(numbers, labels, strict=False))[:_LINES_MAX]


def _verbs(services: Services) -> Verbs:
    return Verbs(
        devices=services.devices,
        extensions=services.extensions,
        free_settings=services.free_settings,
    )


def _url(device: Device, tab: str, done: str) -> str:
    return f"/phones/{device.mac.plain}/{tab}?done={done}"


ROUTES = [
    act("/phones/{mac}/lines", change_lines),
    act("/phones/{mac}/settings", change_setting),
    act("/phones/{mac}/reveal", reveal),
    act("/phones/{mac}/tell", tell),
    act("/phones/{mac}/try", try_phone),
    act("/phones/{mac}/delete", delete),
]
