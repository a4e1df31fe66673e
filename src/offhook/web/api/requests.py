"""The history of provisioning requests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from offhook.actions.ports import AttemptQuery
from offhook.core.model import Attempt
from offhook.web.api.answers import long_answer
from offhook.web.api.context import Api
from offhook.web.api.fields import PAGE_MAX, Fields, Text

router = APIRouter(tags=["requests"])


class RequestRecord(BaseModel):
    """One request of a phone, and how it ended."""

    timestamp: datetime
    mac_address: str = Field(description="as the phone wrote it, or its placeholder")
    normalized_mac: str | None = Field(description="12 lower-case digits; null when none was found")
    ip_address: str
    user_agent: str
    success: bool
    error: str
    fault: str = Field(description="fault code of a refusal")
    hint: str = Field(description="evidence and steps, one a line")
    notices: list[str] = Field(description="what was reported although the file was served")
    method: str
    path: str
    file: str
    outcome: str
    status: int
    size: int
    vendor: str
    model: str
    firmware: str
    extension: str
    test: bool = Field(description="tried by a person, not by the phone")
    transport: str
    request_id: str


class RequestList(BaseModel):
    """One page of requests, newest first."""

    total: int
    limit: int
    offset: int
    requests: list[RequestRecord]


class RequestQuery(Fields):
    """Which requests."""

    limit: int = Field(20, ge=1, le=PAGE_MAX, description="how many at most")
    offset: int = Field(0, ge=0, le=10**9, description="how many to skip")
    mac: Text = Field("", description="of one phone, any spelling of its MAC")
    success: bool | None = Field(None, description="only the successful, or only the failed")


@router.get("/api/provisioning/requests", response_model=RequestList)
async def list_requests(services: Api, query: Annotated[RequestQuery, Query()]) -> Response:
    """List what phones asked for, newest first."""
    total, attempts = await services.journal.attempts(
        AttemptQuery(
            limit=query.limit,
            offset=query.offset,
            mac=services.devices.mac(query.mac) if query.mac else None,
            is_success=query.success,
        )
    )
    return await long_answer(
        RequestList(
            total=total,
            limit=query.limit,
            offset=query.offset,
            requests=[request_record(item) for item in attempts],
        )
    )


def request_record(attempt: Attempt) -> RequestRecord:
    """Show one."""
    return RequestRecord(
        timestamp=attempt.at,
        mac_address=attempt.mac_text,
        normalized_mac=attempt.mac.plain if attempt.mac else None,
        ip_address=attempt.address,
        user_agent=attempt.user_agent,
        success=attempt.is_success,
        error=attempt.error,
        fault=attempt.fault,
        hint=attempt.hint,
        notices=list(attempt.notices),
        method=attempt.method,
        path=attempt.path,
        file=attempt.file,
        outcome=attempt.kind.value,
        status=attempt.status,
        size=attempt.size_bytes,
        vendor=attempt.vendor,
        model=attempt.model,
        firmware=attempt.firmware,
        extension=attempt.extension,
        test=attempt.is_test,
        transport=attempt.transport,
        request_id=attempt.request_id,
    )
