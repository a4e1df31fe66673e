"""Previews: what a change would do, instead of doing it (`?preview=true`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, Field

from offhook.actions.differences import FileChange
from offhook.actions.preview import Preview, Shown, Verbs
from offhook.actions.preview_findings import Noted
from offhook.core.mac import Mac
from offhook.errors import BadRequestError
from offhook.web.api.answers import long_answer
from offhook.web.api.context import Api
from offhook.web.api.fields import PAGE_MAX, Fields, Text
from offhook.web.ports import Services

router = APIRouter(tags=["preview"])


class PreviewQuery(Fields):
    """Whether to do it, or only to tell what it would do."""

    preview: bool = Field(False, description="change nothing, answer what would change")
    limit: int = Field(100, ge=1, le=PAGE_MAX, description="of a preview: how many phones at most")
    offset: int = Field(0, ge=0, le=10**9, description="of a preview: how many phones to skip")


Asked = Annotated[PreviewQuery, Query()]


class PhoneThen(BaseModel):
    """A phone whose files would change."""

    mac: str
    vendor: str
    model: str
    extension_number: str
    fetches: bool = Field(description="it is registered and would be told to fetch at once")


class KeyThen(BaseModel):
    """A key that would change; null where it is not. Secrets are masked."""

    key: str
    kind: str = Field(description="what it touches: network, secret, preference, other")
    before: str | None
    after: str | None


class FileThen(BaseModel):
    """A file that would change, of one phone that stands for others like it."""

    file: str
    mac: str
    phones: int = Field(description="how many phones are like it: maker, model, lines, settings")
    diff: str = Field(description="unified, secrets masked; (changed) marks those that change")
    is_cut: bool = Field(description="there is more than is shown")
    keys: list[KeyThen]


class EvidenceThen(BaseModel):
    """A line that proves a finding."""

    at: datetime | None
    what: str


class FindingThen(BaseModel):
    """What is wrong with the files as they would be."""

    code: str
    name: str
    severity: str
    message: str
    hint: str
    steps: list[str]
    evidence: list[EvidenceThen]
    subject: str
    phones: int
    is_new: bool = Field(description="false when it is so already now")


class PreviewAnswer(BaseModel):
    """What a change would do; nothing was done."""

    preview: bool
    message: str
    changed: int = Field(description="phones whose files would change")
    fetching: int = Field(description="registered phones that would be told to fetch at once")
    pending: int = Field(description="phones that would fetch at their next boot")
    broken: int = Field(description="phones whose files could not be made any more")
    compared: int = Field(description="phones whose files were made to know it")
    inferred: int = Field(description="phones taken to fare like one that was compared")
    limit: int
    offset: int
    phones: list[PhoneThen]
    files: list[FileThen] = Field(description="of one phone of each kind, the most frequent first")
    kinds_left_out: int = Field(description="kinds of phones whose files are not shown")
    findings: list[FindingThen]


NewTemplates = Annotated[
    dict[Text, Text | None],
    Body(description="VENDOR/NAME.j2 to text; null takes the site's own away", max_length=200),
]


@router.post("/api/provisioning/templates", response_model=PreviewAnswer)
async def preview_templates(services: Api, body: NewTemplates, asked: Asked) -> Response:
    """Tell what templates of this site would do; they are saved as files in its folder."""
    if not asked.preview:
        raise BadRequestError(
            "only_preview",
            "templates are files in the folder provisioning.templates; here they can only be tried",
            "ask again with ?preview=true, then save the files",
        )
    return await sent(await services.previews.templates(body), asked)


async def previewed(
    services: Services,
    asked: PreviewQuery,
    act: Callable[[Verbs], Awaitable[object]],
    always: Sequence[Mac] = (),
) -> Response:
    """Try a verb and answer what it would do."""
    return await sent(await services.previews.of(act, always), asked)


async def sent(found: Preview, asked: PreviewQuery) -> Response:
    """Write a preview; a page of its phones."""
    return await long_answer(await asyncio.to_thread(record, found, asked))


def record(found: Preview, asked: PreviewQuery) -> PreviewAnswer:
    """Make what the API sends of a preview: a page of its phones."""
    page = found.changed[asked.offset : asked.offset + asked.limit]
    return PreviewAnswer(
        preview=True,
        message=_message(found),
        changed=len(found.changed),
        fetching=len(found.told),
        pending=found.pending,
        broken=found.broken,
        compared=found.compared,
        inferred=found.inferred,
        limit=asked.limit,
        offset=asked.offset,
        phones=[
            PhoneThen(
                mac=item.mac.plain,
                vendor=item.vendor,
                model=item.model,
                extension_number=item.extension if item.lines else "",
                fetches=item.mac in found.told,
            )
            for item in page
        ],
        files=[_file(item, shown) for shown in found.shown for item in shown.difference.files],
        kinds_left_out=found.left_out,
        findings=[_finding(item) for item in found.noted],
    )


def _message(found: Preview) -> str:
    count = len(found.changed)
    text = f"Nothing was changed. The files of {count} {'phone' if count == 1 else 'phones'} would"
    text += f" change: {len(found.told)} would fetch at once, {found.pending} at their next boot"
    if found.broken:
        text += f"; those of {found.broken} could not be made any more"
    if found.inferred:
        text += f"; {found.inferred} phones were judged by others like them"
    return text


def _file(item: FileChange, shown: Shown) -> FileThen:
    return FileThen(
        file=item.file,
        mac=shown.difference.device.mac.plain,
        phones=shown.phones,
        diff="\n".join(item.diff),
        is_cut=item.is_cut,
        keys=[
            KeyThen(key=key.key, kind=key.kind.value, before=key.before, after=key.after)
            for key in item.keys
        ],
    )


def _finding(item: Noted) -> FindingThen:
    found = item.finding
    return FindingThen(
        code=found.code,
        name=found.name,
        severity=found.severity.value,
        message=found.message,
        hint=found.hint,
        steps=list(found.steps),
        evidence=[EvidenceThen(at=line.at, what=line.what) for line in found.evidence],
        subject=found.subject,
        phones=item.phones,
        is_new=item.is_new,
    )
