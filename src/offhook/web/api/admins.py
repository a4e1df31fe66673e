"""People who may sign in to the pages."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, SecretStr

from offhook.web.api.answers import Done, answer
from offhook.web.api.context import Actor, Api
from offhook.web.api.fields import Fields, Text

router = APIRouter(tags=["admins"])


class AdminRecord(BaseModel):
    """An admin as listed."""

    name: str
    created_at: datetime = Field(description="when the password was set")


class AdminList(BaseModel):
    """All admins, by name."""

    total: int
    admins: list[AdminRecord]


class NewAdmin(Fields):
    """An admin to make, or whose password to set anew."""

    name: Text = Field(description="letters, digits, . _ @ and -, at most 64")
    password: SecretStr = Field(description="10 characters or more")


@router.get("/api/admins", response_model=AdminList)
async def list_admins(services: Api) -> Response:
    """List admins by name."""
    found = await services.admins.list_admins()
    records = [AdminRecord(name=item.name, created_at=item.created_at) for item in found]
    return answer(AdminList(total=len(records), admins=records))


@router.post("/api/admins", response_model=AdminRecord, status_code=201)
async def put_admin(services: Api, actor: Actor, body: NewAdmin) -> Response:
    """Make an admin, or give one a new password; their sessions end."""
    made = await services.admins.put_admin(actor, body.name, body.password.get_secret_value())
    return answer(AdminRecord(name=made.name, created_at=made.created_at), 201)


@router.delete("/api/admins/{name}", response_model=Done)
async def delete_admin(services: Api, actor: Actor, name: str) -> Response:
    """Remove an admin; their sessions end at once."""
    await services.admins.delete_admin(actor, name)
    return answer(Done(message=f"Admin {name} deleted"))
