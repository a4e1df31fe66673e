"""Free settings of one phone: the value in force, and the level each has one at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from offhook.actions.changing import Changes
from offhook.actions.devices import DeviceSpec
from offhook.actions.free_settings import masked_settings
from offhook.actions.preview import Verbs
from offhook.core.model import Device
from offhook.core.preferences import PARSERS, Preferences
from offhook.errors import BadRequestError
from offhook.web.ports import Services

LEVELS = ("device", "model", "vendor", "site")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One setting: `level` decides, empty when nobody set it; `others` are weaker ones."""

    key: str
    value: str
    level: str
    label: str
    others: tuple[tuple[str, str], ...]


def setting_rows(services: Services, device: Device) -> list[SettingRow]:
    """Give the neutral settings in their order, then the maker's own keys; secrets masked."""
    source = services.state.source
    layers = [
        (level, label, masked_settings(settings))
        for level, (label, settings) in zip(
            reversed(LEVELS), source.layers(device.vendor, device.model, device), strict=True
        )
    ]
    own = sorted({key for _, _, settings in layers for key in settings if key not in PARSERS})
    rows = []
    for key in (*PARSERS, *own):
        found = [(level, label, it[key]) for level, label, it in layers if key in it]
        level, label, value = found[-1] if found else ("", *_given(source.prefs, key))
        rows.append(
            SettingRow(
                key=key,
                value=value,
                level=level,
                label=label,
                others=tuple((name, text) for _, name, text in found[:-1]),
            )
        )
    return rows


def _given(prefs: Preferences, key: str) -> tuple[str, str]:
    """The level below all: what config.yml says, or what is usual."""
    value = getattr(prefs, key)
    label = "config.yml" if value != getattr(Preferences(), key) else "usual value"
    return label, ",".join(value) if isinstance(value, tuple) else str(value)


def level_label(services: Services, device: Device, level: str) -> str:
    """Whom a level concerns, in words."""
    count = sum(it.vendor == device.vendor for it in services.state.devices.values())
    match level:
        case "device":
            return "this phone"
        case "model":
            return f"all {device.vendor} {device.model}"
        case "vendor":
            return f"all {count} of {device.vendor}"
        case _:
            return f"all {len(services.state.devices)} phones"


def setting_change(
    services: Services, actor: str, device: Device, level: str, key: str, value: str | None
) -> Callable[[Verbs], Awaitable[Changes]]:
    """Make the verb that sets or (None) removes a setting at a level. 400 for another level."""
    if level not in LEVELS:
        raise BadRequestError(
            "bad_level", f"there is no level {level[:20]!r}", "choose one of the list"
        )
    if not key:
        raise BadRequestError("no_key", "the setting has no name", "choose or write its name")

    async def change(verbs: Verbs) -> Changes:
        if level == "device":
            spec = DeviceSpec(mac_address=device.mac.plain, settings={key: value})
            return (await verbs.devices.change_device(actor, spec))[1]
        scope = services.free_settings.scope(
            device.vendor if level != "site" else "", device.model if level == "model" else ""
        )
        return (await verbs.free_settings.change_settings(actor, scope, {key: value}))[1]

    return change
