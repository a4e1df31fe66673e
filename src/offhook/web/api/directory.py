"""Directories whose people become extensions: runs, reports, links."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError

from offhook.actions.directory_ports import SyncReport
from offhook.actions.sync import Sync
from offhook.core.directory import Link, LinkState
from offhook.core.directory_plan import ZERO_PEOPLE
from offhook.diagnosis.rules import fault
from offhook.errors import BadRequestError
from offhook.web.api.answers import answer, long_answer
from offhook.web.api.context import Actor, Api
from offhook.web.api.fields import PAGE_MAX, Fields, Text

Body = TypeVar("Body", bound=Fields)
router = APIRouter(prefix="/api/integrations/{source}", tags=["directory"])


class Source(StrEnum):
    """Which directory: the Active Directory, or the file of people."""

    AD = "ad"
    FILE = "file"


class SyncBody(Fields):
    """What kind of run; all may be left out."""

    dry_run: bool = Field(False, description="plan only: nothing is changed")
    confirm: Text = Field("", description="id of the plan that may go over the brakes")


class ReportRecord(BaseModel):
    """A run as it was kept."""

    id: str
    source: str
    status: str = Field(description="ok, unchanged, partial, refused, failed or dry_run")
    started_at: datetime
    seconds: float
    asked_by: str
    is_dry_run: bool
    server: str
    plan_id: str
    counts: dict[str, int]
    changes: list[dict[str, object]]
    problems: list[dict[str, object]]
    brakes: list[dict[str, object]]
    reboots: list[str] = Field(description="ids of the reboots begun; see /api/reboots")
    would_reboot: list[str] = Field(description="MACs whose files a dry run would change")
    pending: int = Field(description="changed devices that fetch at their next boot")
    fault: str
    error: str
    warnings: list[str]


class SyncAnswer(ReportRecord):
    """A run's report with a sentence for people."""

    success: bool
    message: str


class ReportList(BaseModel):
    """Reports, newest first."""

    reports: list[ReportRecord]


class LinkRecord(BaseModel):
    """What ties a person to an extension."""

    guid: str
    login: str
    name: str
    email: str
    number: str
    state: LinkState
    since: datetime
    overrides: list[str] = Field(description="fields kept against the directory until released")
    reserved: dict[str, datetime]
    is_ignored_by_hand: bool


class LinkList(BaseModel):
    """Links, by login."""

    total: int
    limit: int
    offset: int
    links: list[LinkRecord]


class LinkQuery(Fields):
    """Which links."""

    limit: int = Field(100, ge=1, le=PAGE_MAX)
    offset: int = Field(0, ge=0)
    q: Text = Field("", description="part of login, name or number")


class LinkBody(Fields):
    """Which fields an override or release concerns; none means all."""

    fields: list[str] = Field([], description="name, email, number")


class StatusRecord(BaseModel):
    """Whether a directory is used, what runs now, and how the last run ended."""

    enabled: bool
    source: str
    running: dict[str, object] | None
    links: dict[str, int] = Field(description="how many of each state")
    last: ReportRecord | None


class TestRecord(BaseModel):
    """What a test of the connection found."""

    success: bool = True
    server: str
    base_dn: list[str]
    count: int
    people: list[dict[str, str]]
    certificate_ends: datetime | None


@router.post("/sync", response_model=SyncAnswer)
async def synchronise(
    services: Api, actor: Actor, source: Source, request: Request, dry_run: bool = False
) -> Response:
    """Run once. 409 while one runs, 502 when the directory cannot be read whole."""
    asked = await _body(request, SyncBody)
    sync = _sync(services.syncs, source)
    is_dry_run = dry_run or asked.dry_run
    report = await sync.run(actor, is_dry_run=is_dry_run, confirm=asked.confirm)
    if report.status == "failed":
        hint = fault(report.fault).steps[0].partition("\n")[0] if report.fault else ""
        raise BadRequestError(report.fault or "failed", report.error, hint, status=502)
    return await long_answer(
        SyncAnswer(
            **_record(report).model_dump(),
            success=report.status not in ("refused", "failed"),
            message=_message(report),
        )
    )


@router.get("/status", response_model=StatusRecord)
async def status(services: Api, source: Source) -> Response:
    """Tell whether it is used, what runs now, and how the last run ended."""
    sync = services.syncs.get(source.value)
    if sync is None:
        record = StatusRecord(enabled=False, source=source.value, running=None, links={}, last=None)
        return answer(record)
    reports = await services.link_store.list_reports(50)
    last = next((item for item in reports if item.source == sync.name), None)
    states: dict[str, int] = {}
    for link in services.links.of_source(sync.name):
        states[link.state.value] = states.get(link.state.value, 0) + 1
    running = await sync.running_anywhere()
    return answer(
        StatusRecord(
            enabled=True,
            source=source.value,
            running=None if running is None else running.told,
            links=states,
            last=_record(last) if last else None,
        )
    )


