"""Many devices or extensions in one call: all are written, or none and why for each row."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from offhook.actions.bulk import Bulk
from offhook.actions.extensions import ExtensionSpec
from offhook.errors import BadRowsError
from offhook.web.answer import JSON, json_bytes
from offhook.web.api.answers import HEADERS, ErrorDetail, long_answer
from offhook.web.api.context import Actor, Api
from offhook.web.api.devices import NewDevice, spec_of
from offhook.web.api.extensions import NewExtension
from offhook.web.api.fields import Fields
from offhook.web.ports import Services

router = APIRouter()


class NewDevices(Fields):
    """Devices to register; those that are registered are replaced."""

    devices: list[NewDevice] = Field(description="1 to 10000")


class NewExtensions(Fields):
    """Extensions to add."""

    extensions: list[NewExtension] = Field(description="1 to 10000")


class RowDetail(ErrorDetail):
    """Why a row cannot be used; `row` counts from 1."""

    row: int


class RowsDetail(ErrorDetail):
    """What went wrong, in words of the first row, and row by row."""

    rows: list[RowDetail] = Field(description="at most 100")


class RowsRefused(BaseModel):
    """Nothing was written."""

    error: RowsDetail


class DevicesAnswer(BaseModel):
    """All devices are registered; `told` of their phones were told to fetch, as they register."""

    success: bool
    message: str
    devices: list[str] = Field(description="MACs, in the order of the rows")
    told: int


class ExtensionsAnswer(BaseModel):
    """All extensions are added."""

    success: bool
    message: str
    extensions: list[str] = Field(description="numbers, in the order of the rows")


_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": RowsRefused, "description": "nothing was written; why, row by row"}
}


@router.post(
    "/api/provisioning/devices/bulk",
    response_model=DevicesAnswer,
    status_code=201,
    responses=_REFUSED,
    tags=["devices"],
)
async def put_devices(services: Api, actor: Actor, body: NewDevices) -> Response:
    """Register many devices as one change: all of them, or none."""
    try:
        put, changes = await _bulk(services).put_devices(actor, body.devices, spec_of)
    except BadRowsError as error:
        return refused(error)
    return await long_answer(
        DevicesAnswer(
            success=True,
            message=f"{len(put)} devices registered; {changes.told}",
            devices=[it.mac.plain for it in put],
            told=len(changes.reboots),
        ),
        201,
    )


@router.post(
    "/api/extensions/bulk",
    response_model=ExtensionsAnswer,
    status_code=201,
    responses=_REFUSED,
    tags=["extensions"],
)
async def add_extensions(services: Api, actor: Actor, body: NewExtensions) -> Response:
    """Add many extensions as one change: all of them, or none."""
    try:
        added = await _bulk(services).add_extensions(actor, body.extensions, _spec_of)
    except BadRowsError as error:
        return refused(error)
    return await long_answer(
        ExtensionsAnswer(
            success=True,
            message=f"{len(added)} extensions added",
            extensions=[it.number for it in added],
        ),
        201,
    )


def refused(error: BadRowsError) -> Response:
    """Tell what is wrong, row by row."""
    rows = [
        RowDetail(row=row, code=it.code, message=str(it), hint=it.hint)
        for row, it in error.rows.items()
    ]
    detail = RowsDetail(code=error.code, message=str(error), hint=error.hint, rows=rows)
    return Response(json_bytes(RowsRefused(error=detail)), error.status, HEADERS, JSON)


def _bulk(services: Services) -> Bulk:
    return Bulk(services.previews.changing, services.devices, services.extensions)


def _spec_of(body: NewExtension) -> ExtensionSpec:
    return ExtensionSpec(number=body.number, name=body.name, email=body.email, secret=body.secret)
