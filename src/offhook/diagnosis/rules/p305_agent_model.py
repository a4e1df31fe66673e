"""A phone says it is another model than its record.

What you see: keys, lines or codecs are missing or wrong, or the phone rejects parts of its file.

Why: the device was registered with another model of the same maker. Its file fits that model.

What to do: register the device with the model that the phone tells, then let it fetch again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import agent_line
from offhook.diagnosis.examples import HEALTHY, MAC, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import last_agents
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P305",
    name="agent-model",
    title="Phone of another model than registered",
    severity=Severity.WARNING,
    stage=Stage.IDENTIFIED,
    message="device {mac} is registered as model {model}, the phone says it is {other}",
    steps=(
        "Verify device registration uses correct vendor/model",
        "Update if needed: DELETE /api/provisioning/devices/{mac}\n"
        "then POST /api/provisioning/devices with model {other}",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose User-Agent names another model of their maker."""
    for mac, (maker, agent) in last_agents(facts).items():
        device = facts.devices[mac]
        profile = facts.profiles[maker]
        told = profile.read_agent(agent)
        recorded = profile.model(device.model) if maker == device.vendor else None
        actual = profile.model(told.model_text) if told and told.model_text else None
        if recorded and actual and recorded.name != actual.name:
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                model=recorded.label,
                other=actual.label,
                evidence=[agent_line(facts, mac, agent)],
                more_steps=[
                    f"Or keep its lines: PATCH /api/provisioning/devices/{mac.colons}\n"
                    f'with JSON: {{"model":"{actual.name}"}}, then restart the phone'
                ],
            )


BAD = replace(HEALTHY, sightings={MAC: replace(SEEN, user_agent="Acme Two 1.2.3")})
GOOD = replace(HEALTHY, sightings={MAC: replace(SEEN, user_agent="Acme Nine 1.2.3")})
