"""Free settings of the site, of makers and of models."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, Field

from offhook.actions.free_settings import masked_settings
from offhook.core.model import Settings, SettingScope
from offhook.core.preferences import PARSERS
from offhook.web.api.answers import answer, long_answer
from offhook.web.api.context import Actor, Api
from offhook.web.api.fields import Text
from offhook.web.api.preview import Asked, PreviewAnswer, PreviewQuery, previewed
from offhook.web.api.reboots import RebootRecord, reboot_records
from offhook.web.ports import Services

router = APIRouter(tags=["settings"])

NewSettings = Annotated[
    dict[Text, Text | None],
    Body(description="neutral names or the maker's own keys; null removes one", max_length=500),
]


class AllSettings(BaseModel):
    """Free settings by scope; site < vendor < model < device, the strongest wins by key."""

    neutral: list[str] = Field(description="names that every maker's phones understand")
    site: dict[str, str]
    vendors: dict[str, dict[str, str]]
    models: dict[str, dict[str, str]] = Field(description="by vendor/model")


class ScopeSettings(BaseModel):
    """The free settings of one scope."""

    scope: str
    settings: dict[str, str]


class SettingsAnswer(ScopeSettings):
    """What became of a change: `pending_count` devices fetch at their next boot."""

    success: bool
    message: str
    reboot_triggered: bool
    reboots: list[RebootRecord]
    pending_count: int


@router.get("/api/provisioning/settings", response_model=AllSettings)
async def get_all_settings(services: Api) -> Response:
    """Give every scope's settings."""
    by_level: dict[str, dict[str, dict[str, str]]] = {"site": {}, "vendor": {}, "model": {}}
    for scope, values in services.state.settings.items():
        if values and scope.level in by_level:
            by_level[scope.level][scope.key] = masked_settings(values)
    return await long_answer(
        AllSettings(
            neutral=list(PARSERS),
            site=by_level["site"].get("", {}),
            vendors=by_level["vendor"],
            models=by_level["model"],
        )
    )


@router.get("/api/provisioning/settings/site", response_model=ScopeSettings)
async def get_site_settings(services: Api) -> Response:
    """Give the site's settings."""
    return _given(services, services.free_settings.scope())


@router.patch("/api/provisioning/settings/site", response_model=SettingsAnswer | PreviewAnswer)
async def change_site_settings(
    services: Api, actor: Actor, body: NewSettings, asked: Asked
) -> Response:
    """Merge settings of all phones; those whose files change are told to fetch again."""
    return await _changed(services, actor, services.free_settings.scope(), body, asked)


@router.get("/api/provisioning/settings/vendor/{vendor}", response_model=ScopeSettings)
async def get_vendor_settings(services: Api, vendor: str) -> Response:
    """Give a maker's settings."""
    return _given(services, services.free_settings.scope(vendor))


@router.patch(
    "/api/provisioning/settings/vendor/{vendor}", response_model=SettingsAnswer | PreviewAnswer
)
async def change_vendor_settings(
    services: Api, actor: Actor, vendor: str, body: NewSettings, asked: Asked
) -> Response:
    """Merge settings of a maker's phones; those whose files change are told to fetch again."""
    return await _changed(services, actor, services.free_settings.scope(vendor), body, asked)


@router.get("/api/provisioning/settings/model/{vendor}/{model}", response_model=ScopeSettings)
async def get_model_settings(services: Api, vendor: str, model: str) -> Response:
    """Give a model's settings."""
    return _given(services, services.free_settings.scope(vendor, model))


@router.patch(
    "/api/provisioning/settings/model/{vendor}/{model}",
    response_model=SettingsAnswer | PreviewAnswer,
)
async def change_model_settings(
    services: Api, actor: Actor, vendor: str, model: str, body: NewSettings, asked: Asked
) -> Response:
    """Merge settings of a model's phones; those whose files change are told to fetch again."""
    return await _changed(services, actor, services.free_settings.scope(vendor, model), body, asked)


def _given(services: Services, scope: SettingScope) -> Response:
    found: Settings = services.state.settings.get(scope, {})
    return answer(ScopeSettings(scope=_name(scope), settings=masked_settings(found)))


async def _changed(
    services: Services,
    actor: str,
    scope: SettingScope,
    body: dict[str, str | None],
    asked: PreviewQuery,
) -> Response:
    if asked.preview:
        return await previewed(
            services, asked, lambda verbs: verbs.free_settings.change_settings(actor, scope, body)
        )
    settings, changes = await services.free_settings.change_settings(actor, scope, body)
    return await long_answer(
        SettingsAnswer(
            scope=_name(scope),
            settings=masked_settings(settings),
            success=True,
            message=f"Settings of {_name(scope)} changed; {changes.told}",
            reboot_triggered=changes.is_reboot_triggered,
            reboots=reboot_records(changes.reboots),
            pending_count=len(changes.pending),
        )
    )


def _name(scope: SettingScope) -> str:
    return f"{scope.level} {scope.key}".strip()
