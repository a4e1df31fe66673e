"""One phone: its verdict and ladder above, and a tab for each thing one asks about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from offhook.actions.preview import Preview
from offhook.core.converge import stale_files
from offhook.core.model import Device, RebootStep, Sighting
from offhook.core.preferences import PARSERS
from offhook.diagnosis.facts import RenderFault
from offhook.diagnosis.verdict import Verdict
from offhook.errors import BadRequestError
from offhook.web.ports import Services
from offhook.web.ui.page import is_fragment, page, services_of, show
from offhook.web.ui.phone_rows import config_state, model_label
from offhook.web.ui.phone_settings import LEVELS, level_label, setting_rows
from offhook.web.ui.proofs import ladder_of
from offhook.web.ui.trying import Tried

TABS = (
    ("", "Verdict"),
    ("lines", "Lines and keys"),
    ("settings", "Settings"),
    ("files", "Files"),
    ("actions", "Actions"),
    ("timeline", "Timeline"),
)
_DONE = {
    "changed": "Changed. The phone is told to fetch again if it is registered and its files "
    "change; otherwise it fetches at its next boot.",
    "same": "Nothing changed: it is so already.",
    "told": "The phone is told; what it does is shown below as it happens.",
    "revealed": "Who asked for the secrets is noted in the change log.",
}
_CODE = re.compile(r"\bP[0-9]{3}\b")
_REBOOTS = 10
_MOMENTS = 50
_FOLLOWED = (
    (RebootStep.PENDING, "asked"),
    (RebootStep.NOTIFIED, "sent"),
    (RebootStep.ANSWERED, "answered"),
    (RebootStep.FETCHED, "fetched"),
    (RebootStep.REGISTERED, "registered"),
)


async def show_phone(request: Request) -> Response:
    """A phone with one of its tabs; only the part that htmx asks for."""
    services = services_of(request)
    device = services.devices.device(request.path_params["mac"])
    tab = request.path_params.get("tab", "")
    if tab not in dict(TABS):
        raise BadRequestError("no_tab", "there is no such page", "choose one of the tabs", 404)
    part = request.query_params.get("part", "")
    if is_fragment(request) and part == "head":
        return page(request, "phone_head.html", await head(services, device))
    values = await _TAB_VALUES[tab](services, request, device)
    template = f"phone_{tab or 'verdict'}.html"
    if is_fragment(request):
        return page(request, template, {**_common(services, device, tab), **values})
    return await whole(request, device, tab, values)


async def whole(
    request: Request,
    device: Device,
    tab: str,
    values: dict[str, Any],
    status: int = 200,
) -> Response:
    """The whole page of a phone around the values of a tab."""
    services = services_of(request)
    above = await head(services, device, values.get("verdict"))
    told = {**_common(services, device, tab), **above, **values}
    told["done"] = _DONE.get(request.query_params.get("done", ""), "")
    return page(request, "phone.html", told, status)


async def show_delete(request: Request) -> Response:
    """Ask before a phone is deleted."""
    services = services_of(request)
    device = services.devices.device(request.path_params["mac"])
    values = {"device": device, "is_live": bool(services.reboots.targets_of(device))}
    return page(request, "phone_delete.html", values)


def _common(services: Services, device: Device, tab: str) -> dict[str, Any]:
    return {
        "device": device,
        "base": f"/phones/{device.mac.plain}",
        "tab": tab,
        "tabs": TABS,
        "label": model_label(services, device),
        "piece": f"phone_{tab or 'verdict'}.html",
    }


async def head(
    services: Services, device: Device, verdict: Verdict | None = None
) -> dict[str, Any]:
    """The sentence, the ladder, and the two signs: connected, and config fresh."""
    if verdict is None:
        verdict = await services.verdicts.of(device.mac.colons)
    seen = services.state.sightings.get(device.mac) or Sighting(mac=device.mac)
    live = services.reboots.targets_of(device)
    return {
        "device": device,
        "base": f"/phones/{device.mac.plain}",
        "verdict": verdict,
        "ladder": ladder_of(services, device, verdict.stage),
        "seen": seen,
        "config_sign": config_state(services.files.expected(device.mac), seen),
        "registration": live[0].registration if live else None,
    }


# --- what each tab shows ------------------------------------------------------------------------


async def _verdict(services: Services, request: Request, device: Device) -> dict[str, Any]:
    return {"verdict": await services.verdicts.of(device.mac.colons)}


async def _lines(services: Services, request: Request, device: Device) -> dict[str, Any]:
    return line_values(services, device)


def line_values(
    services: Services,
    device: Device,
    *,
    typed: Sequence[tuple[str, str]] | None = None,
    model: str = "",
    error: BadRequestError | None = None,
    preview: Preview | None = None,
) -> dict[str, Any]:
    """The form of lines and model; what was typed is kept when it was refused or previewed."""
    profile = services.state.source.profiles.get(device.vendor)
    known = profile.model(device.model) if profile else None
    lines = list(typed) if typed is not None else [(it.extension, it.label) for it in device.lines]
    most = max(known.lines if known else len(lines), len(lines))
    if typed is None:
        lines += [("", "")] * min(2, most - len(lines))
    return {
        "lines": lines,
        "names": {
            number: services.state.extensions[number].name
            for number, _ in lines
            if number in services.state.extensions
        },
        "model": model or device.model,
        "models": profile.models if profile else (),
        "most": most,
        "error": error,
        "preview": preview,
    }


async def _settings(services: Services, request: Request, device: Device) -> dict[str, Any]:
    asked = request.query_params
    rows = {row.key: row for row in setting_rows(services, device)}
    chosen = rows.get(asked.get("key", ""))
    values = setting_values(services, device)
    if chosen is not None:
        values |= {"key": chosen.key, "level": chosen.level or "device", "value": chosen.value}
    try:
        _, values["explained"] = await services.shown_files.explain("", device.mac.plain)
    except BadRequestError as error:
        values["broken"] = error
    return values


def setting_values(
    services: Services,
    device: Device,
    *,
    key: str = "",
    level: str = "device",
    value: str = "",
    error: BadRequestError | None = None,
    preview: Preview | None = None,
) -> dict[str, Any]:
    """The table of settings and the form; what was typed is kept."""
    return {
        "rows": setting_rows(services, device),
        "levels": [(name, level_label(services, device, name)) for name in LEVELS],
        "neutral": tuple(PARSERS),
        "key": key,
        "level": level,
        "value": value,
        "error": error,
        "preview": preview,
        "explained": (),
        "broken": None,
    }


async def _files(services: Services, request: Request, device: Device) -> dict[str, Any]:
    return await file_values(services, "", device, request.query_params.get("file", ""))


async def file_values(
    services: Services, actor: str, device: Device, name: str, *, is_revealed: bool = False
) -> dict[str, Any]:
    """One file's text, and when it is stale what changed since the phone fetched it."""
    values: dict[str, Any] = {"shown": None, "broken": None, "stale": (), "diff": None}
    values["is_revealed"] = is_revealed
    try:
        masked = await services.shown_files.show("", device.mac.plain, name)
        values["shown"] = masked
        if is_revealed:
            values["shown"] = await services.shown_files.show(
                actor, device.mac.plain, name, is_revealed=True
            )
    except BadRequestError as error:
        return {**values, "broken": error}
    made = services.files.expected(device.mac)
    seen = services.state.sightings.get(device.mac) or Sighting(mac=device.mac)
    stale = () if isinstance(made, RenderFault) else stale_files(made, seen.delivered)
    values["stale"] = stale
    values["delivered_at"] = seen.last_provisioned
    values["was_fetched"] = masked.file in seen.delivered
    if masked.file in stale:
        values["diff"] = services.delivered.difference(device, masked.file, masked.text)
    values["uploads"] = await services.uploads.list_uploads(device.mac)
    return values


