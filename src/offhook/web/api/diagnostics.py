"""Diagnostics: the whole picture on one page, and what is wrong with it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from offhook.actions.fleet import FleetVerdict, Problem
from offhook.actions.ports import AttemptQuery
from offhook.core.mac import Mac
from offhook.diagnosis.finding import Finding, Severity
from offhook.web.api.answers import long_answer
from offhook.web.api.context import Api
from offhook.web.api.device_records import DeviceRecord, device_records
from offhook.web.api.fields import Fields, Text
from offhook.web.api.requests import RequestRecord, request_record
from offhook.web.api.unknown import UnknownRecord, unknown_record
from offhook.web.api.vendors import model_names
from offhook.web.ports import Services

router = APIRouter(tags=["diagnostics"])

DEVICES_SHOWN = 100
FINDINGS_SHOWN = 200
REQUESTS_SHOWN = 20


class Configuration(BaseModel):
    """The settings that matter for provisioning, as they are in use."""

    url_format: str
    external_ip: str
    http_port: int
    sip_port: int
    base: str = Field(description="folder of the phones' files")


class Statistics(BaseModel):
    """Counts. Requests are those in the history; tries by people do not count."""

    total_devices: int
    total_extensions: int
    total_templates: int
    total_requests: int
    successful_requests: int
    failed_requests: int
    registered_phones: int
    unknown_phones: int


class FindingRecord(BaseModel):
    """One fault of one subject, its evidence, and the steps that mend it."""

    code: str
    name: str
    severity: str
    stage: str
    subject: str
    message: str
    evidence: list[str]
    steps: list[str]


class ProblemRecord(BaseModel):
    """One fault with everybody it concerns."""

    code: str
    name: str
    title: str
    severity: str
    count: int
    subjects: list[str] = Field(description="the first few of them")


class FleetRecord(BaseModel):
    """How many phones are right; the others need somebody, or are on their way."""

    total: int
    right: int
    need_you: int
    on_their_way: int
    unjudged: int = Field(description="not looked at since the start; the rounds go on")
    reached: dict[str, int] = Field(description="phones by the last stage with proof")


class Diagnostics(BaseModel):
    """Everything at a glance; long lists are cut, `notes` say where the rest is."""

    summary: str = Field(description="the fleet, or the phone asked about, in one sentence")
    fleet: FleetRecord
    problems: list[ProblemRecord] = Field(description="named problems, worst first, with counts")
    enabled: bool
    configuration: Configuration
    statistics: Statistics
    warnings: list[str] = Field(description="errors and warnings in one line each, worst first")
    findings: list[FindingRecord] = Field(description="the same with evidence and steps")
    devices: list[DeviceRecord]
    vendors: list[str]
    models: dict[str, list[str]]
    recent_requests: list[RequestRecord]
    unknown_phones: list[UnknownRecord]
    notes: list[str]


class DiagnosticsQuery(Fields):
    """Of the fleet or of one phone."""

    mac: Text = Field("", description="only what concerns this phone, any spelling of its MAC")


@router.get("/api/provisioning/diagnostics", response_model=Diagnostics)
async def get_diagnostics(services: Api, query: Annotated[DiagnosticsQuery, Query()]) -> Response:
    """Tell settings, statistics, devices, recent requests and every fault found."""
    state = services.state
    mac = services.devices.mac(query.mac) if query.mac else None
    fleet = await services.fleet.verdict()
    summary, findings = fleet.sentence, list(fleet.findings)
    if mac is not None:
        findings = await services.diagnose.findings(mac)
        summary = (
            (await services.verdicts.of(mac.colons)).summary if _is_known(services, mac) else ""
        )
    page = AttemptQuery(limit=REQUESTS_SHOWN, mac=mac)
    _, attempts = await services.journal.attempts(page)
    devices = [item for item in state.devices.values() if mac in (None, item.mac)]
    unknown = [item for item in services.unknown_phones.list_phones() if mac in (None, item.mac)]
    return await long_answer(
        Diagnostics(
            summary=summary,
            fleet=_fleet_record(fleet),
            problems=[_problem_record(item) for item in fleet.problems],
            enabled=services.config.is_provisioning_enabled,
            configuration=_configuration(services),
            statistics=await _statistics(services),
            warnings=_warnings(findings),
            findings=[_finding_record(item) for item in findings[:FINDINGS_SHOWN]],
            devices=await device_records(services, devices[-DEVICES_SHOWN:][::-1]),
            vendors=sorted(state.source.profiles),
            models=model_names(services),
            recent_requests=[request_record(item) for item in attempts],
            unknown_phones=[unknown_record(item) for item in unknown[:REQUESTS_SHOWN]],
            notes=_notes(len(devices), len(findings)),
        )
    )


def _is_known(services: Services, mac: Mac) -> bool:
    return mac in services.state.devices or mac in services.state.unknown


def _fleet_record(fleet: FleetVerdict) -> FleetRecord:
    return FleetRecord(
        total=fleet.total,
        right=fleet.right,
        need_you=fleet.need_you,
        on_their_way=fleet.on_their_way,
        unjudged=fleet.unjudged,
        reached={stage.value: count for stage, count in fleet.reached.items()},
    )


def _problem_record(problem: Problem) -> ProblemRecord:
    return ProblemRecord(
        code=problem.code,
        name=problem.name,
        title=problem.title,
        severity=problem.severity.value,
        count=problem.count,
        subjects=list(problem.subjects),
    )


def _configuration(services: Services) -> Configuration:
    config = services.config
    return Configuration(
        url_format=config.url_format,
        external_ip=config.external_ip,
        http_port=config.http_port,
        sip_port=config.sip_port,
        base=config.base,
    )


async def _statistics(services: Services) -> Statistics:
    counts = await services.journal.counts()
    state = services.state
    return Statistics(
        total_devices=len(state.devices),
        total_extensions=len(state.extensions),
        total_templates=len(state.source.templates.sources),
        total_requests=counts["total"],
        successful_requests=counts["successful"],
        failed_requests=counts["failed"],
        registered_phones=len(services.engine.registrations()),
        unknown_phones=len(state.unknown),
    )


def _warnings(findings: list[Finding]) -> list[str]:
    serious = [item for item in findings if item.severity is not Severity.INFO]
    return [f"{item.code} {item.message}" for item in serious[:FINDINGS_SHOWN]]


def _finding_record(finding: Finding) -> FindingRecord:
    return FindingRecord(
        code=finding.code,
        name=finding.name,
        severity=finding.severity.value,
        stage=finding.stage.value,
        subject=finding.subject,
        message=finding.message,
        evidence=list(finding.evidence),
        steps=list(finding.steps),
    )


def _notes(devices: int, findings: int) -> list[str]:
    notes = []
    if devices > DEVICES_SHOWN:
        notes.append(
            f"the last {DEVICES_SHOWN} of {devices} devices; "
            "all: GET /api/provisioning/devices?limit=…&offset=…"
        )
    if findings > FINDINGS_SHOWN:
        notes.append(
            f"the worst {FINDINGS_SHOWN} of {findings} findings; of one phone: "
            "GET /api/provisioning/diagnostics?mac=…"
        )
    return notes