@router.get("/reports", response_model=ReportList)
async def list_reports(
    services: Api, source: Source, limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 20
) -> Response:
    """List the reports kept, newest first."""
    found = await services.link_store.list_reports(limit)
    own = [_record(item) for item in found if item.source == source.value]
    return await long_answer(ReportList(reports=own))


@router.get("/reports/{report_id}", response_model=ReportRecord)
async def show_report(services: Api, source: Source, report_id: str) -> Response:
    """Show one report. 404 when it is not kept."""
    found = await services.link_store.get_report(report_id)
    if found is None or found.source != source.value:
        raise BadRequestError(
            "unknown_report",
            f"there is no report {report_id[:40]}",
            f"GET /api/integrations/{source.value}/reports lists them",
            status=404,
        )
    return await long_answer(_record(found))


@router.post("/test", response_model=TestRecord)
async def test(services: Api, source: Source) -> Response:
    """Connect, sign in and count. 502 with the fault when that fails."""
    found = await _sync(services.syncs, source).test()
    return answer(
        TestRecord(
            server=found.server,
            base_dn=list(found.base_dn),
            count=found.count,
            people=[{"login": login, "name": name} for login, name in found.people],
            certificate_ends=found.certificate_ends,
        )
    )


@router.get("/links", response_model=LinkList)
async def list_links(
    services: Api, source: Source, query: Annotated[LinkQuery, Query()]
) -> Response:
    """List the people known, by login."""
    wanted = query.q.casefold()
    found = [
        link
        for link in services.links.of_source(source.value)
        if wanted in f"{link.login}\n{link.name}\n{link.number}".casefold()
    ]
    page = found[query.offset : query.offset + query.limit]
    return await long_answer(
        LinkList(
            total=len(found),
            limit=query.limit,
            offset=query.offset,
            links=[_link(link) for link in page],
        )
    )


@router.post("/links/{guid}/{action}", response_model=LinkRecord)
async def change_link(
    services: Api, actor: Actor, source: Source, guid: str, action: str, request: Request
) -> Response:
    """Release, ignore, relink or override a person's link."""
    _sync(services.syncs, source)
    asked = await _body(request, LinkBody)
    link = await services.links.change_link(actor, guid, action, frozenset(asked.fields))
    return answer(_link(link))


def _sync(syncs: Mapping[str, Sync], source: Source) -> Sync:
    found = syncs.get(source.value)
    if found is None:
        key = {"ad": "active_directory", "file": "file"}[source.value]
        raise BadRequestError(
            "directory_disabled",
            f"integrations.{key} is not enabled",
            f"set it up in config.yml: integrations.{key}.enabled: true; see docs/directory.md",
            status=409,
        )
    return found


async def _body(request: Request, kind: type[Body]) -> Body:
    """Read an optional JSON body: the manual's curl sends none."""
    text = await request.body()
    try:
        return kind.model_validate(json.loads(text) if text.strip() else {})
    except (ValueError, ValidationError) as error:
        detail = (
            error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it is not JSON"
        )
        raise BadRequestError(
            "bad_body", f"the body cannot be used: {detail}", "send {} or nothing"
        ) from None


def _message(report: SyncReport) -> str:
    if any(brake["name"] == ZERO_PEOPLE for brake in report.brakes) and not report.is_dry_run:
        return "the directory answered without a single person, which is never applied"
    if report.status == "refused":
        return f'{report.error}; to apply it all the same send {{"confirm":"{report.plan_id}"}}'
    changed = len(report.changes)
    if report.is_dry_run:
        return f"{changed} people would change; {len(report.would_reboot)} phones would fetch again"
    told = f"{len(report.reboots)} phones told to fetch again"
    problems = f", {len(report.problems)} people with problems" if report.problems else ""
    return f"Directory synchronised: {changed} people changed, {told}{problems}"


def _record(report: SyncReport) -> ReportRecord:
    return ReportRecord(
        id=report.id,
        source=report.source,
        status=report.status,
        started_at=report.started_at,
        seconds=report.seconds,
        asked_by=report.asked_by,
        is_dry_run=report.is_dry_run,
        server=report.server,
        plan_id=report.plan_id,
        counts=dict(report.counts),
        changes=[dict(item) for item in report.changes],
        problems=[dict(item) for item in report.problems],
        brakes=[dict(item) for item in report.brakes],
        reboots=list(report.reboots),
        would_reboot=list(report.would_reboot),
        pending=report.pending,
        fault=report.fault,
        error=report.error,
        warnings=list(report.warnings),
    )


def _link(link: Link) -> LinkRecord:
    return LinkRecord(
        guid=link.guid,
        login=link.login,
        name=link.name,
        email=link.email,
        number=link.number,
        state=link.state,
        since=link.since,
        overrides=sorted(link.overrides),
        reserved=dict(link.reserved),
        is_ignored_by_hand=link.is_ignored_by_hand,
    )
