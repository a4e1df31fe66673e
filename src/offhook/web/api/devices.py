"""Devices: the telephones that are configured."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from offhook.actions.changing import Changes
from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.core.model import Device, Extension, Reboot, RebootStep
from offhook.core.vendor import fold
from offhook.errors import BadRequestError
from offhook.web.api.answers import Done, answer, long_answer
from offhook.web.api.context import Actor, Api
from offhook.web.api.device_records import DeviceRecord, device_record, device_records
from offhook.web.api.fields import Fields, SearchPage, Text
from offhook.web.api.preview import Asked, PreviewAnswer, previewed
from offhook.web.api.reboots import RebootRecord, reboot_records
from offhook.web.ports import Services

router = APIRouter(tags=["devices"])

TRIGGERED = "Device registered and phone reboot triggered automatically"
"""Word for word what the troubleshooting guide promises."""


class LineFields(Fields):
    """One account."""

    extension_number: Text
    label: Text = Field("", description="shown on the phone; the extension's name when empty")


class NewDevice(Fields):
    """A device to register; one that is registered is replaced."""

    mac_address: Text = Field(description="any spelling")
    vendor: Text
    model: Text
    extension_number: Text | None = Field(None, description="the first line; or give lines")
    label: Text = Field("", description="label of the first line")
    lines: list[LineFields] | None = Field(None, description="all lines, in order", max_length=64)
    settings: dict[Text, Text | None] | None = Field(
        None, description="free settings; null removes one"
    )
    admin_password: Text | None = Field(None, description="a random one is made when absent")


class SomeOfDevice(Fields):
    """Fields to change; what is absent stays."""

    vendor: Text | None = None
    model: Text | None = None
    extension_number: Text | None = Field(None, description="of the first line")
    label: Text | None = Field(None, description="of the first line")
    lines: list[LineFields] | None = Field(None, description="all lines, in order", max_length=64)
    settings: dict[Text, Text | None] | None = None
    admin_password: Text | None = None


class DeviceAnswer(BaseModel):
    """What became of a change. `reboot_triggered` is true when a NOTIFY has really left."""

    success: bool
    device: DeviceRecord
    reboot_triggered: bool
    message: str
    reboots: list[RebootRecord]


class OneDevice(BaseModel):
    """One device."""

    device: DeviceRecord


class DeviceList(BaseModel):
    """One page of devices, the one registered last first."""

    total: int
    limit: int
    offset: int
    devices: list[DeviceRecord]


@router.get("/api/provisioning/devices", response_model=DeviceList)
async def list_devices(services: Api, page: Annotated[SearchPage, Query()]) -> Response:
    """List devices; `q` looks into MAC (any spelling), extension, name, vendor and model."""
    everything = list(services.state.devices.values())
    extensions = services.state.extensions
    found = await asyncio.to_thread(_newest_first, everything, extensions, page.q.casefold())
    shown = found[page.offset : page.offset + page.limit]
    return await long_answer(
        DeviceList(
            total=len(found),
            limit=page.limit,
            offset=page.offset,
            devices=await device_records(services, shown),
        )
    )


@router.post(
    "/api/provisioning/devices",
    response_model=DeviceAnswer,
    status_code=201,
    responses={200: {"model": DeviceAnswer | PreviewAnswer, "description": "replaced; a preview"}},
)
async def put_device(services: Api, actor: Actor, body: NewDevice, asked: Asked) -> Response:
    """Register a device; its phone is told to fetch if it is registered. 200 when replaced."""
    spec = spec_of(body)
    if asked.preview:
        told = (services.devices.mac(body.mac_address),)
        return await previewed(
            services, asked, lambda verbs: verbs.devices.put_device(actor, spec), told
        )
    device, changes = await services.devices.put_device(actor, spec)
    message = _registered(device, changes)
    return await _changed(services, device, changes, message, 201 if changes.is_new else 200)


@router.get("/api/provisioning/devices/{mac}", response_model=OneDevice)
async def get_device(services: Api, mac: str) -> Response:
    """Give one device, by any spelling of its MAC."""
    found = services.devices.device(mac)
    return answer(OneDevice(device=await device_record(services, found)))


@router.patch("/api/provisioning/devices/{mac}", response_model=DeviceAnswer | PreviewAnswer)
async def change_device(
    services: Api, actor: Actor, mac: str, body: SomeOfDevice, asked: Asked
) -> Response:
    """Change some fields of a device; its phone is told to fetch if its files change."""
    lines = None
    if not (body.extension_number is None and body.label is None and body.lines is None):
        present = _specs(services.devices.device(mac))
        lines = _lines(body.extension_number, body.label, body.lines, present)
    spec = DeviceSpec(
        mac_address=mac,
        vendor=body.vendor,
        model=body.model,
        lines=lines,
        settings=body.settings,
        admin_password=body.admin_password,
    )
    if asked.preview:
        return await previewed(
            services, asked, lambda verbs: verbs.devices.change_device(actor, spec)
        )
    device, changes = await services.devices.change_device(actor, spec)
    message = "Device changed" + _consequence(changes)
    return await _changed(services, device, changes, message, 200)


@router.delete("/api/provisioning/devices/{mac}", response_model=Done | PreviewAnswer)
async def delete_device(services: Api, actor: Actor, mac: str, asked: Asked) -> Response:
    """Delete a device; the phone keeps its configuration until it asks again."""
    if asked.preview:
        return await previewed(
            services, asked, lambda verbs: verbs.devices.delete_device(actor, mac)
        )
    device = await services.devices.delete_device(actor, mac)
    return answer(Done(message=f"Device {device.mac.colons} deleted"))


async def _changed(
    services: Services, device: Device, changes: Changes, message: str, status: int
) -> Response:
    return answer(
        DeviceAnswer(
            success=True,
            device=await device_record(services, device),
            reboot_triggered=changes.is_reboot_triggered,
            message=message,
            reboots=reboot_records(changes.reboots),
        ),
        status,
    )


def spec_of(body: NewDevice) -> DeviceSpec:
    """Read a device to register. Raises BadRequestError when it names no line or two first ones."""
    if body.extension_number is None and body.lines is None:
        raise BadRequestError(
            "missing_field",
            "extension_number is missing",
            "name the extension of the phone, or give lines",
        )
    return DeviceSpec(
        mac_address=body.mac_address,
        vendor=body.vendor,
        model=body.model,
        lines=_lines(body.extension_number, body.label, body.lines, ()),
        settings=body.settings,
        admin_password=body.admin_password,
    )


def _registered(device: Device, changes: Changes) -> str:
    if changes.is_reboot_triggered:
        return TRIGGERED
    if not changes.reboots:
        return (
            f"Device registered; no phone is registered for extension {device.extension} now, so "
            "the phone will fetch its configuration at its next boot"
        )
    return "Device registered" + _consequence(changes)


def _consequence(changes: Changes) -> str:
    """What the phone will do: the truth when no NOTIFY has left, or nothing changed."""
    if changes.is_reboot_triggered:
        return "; the phone is told to fetch again"
    if any(reboot.step is RebootStep.PENDING for reboot in changes.reboots):
        return "; the phone will be told to fetch again when its turn comes"
    if changes.reboots:
        return f"; {_failure(changes.reboots[0])}, so it will fetch at its next boot"
    if changes.pending:
        return "; the phone is not registered and will fetch at its next boot"
    return "; its files stay the same"


def _failure(reboot: Reboot) -> str:
    return f"the NOTIFY could not be sent ({reboot.detail or reboot.sip_reason})"


def _specs(device: Device) -> Sequence[LineSpec]:
    return [LineSpec(extension=line.extension, label=line.label) for line in device.lines]


def _lines(
    number: str | None,
    label: str | None,
    lines: Sequence[LineFields] | None,
    present: Sequence[LineSpec],
) -> list[LineSpec]:
    """The lines asked for: all of them, or the first one changed and the others as they are."""
    if lines is not None:
        if number not in (None, lines[0].extension_number if lines else None) or label:
            raise BadRequestError(
                "contradiction",
                "extension_number and label speak of the first line, and so does lines",
                "give either lines, or extension_number with label",
            )
        return [LineSpec(extension=item.extension_number, label=item.label) for item in lines]
    first = present[0] if present else LineSpec(extension="")
    changed = LineSpec(
        extension=first.extension if number is None else number,
        label=first.label if label is None else label,
    )
    return [changed, *present[1:]]


def _newest_first(
    devices: Sequence[Device], extensions: Mapping[str, Extension], text: str
) -> list[Device]:
    found = [item for item in devices if not text or _has(item, extensions, text)]
    return sorted(found, key=lambda item: (item.created_at, item.mac), reverse=True)


def _has(device: Device, extensions: Mapping[str, Extension], text: str) -> bool:
    digits = fold(text).replace(":", "")
    if digits and digits in device.mac.plain:
        return True
    if text in device.vendor or (digits and digits in device.model):
        return True
    for line in device.lines:
        extension = extensions.get(line.extension)
        name = extension.name.casefold() if extension else ""
        if text in line.extension or text in name or text in line.label.casefold():
            return True
    return False
