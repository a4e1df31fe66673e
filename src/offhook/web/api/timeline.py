"""The timeline of one phone: everything that happened to it, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from offhook.web.api.answers import long_answer
from offhook.web.api.context import Api
from offhook.web.api.fields import PAGE_MAX, Fields

router = APIRouter(tags=["diagnostics"])


class MomentRecord(BaseModel):
    """One thing that happened."""

    at: datetime
    kind: str = Field(description="request, sip, reboot or change")
    what: str
    status: int = Field(description="HTTP or SIP status; 0 without an answer")
    fault: str = Field(description="fault codes, comma between; empty when all was well")
    reference: str = Field(description="id of the request or the reboot")


class TimelineRecord(BaseModel):
    """One page; `next_before` is the `before` of the following page, null at the end."""

    mac: str
    limit: int
    next_before: datetime | None
    timeline: list[MomentRecord]


class TimelineQuery(Fields):
    """Which part."""

    limit: int = Field(100, ge=1, le=PAGE_MAX, description="how many at most")
    before: AwareDatetime | None = Field(
        None, description="only what happened before this moment, with its time zone"
    )


@router.get("/api/provisioning/devices/{mac}/timeline", response_model=TimelineRecord)
async def get_timeline(
    services: Api, mac: str, query: Annotated[TimelineQuery, Query()]
) -> Response:
    """List requests, registrations, orders to fetch and changes of a phone in one order."""
    wanted = services.devices.mac(mac)
    moments = await services.timeline.of(wanted, query.limit, query.before)
    records = [
        MomentRecord(
            at=moment.at,
            kind=moment.kind,
            what=moment.what,
            status=moment.status,
            fault=moment.fault,
            reference=moment.reference,
        )
        for moment in moments
    ]
    is_full = len(moments) == query.limit
    return await long_answer(
        TimelineRecord(
            mac=wanted.colons,
            limit=query.limit,
            next_before=moments[-1].at if is_full else None,
            timeline=records,
        )
    )
