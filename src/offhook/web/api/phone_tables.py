"""Phones as a table: many read in at once after a verdict on each row, all given away."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from offhook.actions.adopt import Adopted, Adopting
from offhook.actions.phone_csv import export_table, parse_table
from offhook.actions.wanted import Fate, Judged, mark
from offhook.web.api.answers import HEADERS, long_answer
from offhook.web.api.context import Actor, Api
from offhook.web.api.fields import Fields, Text

router = APIRouter(tags=["devices"])


class PhoneTable(Fields):
    """A table of phones as text."""

    table: Text = Field(
        description="comma, semicolon or tab; columns mac, extension, name, vendor, model, label, "
        "or as a heading names them, extension2 and so on for further lines"
    )


class ImportQuery(Fields):
    """Whether to write."""

    preview: bool = Field(False, description="only judge the rows; write nothing")


class RowRecord(BaseModel):
    """The verdict on a row."""

    row: int
    mac_address: str
    verdict: Fate
    message: str = Field(description="why it cannot be used; empty otherwise")
    hint: str
    notes: list[str] = Field(description="what is odd, though the row is used")


class ImportAnswer(BaseModel):
    """What was done, or would be."""

    preview: bool
    added: int
    changed: int
    extensions: int = Field(description="extensions made")
    told: int = Field(description="registered phones told to fetch; 0 in a preview")
    rows: list[RowRecord]


@router.post("/api/provisioning/devices/import", response_model=ImportAnswer)
async def import_devices(
    services: Api, actor: Actor, body: PhoneTable, query: Annotated[ImportQuery, Query()]
) -> Response:
    """Write the rows of a table that can be used, all in one change; 409 when it was overtaken."""
    verbs = Adopting(
        changing=services.previews.changing, devices=services.devices, reboots=services.reboots
    )
    rows = parse_table(body.table).rows
    found = await verbs.judge(rows)
    if query.preview:
        done = Adopted(
            added=sum(it.fate is Fate.NEW for it in found),
            changed=sum(it.fate is Fate.CHANGED for it in found),
            extensions=sum(len(it.made) for it in found),
            told=0,
        )
    else:
        done = await verbs.put(actor, rows, mark(found))
    return await long_answer(
        ImportAnswer(
            preview=query.preview,
            added=done.added,
            changed=done.changed,
            extensions=done.extensions,
            told=done.told,
            rows=[_row(it) for it in found],
        )
    )


@router.get(
    "/api/provisioning/devices/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "the table"}},
)
async def export_devices(services: Api) -> Response:
    """Give all devices as a table that can be imported again; no secrets are in it."""
    parts = export_table(services.state.devices, services.state.extensions)
    return StreamingResponse(parts, headers=HEADERS, media_type="text/csv; charset=utf-8")


def _row(item: Judged) -> RowRecord:
    return RowRecord(
        row=item.wanted.row,
        mac_address=item.device.mac.plain if item.device else item.wanted.mac_address,
        verdict=item.fate,
        message=str(item.refusal) if item.refusal else "",
        hint=item.refusal.hint if item.refusal else "",
        notes=list(item.notes),
    )
