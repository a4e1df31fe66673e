"""How phones are shown in tables: standing, named fault, who, what, how fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from offhook.actions.fleet import Judged
from offhook.actions.phone_list import foremost
from offhook.core.converge import stale_files
from offhook.core.mac import Mac
from offhook.core.model import Device, Sighting
from offhook.diagnosis.facts import RenderFault
from offhook.diagnosis.finding import Finding
from offhook.web.ports import Services

STANDINGS: Mapping[str, tuple[str, str]] = {
    "needs_you": ("error", "needs you"),
    "on_the_way": ("waiting", "on its way"),
    "right": ("ok", "right"),
    "unjudged": ("off", "not looked at yet"),
}
"""The kind of badge and the words of each standing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRow:
    """One phone of a table. `kind` is the badge's; `fault` the finding to name first."""

    device: Device
    name: str
    model: str
    kind: str
    words: str
    stage: str
    fault: Finding | None
    more_faults: int
    config_kind: str
    config: str
    seen: Sighting
    registered_at: datetime | None
    address: str


async def phone_rows(services: Services, devices: Sequence[Device]) -> list[PhoneRow]:
    """Show some phones as they are now; what happened to them a moment ago is judged first."""
    macs = [device.mac for device in devices]
    await services.fleet.look_at(macs)
    digests = await asyncio.to_thread(_digests, services, macs)
    judged = services.fleet.judged()
    return [_row(services, it, judged.get(it.mac), digests.get(it.mac)) for it in devices]


def model_label(services: Services, device: Device) -> str:
    """Maker and model as printed; as stored when no profile knows them."""
    profile = services.state.source.profiles.get(device.vendor)
    model = profile.model(device.model) if profile else None
    maker = profile.label if profile else device.vendor
    return f"{maker} {model.label if model else device.model}"


def config_state(
    digests: Mapping[str, str] | RenderFault | None, seen: Sighting
) -> tuple[str, str]:
    """Say in badge and words whether a phone has the files that it should have now."""
    if isinstance(digests, RenderFault):
        return "error", "cannot be made"
    if seen.last_provisioned is None:
        return "off", "never fetched"
    return ("warning", "stale") if stale_files(digests or {}, seen.delivered) else ("ok", "in step")


def _row(
    services: Services,
    device: Device,
    found: Judged | None,
    digests: Mapping[str, str] | RenderFault | None,
) -> PhoneRow:
    seen = services.state.sightings.get(device.mac) or Sighting(mac=device.mac)
    fault = foremost(found.findings) if found else None
    kind, words = STANDINGS[found.standing if found else "unjudged"]
    config_kind, config = config_state(digests, seen)
    live = services.reboots.targets_of(device)
    first = services.state.extensions.get(device.extension) if device.lines else None
    return PhoneRow(
        device=device,
        name=first.name if first else "",
        model=model_label(services, device),
        kind=fault.severity.value if fault else kind,
        words=words,
        stage=found.stage.value if found else "",
        fault=fault,
        more_faults=len(found.findings) - 1 if found and found.findings else 0,
        config_kind=config_kind,
        config=config,
        seen=seen,
        registered_at=live[0].registration.registered_at if live else None,
        address=seen.address or (live[0].registration.address if live else ""),
    )


def _digests(services: Services, macs: Sequence[Mac]) -> dict[Mac, Mapping[str, str] | RenderFault]:
    found: dict[Mac, Mapping[str, str] | RenderFault] = {}
    for mac in macs:
        try:
            found[mac] = services.files.expected(mac)
        except KeyError:  # deleted while we were looking
            continue
    return found
