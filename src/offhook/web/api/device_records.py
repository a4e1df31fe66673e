"""How a device is shown: what it is, what was seen of it, whether it has what it should have."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from offhook.actions.free_settings import masked_settings
from offhook.core.converge import stale_files
from offhook.core.mac import Mac
from offhook.core.model import Device, Sighting
from offhook.diagnosis.facts import RenderFault
from offhook.web.api.answers import in_turns
from offhook.web.api.reboots import RebootRecord, reboot_record
from offhook.web.ports import Services

Expected = Mapping[str, str] | RenderFault


class LineRecord(BaseModel):
    """One account of a device."""

    index: int
    extension_number: str
    extension_name: str
    label: str = Field(description="empty: the extension's name is shown")


class DeviceRecord(BaseModel):
    """One telephone."""

    mac_address: str = Field(description="12 lower-case digits")
    extension_number: str = Field(description="extension of the first line")
    vendor: str
    model: str
    config_url: str
    created_at: datetime
    last_provisioned: datetime | None = Field(description="its own file was last delivered")
    mac: str = Field(description="with colons, as on the phone's label")
    model_label: str
    updated_at: datetime
    last_contact: datetime | None
    address: str
    user_agent: str
    firmware: str
    registered: bool = Field(description="registered by SIP now")
    in_step: bool | None = Field(
        description="it has fetched the files it should have now; null when it never fetched"
    )
    stale_files: list[str] = Field(description="files that changed since it fetched them")
    fault: str = Field(description="why its files cannot be made; empty when they can")
    lines: list[LineRecord]
    settings: dict[str, str] = Field(description="free settings; passwords are masked")
    last_reboot: RebootRecord | None


async def device_records(services: Services, devices: Sequence[Device]) -> list[DeviceRecord]:
    """Show several; what was never rendered is rendered in a thread."""
    expected = await asyncio.to_thread(_expected, services, [device.mac for device in devices])
    return await in_turns(
        devices, lambda device: _record(services, device, expected.get(device.mac, {}))
    )


async def device_record(services: Services, device: Device) -> DeviceRecord:
    """Show one."""
    known = services.files.known(device.mac)
    if known is not None:
        return _record(services, device, known)
    return (await device_records(services, [device]))[0]


def config_url(services: Services, mac: Mac) -> str:
    """Fill `provisioning.url_format` for a device; the folder alone when it has no `{mac}`."""
    config, server = services.config, services.state.source.server
    if "{mac}" not in config.url_format:
        return f"{config.base}{mac.plain}.cfg"
    form = _file_form(config.base, config.url_format, server.http_port)
    return config.base + form.replace("{mac}", mac.plain)


@lru_cache(maxsize=4)
def _file_form(base: str, url_format: str, http_port: int) -> str:
    port = str(urlsplit(base).port or http_port)
    return url_format.rpartition("/")[2].replace("{{PORT}}", port)


def _expected(services: Services, macs: Sequence[Mac]) -> dict[Mac, Expected]:
    found: dict[Mac, Expected] = {}
    for mac in macs:
        try:
            found[mac] = services.files.expected(mac)
        except KeyError:  # deleted while we were looking
            continue
    return found


def _record(services: Services, device: Device, expected: Expected) -> DeviceRecord:
    seen = services.state.sightings.get(device.mac) or Sighting(mac=device.mac)
    is_broken = isinstance(expected, RenderFault)
    stale = () if isinstance(expected, RenderFault) else stale_files(expected, seen.delivered)
    reboot = services.reboots.latest().get(device.mac)
    profile = services.state.source.profiles.get(device.vendor)
    model = profile.model(device.model) if profile else None
    return DeviceRecord(
        mac_address=device.mac.plain,
        extension_number=device.extension,
        vendor=device.vendor,
        model=device.model,
        config_url=config_url(services, device.mac),
        created_at=device.created_at,
        last_provisioned=seen.last_provisioned,
        mac=device.mac.colons,
        model_label=model.label if model else "",
        updated_at=device.updated_at,
        last_contact=seen.last_contact,
        address=seen.address,
        user_agent=seen.user_agent,
        firmware=seen.firmware,
        registered=bool(services.reboots.targets_of(device)),
        in_step=None if is_broken or seen.last_provisioned is None else not stale,
        stale_files=list(stale),
        fault=f"{expected.code} {expected.message}" if isinstance(expected, RenderFault) else "",
        lines=_lines(services, device),
        settings=masked_settings(device.settings),
        last_reboot=reboot_record(reboot) if reboot else None,
    )


def _lines(services: Services, device: Device) -> list[LineRecord]:
    extensions = services.state.extensions
    return [
        LineRecord(
            index=line.index,
            extension_number=line.extension,
            extension_name=extensions[line.extension].name if line.extension in extensions else "",
            label=line.label,
        )
        for line in device.lines
    ]
