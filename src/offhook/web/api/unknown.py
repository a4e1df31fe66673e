"""Unknown phones: who asked for files without being registered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from offhook.core.model import UnknownPhone
from offhook.web.api.answers import Done, answer, long_answer
from offhook.web.api.context import Actor, Api
from offhook.web.api.fields import Page

router = APIRouter(tags=["unknown phones"])


class UnknownRecord(BaseModel):
    """A phone that asked and is not registered; maker and model are what it told, or a guess."""

    mac_address: str
    mac: str
    vendor: str
    model: str
    firmware: str
    address: str
    user_agent: str
    first_seen: datetime
    last_seen: datetime
    count: int = Field(description="requests so far")


class UnknownList(BaseModel):
    """One page of unknown phones, the one seen last first."""

    total: int
    limit: int
    offset: int
    phones: list[UnknownRecord]


@router.get("/api/provisioning/unknown", response_model=UnknownList)
async def list_unknown(services: Api, page: Annotated[Page, Query()]) -> Response:
    """List unknown phones; register one with POST /api/provisioning/devices."""
    found = services.unknown_phones.list_phones()
    shown = found[page.offset : page.offset + page.limit]
    return await long_answer(
        UnknownList(
            total=len(found),
            limit=page.limit,
            offset=page.offset,
            phones=[unknown_record(item) for item in shown],
        )
    )


@router.delete("/api/provisioning/unknown/{mac}", response_model=Done)
async def forget_unknown(services: Api, actor: Actor, mac: str) -> Response:
    """Take a phone off the list; it comes back when it asks again."""
    found = services.devices.mac(mac)
    await services.unknown_phones.forget(actor, found)
    return answer(Done(message=f"Phone {found.colons} forgotten"))


def unknown_record(phone: UnknownPhone) -> UnknownRecord:
    """Show one."""
    return UnknownRecord(
        mac_address=phone.mac.plain,
        mac=phone.mac.colons,
        vendor=phone.vendor,
        model=phone.model,
        firmware=phone.firmware,
        address=phone.address,
        user_agent=phone.user_agent,
        first_seen=phone.first_seen,
        last_seen=phone.last_seen,
        count=phone.count,
    )
