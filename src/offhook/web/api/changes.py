"""Changes: what a person or a sync altered or was shown, by whom and when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from offhook.web.api.answers import long_answer
from offhook.web.api.context import Api
from offhook.web.api.fields import Page, Text

router = APIRouter(tags=["changes"])


class ChangeRecord(BaseModel):
    """One change; secrets are not part of it, only that they changed or were shown."""

    at: datetime
    actor: str = Field(description="local, token NAME, address …, or a sync")
    noun: str
    subject: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ChangeList(BaseModel):
    """One page of changes, newest first."""

    limit: int
    offset: int
    changes: list[ChangeRecord]


class ChangeQuery(Page):
    """Which changes."""

    subject: Text = Field("", max_length=200, description="number, MAC (12 digits) or scope")


@router.get("/api/changes", response_model=ChangeList)
async def list_changes(services: Api, query: Annotated[ChangeQuery, Query()]) -> Response:
    """List changes, newest first."""
    found = await services.inventory.list_changes(query.limit, query.offset, query.subject)
    records = [
        ChangeRecord(
            at=item.at,
            actor=item.actor,
            noun=item.noun,
            subject=item.subject,
            action=item.action,
            before=None if item.before is None else dict(item.before),
            after=None if item.after is None else dict(item.after),
        )
        for item in found
    ]
    return await long_answer(ChangeList(limit=query.limit, offset=query.offset, changes=records))
