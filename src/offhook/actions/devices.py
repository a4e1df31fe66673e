"""Devices: register, change, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from offhook.actions.changing import Changes, Changing, checked, new_password
from offhook.actions.free_settings import masked_settings, merged_settings
from offhook.actions.ports import DeleteDevice, PutDevice
from offhook.core.check import check_name, check_number, check_secret
from offhook.core.mac import Mac, parse_mac
from offhook.core.model import Change, Device, Extension, Line
from offhook.core.preferences import PARSERS
from offhook.core.secret import Secret
from offhook.core.vendor import Model
from offhook.errors import BadRequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSpec:
    """A line as asked for: extension number and label, both raw."""

    extension: str
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """A device as asked for, raw; None leaves a field as it is when changing."""

    mac_address: str
    vendor: str | None = None
    model: str | None = None
    lines: Sequence[LineSpec] | None = None
    settings: Mapping[str, str | None] | None = field(default=None, repr=False)
    admin_password: str | None = field(default=None, repr=False)


class Devices:
    """The verbs of devices; each is one transaction and leaves a Change row."""

    def __init__(self, changing: Changing) -> None:
        self._changing = changing
        self._state = changing.state
        self._files = changing.files

    async def put_device(self, actor: str, spec: DeviceSpec) -> tuple[Device, Changes]:
        """Register a device, or replace its registration; a registered phone is told to fetch."""
        mac = self.mac(spec.mac_address)
        async with self._state.lock:
            before = self._state.devices.get(mac)
            device = self._built(mac, spec, before)
            await self._put(actor, device, before)
        changes = await self._changing.wake(
            [mac],
            reason="device registered" if before is None else "device registered again",
            asked_by=actor,
            before={mac: before},
        )
        return device, replace(changes, is_new=before is None)

    async def change_device(self, actor: str, spec: DeviceSpec) -> tuple[Device, Changes]:
        """Change the given fields of a device. 404 when it is not registered."""
        mac = self.mac(spec.mac_address)
        async with self._state.lock:
            before = self.device(spec.mac_address)
            device = self._built(mac, spec, before)
            if replace(device, updated_at=before.updated_at) == before:
                return before, Changes()
            changed = await self._put(actor, device, before)
        changes = await self._changing.wake(
            changed, reason="device changed", asked_by=actor, before={mac: before}
        )
        return device, changes

    async def delete_device(self, actor: str, mac_address: str) -> Device:
        """Remove a device; the phone keeps its configuration until it asks again."""
        async with self._state.lock:
            device = self.device(mac_address)
            row = self._changing.change(
                actor, "device", device.mac.plain, "deleted", shown_device(device), None
            )
            await self._changing.commit([DeleteDevice(mac=device.mac)], [row])
            self._files.forget([device.mac])
        return device

    async def reveal_admin_password(self, actor: str, mac_address: str) -> Secret:
        """Give the password of the phone's own pages; the Change row says who saw it. 404."""
        async with self._state.lock:
            device = self.device(mac_address)
            await self.note_revealed(actor, device, "admin password revealed")
        return device.admin_password

    async def note_revealed(self, actor: str, device: Device, what: str) -> None:
        """Leave the Change row of secrets shown to a person. Call with the state's lock held."""
        row = self._changing.change(actor, "device", device.mac.plain, what, None, None)
        await self._changing.commit([], [row])

    def mac(self, text: str) -> Mac:
        """Read a MAC in any spelling. 400 otherwise."""
        found = parse_mac(text)
        if found is None:
            raise BadRequestError(
                "bad_mac",
                f"mac_address {text[:40]!r} is not a MAC address",
                "write 12 hexadecimal digits, such as 00:15:65:12:34:56 or 001565123456",
            )
        return found

    def device(self, mac_address: str) -> Device:
        """One device by any spelling of its MAC. 404 when not registered."""
        mac = self.mac(mac_address)
        found = self._state.devices.get(mac)
        if found is None:
            raise BadRequestError(
                "unknown_device",
                f"device {mac.colons} is not registered",
                "register it with POST /api/provisioning/devices",
                status=404,
            )
        return found

    def built(self, spec: DeviceSpec, extensions: Mapping[str, Extension]) -> Device:
        """Check a device against extensions that may not be saved yet; save nothing. 400."""
        mac = self.mac(spec.mac_address)
        return self._built(mac, spec, self._state.devices.get(mac), extensions)

    def _built(
        self,
        mac: Mac,
        spec: DeviceSpec,
        before: Device | None,
        extensions: Mapping[str, Extension] | None = None,
    ) -> Device:
        """The device after the change, checked field by field."""
        vendor_name = spec.vendor if spec.vendor is not None else before and before.vendor
        if not vendor_name:
            raise BadRequestError("missing_field", "vendor is missing", _vendors_hint())
        profile = self._changing.vendor(vendor_name)
        model_name = spec.model if spec.model is not None else before and before.model
        if not model_name:
            raise BadRequestError("missing_field", "model is missing", _vendors_hint())
        model = self._changing.model(profile, model_name)
        specs = spec.lines
        if specs is None:
            kept = before.lines if before else ()
            specs = [LineSpec(extension=line.extension, label=line.label) for line in kept]
        if not specs:
            raise BadRequestError(
                "missing_field", "extension_number is missing", "name the extension of the phone"
            )
        settings = before.settings if before else {}
        if before is not None and before.vendor != profile.name:
            # The former maker's own keys mean nothing to the new one.
            settings = {key: text for key, text in settings.items() if key in PARSERS}
        moment = self._changing.now()
        return Device(
            mac=mac,
            vendor=profile.name,
            model=model.name,
            lines=self._lines(
                specs, model, self._state.extensions if extensions is None else extensions
            ),
            admin_password=self._admin_password(spec, before),
            settings=merged_settings(settings, spec.settings or {}, is_site=False),
            created_at=before.created_at if before else moment,
            updated_at=moment,
        )

    def _admin_password(self, spec: DeviceSpec, before: Device | None) -> Secret:
        if spec.admin_password is not None:
            return Secret(checked(check_secret, spec.admin_password, "admin_password"))
        return before.admin_password if before else Secret(new_password(16))

    def _lines(
        self, specs: Sequence[LineSpec], model: Model, extensions: Mapping[str, Extension]
    ) -> tuple[Line, ...]:
        if len(specs) > model.lines:
            raise BadRequestError(
                "too_many_lines",
                f"lines has {len(specs)} entries; a {model.label} has {model.lines} accounts",
                "leave some out or choose a model with more accounts",
            )
        lines = []
        for index, item in enumerate(specs, start=1):
            number = checked(check_number, item.extension, "extension_number")
            if number not in extensions:
                # A look at all of a large site's numbers for each mistake would hold up phones.
                known = ", ".join(sorted(islice(extensions, 1000))[:20]) or "none yet"
                raise BadRequestError(
                    "unknown_extension",
                    f"extension_number {number} does not exist; existing: {known}",
                    f'add it first: POST /api/extensions {{"number":"{number}","name":"…"}}',
                )
            label = checked(check_name, item.label, "label") if item.label else ""
            lines.append(Line(index=index, extension=number, label=label))
        return tuple(lines)

    async def _put(self, actor: str, device: Device, before: Device | None) -> list[Mac]:
        for line in device.lines:
            self._changing.check_secret_fits(device, self._state.extensions[line.extension])
        changed, made = self._changing.tried(device, before)
        row, revision = self.row(actor, device, before), self._state.revision
        await self._changing.commit([PutDevice(device=device)], [row])
        self._files.take_in(device.mac, made, revision + 1)
        return changed

    def row(self, actor: str, device: Device, before: Device | None) -> Change:
        """The Change row of a device that is registered or changed."""
        return self._changing.change(
            actor,
            "device",
            device.mac.plain,
            "changed" if before else "created",
            shown_device(before) if before else None,
            shown_device(device),
        )


def _vendors_hint() -> str:
    return "GET /api/provisioning/vendors lists vendors and models"


def shown_device(device: Device) -> dict[str, object]:
    """Give what a Change row keeps of a device: no secrets."""
    return {
        "vendor": device.vendor,
        "model": device.model,
        "lines": [{"extension": line.extension, "label": line.label} for line in device.lines],
        "settings": masked_settings(device.settings),
    }
