"""Templates: the makers' files, a site's own versions of them, tried before they are used."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from offhook.actions.preview import Preview
from offhook.actions.site_templates import Trial, Version
from offhook.core.model import Device
from offhook.core.render import syntax_problem
from offhook.errors import BadRequestError, OffhookError
from offhook.web.ports import Services
from offhook.web.ui.page import act, actor_of, go, page, services_of, show, text_of

LINES_SHOWN = 600


async def show_templates(request: Request) -> Response:
    """All templates by maker; of one maker when the URL says so."""
    services = services_of(request)
    profiles = services.state.source.profiles
    vendor = request.query_params.get("vendor", "")
    vendor = vendor if vendor in profiles else ""
    uses = services.site_templates.uses(vendor)
    values = {
        "groups": [
            (profile, [it for it in uses if it.name.partition("/")[0] == name])
            for name, profile in profiles.items()
            if vendor in ("", name)
        ],
        "profiles": profiles,
        "vendor": vendor,
        "own": sum(it.is_own for it in uses),
        "folder": services.settings.provisioning.templates,
        "problem": services.diagnose.template_problem,
        "done": request.query_params.get("done", "")[:200],
    }
    return page(request, "templates.html", values)


async def show_template(request: Request) -> Response:
    """One template, to read and to edit."""
    return await _edit(request, {})


async def do_template(request: Request, form: FormData) -> Response:
    """Show what a text would do, save it, or take the site's own away."""
    do = text_of(form, "do")
    text = _text(form)
    more: dict[str, Any] = {"text": text, "phone": text_of(form, "phone")}
    if do in ("remove", "preview_remove"):
        more = {}
    try:
        if do == "remove":
            return await _remove(request)
        if do == "save" and text_of(form, "seen") == _digest(text):
            return await _save(request, form, text)
        name = _name(request)
        found = await _previewed(request, name, None if do == "preview_remove" else text)
        more |= {"preview": found, "seen": _digest(text), "is_removal": do == "preview_remove"}
        more["is_unseen"] = do == "save"
    except OffhookError as error:
        status = int(getattr(error, "status", 503))
        return await _edit(request, {**more, "message": str(error), "hint": error.hint}, status)
    return await _edit(request, more)


async def try_template(request: Request, form: FormData) -> Response:
    """Check the syntax and make a phone's files, while somebody types; nothing is saved."""
    services, name = services_of(request), _name(request)
    trial, message = await _trial(services, name, _text(form), text_of(form, "phone"))
    return page(request, "templates_trial.html", {"trial": trial, "trial_message": message})


async def show_version(request: Request) -> Response:
    """A former version beside what is used now."""
    services, name = services_of(request), _name(request)
    version = await _version(request, name)
    now = services.site_templates.text(name)
    then = version.text
    if then is None:
        then = services.previews.packaged.get(name, "")
    lines = list(
        difflib.unified_diff(now.splitlines(), then.splitlines(), "now", "then", lineterm="", n=3)
    )
    values = {
        "name": name,
        "version": version,
        "then": then,
        "lines": lines[:LINES_SHOWN],
        "is_cut": len(lines) > LINES_SHOWN,
    }
    return page(request, "templates_version.html", values)


async def _save(request: Request, form: FormData, text: str) -> Response:
    services, name = services_of(request), _name(request)
    if text_of(form, "base") != _digest(services.site_templates.text(name)):
        raise BadRequestError(
            "template_changed",
            "somebody changed this template since you opened it",
            "copy your text, load the page again and put it in once more",
            status=409,
        )
    changes = await services.site_templates.save(actor_of(request), name, text)
    return go(request, f"/templates?done={quote(f'{name} is in use: {changes.told}')}")


async def _remove(request: Request) -> Response:
    services, name = services_of(request), _name(request)
    changes = await services.site_templates.remove(actor_of(request), name)
    told = f"{name} is the built-in one again: {changes.told}"
    return go(request, f"/templates?done={quote(told)}")


async def _previewed(request: Request, name: str, text: str | None) -> Preview:
    problem = syntax_problem(text) if text is not None else ""
    if problem:
        raise BadRequestError(
            "P701", f"the template does not compile: {problem}", "correct this line first"
        )
    return await services_of(request).previews.templates({name: text})


async def _edit(request: Request, more: Mapping[str, Any], status: int = 200) -> Response:
    services, name = services_of(request), _name(request)
    used = services.site_templates.text(name)
    text = str(more.get("text", used))
    phone = str(more.get("phone", request.query_params.get("phone", "")))
    trial, trial_message = await _trial(services, name, text, phone)
    values = {
        "name": name,
        "use": next(it for it in services.site_templates.uses() if it.name == name),
        "text": text,
        "base": _digest(used),
        "packaged": services.previews.packaged.get(name),
        "versions": await services.site_templates.versions(name),
        "used": used,
        "phone": trial.device.mac.colons if trial else phone,
        "trial": trial,
        "trial_message": trial_message,
        "preview": None,
        "seen": "",
        "is_removal": False,
        "is_unseen": False,
        "problem": services.diagnose.template_problem,
        "message": "",
        "hint": "",
        **{key: value for key, value in more.items() if key not in ("text", "phone")},
    }
    return page(request, "templates_edit.html", values, status)


async def _trial(services: Services, name: str, text: str, phone: str) -> tuple[Trial | None, str]:
    """Make a phone's files, of the phone named or of one that fits; or say why there is none."""
    vendor = name.partition("/")[0]
    try:
        device: Device | None = (
            services.devices.device(phone) if phone else services.site_templates.device_for(name)
        )
    except BadRequestError as error:
        return None, f"{error}: {error.hint}"
    if device is None:
        problem = syntax_problem(text)
        found = f"it does not compile: {problem}" if problem else "it compiles"
        return None, f"{found}; no {vendor} phone is registered here to try it with"
    if device.vendor != vendor:
        return None, f"{device.mac.colons} is of {device.vendor}: choose a phone of {vendor}"
    return await services.site_templates.trial(name, text, device), ""


async def _version(request: Request, name: str) -> Version:
    wanted = request.path_params["version"]
    for version in await services_of(request).site_templates.versions(name):
        if version.id == wanted:
            return version
    raise BadRequestError(
        "unknown_version", "this version is not kept", "go back to the template", status=404
    )


def _name(request: Request) -> str:
    name = f"{request.path_params['vendor']}/{request.path_params['file']}"
    services_of(request).site_templates.text(name)
    return name


def _text(form: FormData) -> str:
    """The text as typed: browsers send CR LF where the file has LF."""
    value = form.get("text")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_ONE = "/templates/{vendor:str}/{file:str}"
ROUTES = [
    show("/templates", show_templates),
    show(_ONE, show_template),
    act(_ONE, do_template),
    act(f"{_ONE}/try", try_template),
    show(f"{_ONE}/versions/{{version:str}}", show_version),
]
