"""What belongs to one device: its file as text or explained, its password, its uploads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from offhook.errors import BadRequestError
from offhook.web.api.answers import HEADERS, answer, long_answer
from offhook.web.api.context import Actor, Api
from offhook.web.api.fields import Fields, Text

router = APIRouter(tags=["device files"])


class ExplainedValue(BaseModel):
    """One value of a file and the level that decided it, the strongest that had a say."""

    key: str
    value: str
    source: str = Field(
        description="template, config.yml, extension N, site, vendor V, model V/M or device MAC"
    )


class ExplainedFile(BaseModel):
    """The file with the account, value by value."""

    file: str
    lines: list[ExplainedValue]


class AdminPassword(BaseModel):
    """The password of the phone's own web pages; the asking is on record."""

    admin_password: str


class UploadRecord(BaseModel):
    """A file the phone sent us."""

    name: str
    size: int
    at: datetime


class UploadList(BaseModel):
    """Files the phone sent us, newest first."""

    uploads: list[UploadRecord]


class ConfigQuery(Fields):
    """Which file, and how."""

    explain: bool = Field(False, description="value by value with the level each came from")
    file: Text = Field("", max_length=255, description="another file of the device, by name")
    reveal: bool = Field(False, description="show secrets; who asked is noted among the changes")


@router.get(
    "/api/provisioning/devices/{mac}/config",
    response_model=ExplainedFile,
    responses={200: {"content": {"text/plain": {}}, "description": "the file, or its lines"}},
)
async def get_config(
    services: Api, actor: Actor, mac: str, query: Annotated[ConfigQuery, Query()]
) -> Response:
    """Give the file as the phone would get it, secrets masked; with `explain` as JSON."""
    if not query.explain:
        shown = await services.shown_files.show(actor, mac, query.file, is_revealed=query.reveal)
        # As text whatever the phone would be told: a browser shall show it, and run nothing.
        headers = {**HEADERS, "X-Offhook-File": shown.file}
        return Response(shown.text.encode(), 200, headers, "text/plain")
    if query.file:
        raise BadRequestError(
            "contradiction",
            "explain tells of the file with the account only",
            "leave file out, or leave explain out",
        )
    name, lines = await services.shown_files.explain(actor, mac, is_revealed=query.reveal)
    values = [ExplainedValue(key=item.key, value=item.value, source=item.source) for item in lines]
    return await long_answer(ExplainedFile(file=name, lines=values))


@router.get("/api/provisioning/devices/{mac}/admin-password", response_model=AdminPassword)
async def get_admin_password(services: Api, actor: Actor, mac: str) -> Response:
    """Give the password of the phone's own pages; who asked is noted among the changes."""
    password = await services.devices.reveal_admin_password(actor, mac)
    return answer(AdminPassword(admin_password=password.reveal()))


@router.get("/api/provisioning/devices/{mac}/uploads", response_model=UploadList)
async def list_uploads(services: Api, mac: str) -> Response:
    """List the logs and overrides that the phone sent us."""
    device = services.devices.device(mac)
    found = await services.uploads.list_uploads(device.mac)
    return answer(
        UploadList(uploads=[UploadRecord(name=name, size=size, at=at) for name, size, at in found])
    )
