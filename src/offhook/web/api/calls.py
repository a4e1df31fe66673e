"""Calls between extensions: those that ring or are talked on now."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from offhook.web.api.answers import long_answer
from offhook.web.api.context import Api
from offhook.web.api.fields import Page

router = APIRouter(tags=["calls"])


class CallRecord(BaseModel):
    """A call from one extension to another."""

    caller: str
    callee: str
    state: Literal["ringing", "talking"]
    since: datetime = Field(description="when it began to ring, or was answered")
    caller_at: str = Field(description="the caller's phone, such as udp:192.0.2.5:5060")
    callee_at: str = Field(description="the phone that answered; empty while it rings")


class CallList(BaseModel):
    """One page of calls, the longest in their state first."""

    total: int
    limit: int
    offset: int
    calls: list[CallRecord]


@router.get("/api/calls", response_model=CallList)
async def list_calls(services: Api, page: Annotated[Page, Query()]) -> Response:
    """List the calls of this moment."""
    found = sorted(services.engine.calls(), key=lambda item: (item.since, item.caller))
    shown = found[page.offset : page.offset + page.limit]
    return await long_answer(
        CallList(
            total=len(found),
            limit=page.limit,
            offset=page.offset,
            calls=[
                CallRecord(
                    caller=item.caller,
                    callee=item.callee,
                    state="ringing" if item.state == "ringing" else "talking",
                    since=item.since,
                    caller_at=item.caller_at,
                    callee_at=item.callee_at,
                )
                for item in shown
            ],
        )
    )
