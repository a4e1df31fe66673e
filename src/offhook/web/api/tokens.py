"""API tokens: who may call from other machines."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from offhook.web.api.answers import Done, answer
from offhook.web.api.context import Actor, Api
from offhook.web.api.fields import Fields, Text

router = APIRouter(tags=["tokens"])


class TokenRecord(BaseModel):
    """A token as it is listed: its text is not kept."""

    name: str
    created_at: datetime
    last_used_at: datetime | None = Field(description="to the minute")


class TokenList(BaseModel):
    """All tokens, by name."""

    total: int
    tokens: list[TokenRecord]


class NewToken(Fields):
    """A token to make."""

    name: Text = Field(description="letters, digits, . _ and -, at most 64")


class MadeToken(BaseModel):
    """A new token; `token` is shown now and never again."""

    name: str
    token: str
    created_at: datetime


@router.get("/api/tokens", response_model=TokenList)
async def list_tokens(services: Api) -> Response:
    """List tokens by name."""
    found = await services.tokens.list_tokens()
    records = [
        TokenRecord(name=item.name, created_at=item.created_at, last_used_at=item.last_used_at)
        for item in found
    ]
    return answer(TokenList(total=len(records), tokens=records))


@router.post("/api/tokens", response_model=MadeToken, status_code=201)
async def make_token(services: Api, actor: Actor, body: NewToken) -> Response:
    """Make a token. 409 when the name is taken."""
    token, text = await services.tokens.make_token(actor, body.name)
    return answer(MadeToken(name=token.name, token=text, created_at=token.created_at), 201)


@router.delete("/api/tokens/{name}", response_model=Done)
async def revoke_token(services: Api, actor: Actor, name: str) -> Response:
    """Revoke a token at once."""
    await services.tokens.revoke_token(actor, name)
    return answer(Done(message=f"Token {name} revoked"))
