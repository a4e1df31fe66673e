"""What the API sends: records of all resources go out through here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import Response
from pydantic import BaseModel, Field

from offhook.web.answer import JSON, json_bytes

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


_RECORDS_A_TURN = 25

Item = TypeVar("Item")
Record = TypeVar("Record")


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(description="a fault code such as P306, or a word; never renamed")
    message: str = Field(description="what is wrong, with the value")
    hint: str = Field(description="what to do next")


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    error: ErrorDetail


class Done(BaseModel):
    """A deletion was made."""

    success: bool = True
    message: str


ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorAnswer, "description": "refused; the message names the field"},
    "5XX": {"model": ErrorAnswer, "description": "not possible now; nothing was changed"},
}
"""For every call: 400 bad field or JSON, 401 token, 403 other site, 404, 405, 409, 413, 503."""


async def in_turns(items: Sequence[Item], make: Callable[[Item], Record]) -> list[Record]:
    """Make a record of each item, and let phones go first now and then."""
    records = []
    for turn, item in enumerate(items, start=1):
        records.append(make(item))
        if turn % _RECORDS_A_TURN == 0:
            await asyncio.sleep(0)
    return records


def answer(model: BaseModel, status: int = 200) -> Response:
    """Send a record."""
    return Response(json_bytes(model), status, HEADERS, JSON)


async def long_answer(model: BaseModel, status: int = 200) -> Response:
    """Send a list, written in a thread: a long one would keep phones waiting."""
    return Response(await asyncio.to_thread(json_bytes, model), status, HEADERS, JSON)
