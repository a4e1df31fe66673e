"""A phone says it is of another maker than its record.

What you see: the phone fetches its file but rejects it, shows a configuration error, or stays as
it was.

Why: the device was registered with the wrong vendor, or another phone carries its MAC address in
the URL. The file was made in a format that this phone cannot read.

What to do: register the device with the vendor and model that the phone tells, then let it fetch
again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.mac import Mac
from offhook.diagnosis.evidence import agent_line
from offhook.diagnosis.examples import HEALTHY, MAC, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import last_agents
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P304",
    name="vendor-mismatch",
    title="Phone of another maker than registered",
    severity=Severity.WARNING,
    stage=Stage.IDENTIFIED,
    message="device {mac} is registered as {vendor}, the phone says it is {other}",
    steps=(
        "Check supported vendors/models: GET /api/provisioning/vendors",
        "Update if needed: DELETE /api/provisioning/devices/{mac}\n"
        "then POST /api/provisioning/devices with the correct vendor/model",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose User-Agent is another maker's."""
    for mac, (maker, agent) in last_agents(facts).items():
        vendor = facts.devices[mac].vendor
        if vendor in facts.profiles and maker != vendor:
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                vendor=facts.profiles[vendor].label,
                other=facts.profiles[maker].label,
                evidence=[agent_line(facts, mac, agent)],
                more_steps=[_in_one_call(facts, mac, maker, agent)],
            )


def _in_one_call(facts: Facts, mac: Mac, maker: str, agent: str) -> str:
    """Write the change of the record as far as the phone told what it is."""
    profile = facts.profiles[maker]
    told = profile.read_agent(agent)
    model = profile.model(told.model_text) if told and told.model_text else None
    name = model.name if model is not None else "MODEL"
    return (
        f"Or keep its lines: PATCH /api/provisioning/devices/{mac.colons}\n"
        f'with JSON: {{"vendor":"{maker}","model":"{name}"}}, then restart the phone'
    )


BAD = replace(HEALTHY, sightings={MAC: replace(SEEN, user_agent="Bolt One 2.0")})
GOOD = replace(HEALTHY, sightings={MAC: replace(SEEN, user_agent="curl/8.5.0")})