async def _actions(services: Services, request: Request, device: Device) -> dict[str, Any]:
    return await action_values(services, device)


async def action_values(
    services: Services,
    device: Device,
    *,
    error: BadRequestError | None = None,
    tried: Tried | None = None,
) -> dict[str, Any]:
    """The buttons, and the last orders step by step."""
    kept = await services.reboot_store.list_reboots(_REBOOTS, device.mac)
    newest = services.reboots.latest().get(device.mac)
    reboots = [services.reboots.current(it.id) or it for it in kept]
    if newest is not None:
        rest = [it for it in reboots if it.id != newest.id]
        reboots = [newest, *rest][:_REBOOTS]
    profile = services.state.source.profiles.get(device.vendor)
    return {
        "reboots": reboots,
        "steps": _FOLLOWED,
        "profile": profile,
        "is_live": bool(services.reboots.targets_of(device)),
        "error": error,
        "tried": tried,
    }


async def _timeline(services: Services, request: Request, device: Device) -> dict[str, Any]:
    before = _moment(request.query_params.get("before", ""))
    moments = await services.timeline.of(device.mac, _MOMENTS, before)
    is_full = len(moments) == _MOMENTS
    return {
        "moments": [(it, _CODE.findall(it.fault)) for it in moments],
        "before": before.isoformat() if before else "",
        "next": moments[-1].at.isoformat() if is_full else "",
    }


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


_TAB_VALUES = {
    "": _verdict,
    "lines": _lines,
    "settings": _settings,
    "files": _files,
    "actions": _actions,
    "timeline": _timeline,
}

ROUTES = [
    show("/phones/{mac}", show_phone),
    show("/phones/{mac}/delete", show_delete),
    show("/phones/{mac}/{tab}", show_phone),
]
