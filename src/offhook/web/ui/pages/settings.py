"""Settings: as they were read, free settings of phones, API tokens, and who may sign in."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Mapping
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from offhook.actions.admins import SHORTEST_PASSWORD
from offhook.actions.changing import Changes
from offhook.actions.free_settings import masked_settings
from offhook.actions.preview import Verbs
from offhook.core.model import Settings as FreeValues
from offhook.core.model import SettingScope
from offhook.core.preferences import PARSERS
from offhook.core.secret import MASK, is_secret_key
from offhook.errors import BadRequestError
from offhook.settings_page import PHONE_MEANINGS
from offhook.web.ports import Services
from offhook.web.ui.page import ADMIN, act, actor_of, go, page, services_of, show, text_of
from offhook.web.ui.settings_rows import read_sections

TABS = (
    ("/settings", "This server"),
    ("/settings/phones", "Phones"),
    ("/settings/tokens", "API tokens"),
    ("/settings/admins", "Administrators"),
)
_LEVELS = ("site", "vendor", "model")


async def show_settings(request: Request) -> Response:
    """Every setting of the server as it was read, with what is wrong with them."""
    services = services_of(request)
    verdict = await services.fleet.verdict()
    sections = read_sections(services.settings, os.environ)
    values = {
        "sections": sections,
        "chosen": sum(not row.is_default for it in sections for row in it.rows),
        "findings": [it for it in verdict.findings if it.code.startswith("P1")],
    }
    return page(request, "settings.html", {"tabs": TABS, **values})


# --- free settings --------------------------------------------------------------------------------


async def show_phones_settings(request: Request) -> Response:
    """Free settings by level, and the form that changes one."""
    return _phones(request, {"scope": request.query_params.get("scope", "")[:200]})


async def change_phones_settings(request: Request, form: FormData) -> Response:
    """Set or remove a setting: what would happen, or do it."""
    services, actor = services_of(request), actor_of(request)
    typed = {name: text_of(form, name) for name in ("scope", "key", "value")}
    value = None if text_of(form, "remove") else typed["value"]
    more: dict[str, Any] = {**typed, "is_removal": value is None}
    more["value"] = _kept(typed["key"], typed["value"])
    try:
        if not typed["key"]:
            raise _no_key()
        scope = _scope(services, typed["scope"])

        def change(verbs: Verbs) -> Awaitable[tuple[FreeValues, Changes]]:
            return verbs.free_settings.change_settings(actor, scope, {typed["key"]: value})

        if text_of(form, "do") == "preview":
            more |= {"preview": await services.previews.of(change), "value": typed["value"]}
            return _phones(request, more)
        values = {typed["key"]: value}
        _, changes = await services.free_settings.change_settings(actor, scope, values)
    except BadRequestError as error:
        more |= {"message": str(error), "hint": error.hint}
        return _phones(request, more, error.status)
    return _phones(request, {"scope": typed["scope"], "told": f"Saved: {changes.told}."})


def _no_key() -> BadRequestError:
    return BadRequestError("no_key", "the setting has no name", "choose or write its name")


def _kept(key: str, value: str) -> str:
    """What a form shows again of what was typed: never a password."""
    return "" if key not in PARSERS and is_secret_key(key) else value


def _phones(request: Request, more: Mapping[str, Any], status: int = 200) -> Response:
    services = services_of(request)
    found = sorted(
        ((it, values) for it, values in services.state.settings.items() if values),
        key=lambda pair: (
            (_LEVELS.index(pair[0].level), pair[0].key)
            if pair[0].level in _LEVELS
            else (len(_LEVELS), pair[0].key)
        ),
    )
    values = {
        "tabs": TABS,
        "groups": [
            (_label(services, it), _text_of_scope(it), sorted(masked_settings(values).items()))
            for it, values in found
            if it.level in _LEVELS
        ],
        "meanings": PHONE_MEANINGS,
        "profiles": services.state.source.profiles,
        "scope": "",
        "key": "",
        "value": "",
        "is_removal": False,
        "preview": None,
        "mask": MASK,
        "told": "",
        "message": "",
        "hint": "",
        **more,
    }
    return page(request, "settings_phones.html", values, status)


def _scope(services: Services, text: str) -> SettingScope:
    vendor, _, model = text.partition("/")
    return services.free_settings.scope(vendor, model)


def _text_of_scope(scope: SettingScope) -> str:
    return "" if scope.level == "site" else scope.key


def _label(services: Services, scope: SettingScope) -> str:
    if scope.level == "site":
        return "All phones"
    vendor, _, model = scope.key.partition("/")
    profile = services.state.source.profiles.get(vendor)
    found = profile.model(model) if profile and model else None
    maker = profile.label if profile else vendor
    return f"{maker} {found.label if found else model}" if model else f"All of {maker}"


# --- tokens ---------------------------------------------------------------------------------------


async def show_tokens(request: Request) -> Response:
    """API tokens; their texts are not kept."""
    return await _tokens(request, {})


async def make_token(request: Request, form: FormData) -> Response:
    """Make a token and show its text, this once."""
    name = text_of(form, "name")
    try:
        made, text = await services_of(request).tokens.make_token(actor_of(request), name)
    except BadRequestError as error:
        more = {"name": name, "message": str(error), "hint": error.hint}
        return await _tokens(request, more, error.status)
    return await _tokens(request, {"made": made, "text": text})


async def revoke_token(request: Request, form: FormData) -> Response:
    """Make a token worthless at once."""
    name = text_of(form, "name")
    try:
        await services_of(request).tokens.revoke_token(actor_of(request), name)
    except BadRequestError as error:
        return await _tokens(request, {"message": str(error), "hint": ""}, error.status)
    return await _tokens(request, {"told": f"Token {name} is revoked."})


async def _tokens(request: Request, more: Mapping[str, Any], status: int = 200) -> Response:
    values = {
        "tabs": TABS,
        "tokens": await services_of(request).tokens.list_tokens(),
        "made": None,
        "text": "",
        "name": "",
        "told": "",
        "message": "",
        "hint": "",
        **more,
    }
    return page(request, "settings_tokens.html", values, status)


# --- administrators -------------------------------------------------------------------------------


async def show_admins(request: Request) -> Response:
    """Who may sign in."""
    return await _admins(request, {})


async def put_admin(request: Request, form: FormData) -> Response:
    """Add an administrator, or give one a new password, which ends their sessions."""
    services, name = services_of(request), text_of(form, "name")
    is_new = bool(text_of(form, "new"))
    try:
        known = {item.name for item in await services.admins.list_admins()}
        if is_new == (name in known):
            raise _wrong_admin(name, is_new=is_new)
        password = str(form.get("password") or "")
        await services.admins.put_admin(actor_of(request), name, password)
    except BadRequestError as error:
        more = {"name": name if is_new else "", "message": str(error), "hint": error.hint}
        return await _admins(request, more, error.status)
    if name == request.scope[ADMIN]:
        return go(request, "/sign-in")
    told = f"{name} can sign in." if is_new else f"{name} has a new password."
    return await _admins(request, {"told": told})


async def delete_admin(request: Request, form: FormData) -> Response:
    """Remove an administrator, never the last one; their sessions end."""
    services, name = services_of(request), text_of(form, "name")
    try:
        if [item.name for item in await services.admins.list_admins()] == [name]:
            raise _last_admin(name)
        await services.admins.delete_admin(actor_of(request), name)
    except BadRequestError as error:
        return await _admins(request, {"message": str(error), "hint": error.hint}, error.status)
    if name == request.scope[ADMIN]:
        return go(request, "/sign-in")
    return await _admins(request, {"told": f"{name} cannot sign in any more."})


def _wrong_admin(name: str, *, is_new: bool) -> BadRequestError:
    if is_new:
        hint = "give them a new password in the table"
        return BadRequestError("admin_exists", f"{name} is an administrator", hint, status=409)
    return BadRequestError("unknown_admin", f"there is no {name[:64]!r}", "add them", status=404)


def _last_admin(name: str) -> BadRequestError:
    return BadRequestError(
        "last_admin",
        f"{name} is the last administrator: nobody could sign in",
        "add another one first",
        status=409,
    )


async def _admins(request: Request, more: Mapping[str, Any], status: int = 200) -> Response:
    values = {
        "tabs": TABS,
        "admins": await services_of(request).admins.list_admins(),
        "shortest": SHORTEST_PASSWORD,
        "name": "",
        "told": "",
        "message": "",
        "hint": "",
        **more,
    }
    return page(request, "settings_admins.html", values, status)


ROUTES = [
    show("/settings", show_settings),
    show("/settings/phones", show_phones_settings),
    act("/settings/phones", change_phones_settings),
    show("/settings/tokens", show_tokens),
    act("/settings/tokens", make_token),
    act("/settings/tokens/revoke", revoke_token),
    show("/settings/admins", show_admins),
    act("/settings/admins", put_admin),
    act("/settings/admins/delete", delete_admin),
]
