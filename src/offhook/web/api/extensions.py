"""Extensions: numbers, their names and secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from offhook.actions.changing import Changes
from offhook.actions.extensions import Extensions
from offhook.core.model import Extension
from offhook.web.api.answers import Done, answer, in_turns, long_answer
from offhook.web.api.context import Actor, Api
from offhook.web.api.fields import PAGE_MAX, Fields, SearchPage, Text
from offhook.web.api.preview import Asked, PreviewAnswer, PreviewQuery, previewed
from offhook.web.api.reboots import RebootRecord, reboot_records
from offhook.web.ports import Services

router = APIRouter(tags=["extensions"])


class ExtensionRecord(BaseModel):
    """One extension. Its secret is never part of it."""

    number: str
    name: str
    email: str
    registered: bool = Field(description="a phone is registered for it now")
    source: str = Field(description="manual, or the directory it came from")
    created_at: datetime
    devices: list[str] = Field(description="MACs of the devices with a line of it")


class ExtensionList(BaseModel):
    """One page of extensions, in the order of their numbers."""

    total: int
    limit: int
    offset: int
    extensions: list[ExtensionRecord]


class ExtensionAnswer(BaseModel):
    """What became of a change: `reboots` began, `pending` devices fetch at their next boot."""

    success: bool
    message: str
    extension: ExtensionRecord
    reboot_triggered: bool
    reboots: list[RebootRecord]
    pending: list[str]


class SecretAnswer(BaseModel):
    """A SIP secret, shown because somebody asked; the asking is on record."""

    secret: str


class NewExtension(Fields):
    """An extension to add."""

    number: Text = Field(description="1 to 20 digits")
    name: Text = Field(description="display name, at most 100 characters")
    email: Text = ""
    secret: Text | None = Field(None, description="SIP secret; a strong one is made when absent")


class WholeExtension(Fields):
    """An extension's fields; the secret stays when absent."""

    name: Text
    email: Text = ""
    secret: Text | None = None


class SomeOfExtension(Fields):
    """Fields to change; what is absent stays."""

    name: Text | None = None
    email: Text | None = None
    secret: Text | None = None


class ExtensionPage(SearchPage):
    """All that most sites have fit on one page: the guide greps the answer for a number."""

    limit: int = Field(PAGE_MAX, ge=1, le=PAGE_MAX, description="how many at most")


@router.get("/api/extensions", response_model=ExtensionList)
async def list_extensions(services: Api, page: Annotated[ExtensionPage, Query()]) -> Response:
    """List extensions; `q` looks into number, name and email."""
    everything = list(services.state.extensions.values())
    found = await asyncio.to_thread(_sorted, everything, page.q.casefold())
    shown = found[page.offset : page.offset + page.limit]
    return await long_answer(
        ExtensionList(
            total=len(found),
            limit=page.limit,
            offset=page.offset,
            extensions=await in_turns(shown, lambda item: _record(services, item)),
        )
    )


@router.post(
    "/api/extensions",
    response_model=ExtensionRecord,
    status_code=201,
    responses={200: {"model": PreviewAnswer, "description": "a preview"}},
)
async def add_extension(services: Api, actor: Actor, body: NewExtension, asked: Asked) -> Response:
    """Add an extension. 409 when the number exists."""

    def add(extensions: Extensions) -> Awaitable[Extension]:
        return extensions.add_extension(
            actor, number=body.number, name=body.name, email=body.email, secret=body.secret
        )

    if asked.preview:
        return await previewed(services, asked, lambda verbs: add(verbs.extensions))
    added = await add(services.extensions)
    return answer(_record(services, added), 201)


@router.get("/api/extensions/{number}", response_model=ExtensionRecord)
async def get_extension(services: Api, number: str) -> Response:
    """Give one extension."""
    return answer(_record(services, services.extensions.extension(number)))


@router.put("/api/extensions/{number}", response_model=ExtensionAnswer | PreviewAnswer)
async def replace_extension(
    services: Api, actor: Actor, number: str, body: WholeExtension, asked: Asked
) -> Response:
    """Replace an extension's fields; phones whose files change are told to fetch again."""
    return await _change(services, actor, number, body, asked)


@router.patch("/api/extensions/{number}", response_model=ExtensionAnswer | PreviewAnswer)
async def change_extension(
    services: Api, actor: Actor, number: str, body: SomeOfExtension, asked: Asked
) -> Response:
    """Change some fields; phones whose files change are told to fetch again."""
    return await _change(services, actor, number, body, asked)


@router.delete("/api/extensions/{number}", response_model=Done | PreviewAnswer)
async def delete_extension(services: Api, actor: Actor, number: str, asked: Asked) -> Response:
    """Delete an extension that no device uses; its registrations end. 409 when in use."""
    if asked.preview:
        return await previewed(
            services, asked, lambda verbs: verbs.extensions.delete_extension(actor, number)
        )
    await services.extensions.delete_extension(actor, number)
    return answer(Done(message=f"Extension {number} deleted"))


@router.get("/api/extensions/{number}/secret", response_model=SecretAnswer)
async def get_secret(services: Api, actor: Actor, number: str) -> Response:
    """Give the SIP secret; who asked is noted among the changes."""
    secret = await services.extensions.reveal_secret(actor, number)
    return answer(SecretAnswer(secret=secret.reveal()))


async def _change(
    services: Services,
    actor: str,
    number: str,
    body: WholeExtension | SomeOfExtension,
    asked: PreviewQuery,
) -> Response:
    def change(extensions: Extensions) -> Awaitable[tuple[Extension, Changes]]:
        return extensions.change_extension(
            actor, number, name=body.name, email=body.email, secret=body.secret
        )

    if asked.preview:
        return await previewed(services, asked, lambda verbs: change(verbs.extensions))
    changed, changes = await change(services.extensions)
    return answer(
        ExtensionAnswer(
            success=True,
            message=f"Extension {number} changed; {changes.told}",
            extension=_record(services, changed),
            reboot_triggered=changes.is_reboot_triggered,
            reboots=reboot_records(changes.reboots),
            pending=[mac.plain for mac in changes.pending],
        )
    )


def _sorted(extensions: Sequence[Extension], text: str) -> list[Extension]:
    """Numbers in the order of counting: 99 before 100."""
    found = [
        item
        for item in extensions
        if not text
        or text in item.number
        or text in item.name.casefold()
        or text in item.email.casefold()
    ]
    return sorted(found, key=lambda item: (len(item.number), item.number))


def _record(services: Services, extension: Extension) -> ExtensionRecord:
    return ExtensionRecord(
        number=extension.number,
        name=extension.name,
        email=extension.email,
        registered=bool(services.engine.registrations(extension.number)),
        source=extension.source,
        created_at=extension.created_at,
        devices=[device.mac.plain for device in services.state.devices_of(extension.number)],
    )
