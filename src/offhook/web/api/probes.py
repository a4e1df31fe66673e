"""Probes: ask our own ports, names, clock, certificate and, when told to, the site's DHCP."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from offhook.actions.probes import ProbeReport
from offhook.web.api.context import Api
from offhook.web.api.diagnosis import NamedFault, named_fault
from offhook.web.api.fields import Fields, Text

router = APIRouter(tags=["diagnostics"])


class ProbeOrder(Fields):
    """What to probe beside our own ports, names, clock and certificate."""

    dhcp: bool = Field(
        False,
        description="send a DHCP DISCOVER and read the offers; nothing is requested, nothing "
        "leased. Needs root",
    )
    interface: Text = Field(
        "",
        max_length=15,
        pattern=r"^[A-Za-z0-9_.:@-]*$",
        description="network interface for DHCP; default the one with server.external_ip",
    )


class ProbeRecord(BaseModel):
    """One probe."""

    probe: str
    ok: bool
    what: str = Field(description="what was asked and seen, in one line")
    ms: int = Field(description="how long it took")
    findings: list[NamedFault]


class ProbesRecord(BaseModel):
    """A round of probes; findings about phones are in the diagnosis of each phone."""

    at: datetime
    probes: list[ProbeRecord]


@router.post("/api/diagnosis/probes", response_model=ProbesRecord)
async def run_probes(services: Api, order: ProbeOrder | None = None) -> ProbesRecord:
    """Run the probes now; verdicts use what they found for ten minutes, of DHCP for an hour."""
    wanted = order or ProbeOrder()
    done = await services.probes.run(with_dhcp=wanted.dhcp, interface=wanted.interface)
    return ProbesRecord(at=services.now(), probes=[_record(item) for item in done])


def _record(report: ProbeReport) -> ProbeRecord:
    return ProbeRecord(
        probe=report.probe,
        ok=report.is_ok,
        what=report.what,
        ms=report.ms,
        findings=[named_fault(item) for item in report.findings],
    )
