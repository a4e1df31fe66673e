"""Reboots: the record of each, step by step with its time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from offhook.core.model import Reboot, RebootStep
from offhook.errors import BadRequestError
from offhook.web.api.answers import answer, long_answer
from offhook.web.api.context import Api
from offhook.web.api.fields import PAGE_MAX, Fields, Text

router = APIRouter(tags=["reboots"])


class RebootRecord(BaseModel):
    """How far a reboot got. A NOTIFY that was sent proves nothing; a fetch does."""

    id: str
    step: RebootStep
    extension: str
    mac_address: str | None = Field(description="null for a phone that is not in the inventory")
    vendor: str
    contact: str
    event: str = Field(description="Event header of the NOTIFY")
    reason: str
    asked_by: str
    asked_at: datetime
    steps: dict[str, datetime] = Field(description="each step reached, with its time")
    sip_code: int = Field(description="the phone's answer; 0 while there is none")
    sip_reason: str
    was_challenged: bool = Field(description="the phone asked for its own credentials first")
    fault: str
    detail: str = Field(description="why it stopped, or what a pending one is waiting for")


class RebootList(BaseModel):
    """Reboots, newest first."""

    reboots: list[RebootRecord]


class RebootQuery(Fields):
    """Which reboots."""

    limit: int = Field(100, ge=1, le=PAGE_MAX)
    mac: Text = Field("", description="of one device, any spelling of its MAC")
    extension: Text = Field("", description="of one extension")


@router.get("/api/reboots", response_model=RebootList)
async def list_reboots(services: Api, query: Annotated[RebootQuery, Query()]) -> Response:
    """List reboots, of one device or extension or of all, newest first."""
    mac = services.devices.mac(query.mac) if query.mac else None
    found = await services.reboot_store.list_reboots(query.limit, mac, query.extension)
    return await long_answer(RebootList(reboots=reboot_records(found)))


@router.get("/api/reboots/{reboot_id}", response_model=RebootRecord)
async def get_reboot(services: Api, reboot_id: str) -> Response:
    """Give one reboot with all its steps."""
    found = services.reboots.current(reboot_id)
    if found is None:
        found = await services.reboot_store.get_reboot(reboot_id[:64].replace("\0", ""))
    if found is None:
        raise BadRequestError(
            "unknown_reboot",
            f"reboot {reboot_id[:64]!r} does not exist",
            "list them with GET /api/reboots",
            status=404,
        )
    return answer(reboot_record(found))


def reboot_records(reboots: Iterable[Reboot]) -> list[RebootRecord]:
    """Show several."""
    return [reboot_record(item) for item in reboots]


def reboot_record(reboot: Reboot) -> RebootRecord:
    """Show one."""
    return RebootRecord(
        id=reboot.id,
        step=reboot.step,
        extension=reboot.extension,
        mac_address=reboot.mac.plain if reboot.mac else None,
        vendor=reboot.vendor,
        contact=reboot.contact,
        event=reboot.event,
        reason=reboot.reason,
        asked_by=reboot.asked_by,
        asked_at=reboot.asked_at,
        steps={step.value: moment for step, moment in reboot.steps.items()},
        sip_code=reboot.sip_code,
        sip_reason=reboot.sip_reason,
        was_challenged=reboot.was_challenged,
        fault=reboot.fault,
        detail=reboot.detail,
    )
