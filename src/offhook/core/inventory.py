"""The inventory as one picture, and what a phone's files are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from offhook.core.model import Device, Extension, Line, Settings, SettingScope
from offhook.core.preferences import PreferenceError, Preferences, merged
from offhook.core.render import (
    DeviceValues,
    FileValues,
    LineValues,
    Rendered,
    RenderError,
    ServerValues,
    Templates,
    finish,
    maker_keys,
    render_text,
)
from offhook.core.timezone import time_zone
from offhook.core.vendor import FileKind, FileRule, Model, VendorProfile, first_code

SITE = SettingScope(level="site")


def vendor_scope(vendor: str) -> SettingScope:
    """The settings of all phones of a maker."""
    return SettingScope(level="vendor", key=vendor)


def model_scope(vendor: str, model: str) -> SettingScope:
    """The settings of all phones of a model."""
    return SettingScope(level="model", key=f"{vendor}/{model}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """All that files depend on besides the device: one value per moment, replaced on change."""

    templates: Templates
    server: ServerValues
    prefs: Preferences
    profiles: Mapping[str, VendorProfile]
    extensions: Mapping[str, Extension]
    settings: Mapping[SettingScope, Settings]

    def layers(self, vendor: str, model: str, device: Device | None) -> list[tuple[str, Settings]]:
        """Free settings weakest first: site < vendor < model < device."""
        layers = [
            ("site", self.settings.get(SITE, {})),
            (f"vendor {vendor}", self.settings.get(vendor_scope(vendor), {})),
            (f"model {vendor}/{model}", self.settings.get(model_scope(vendor, model), {})),
        ]
        if device is not None:
            layers.append((f"device {device.mac}", device.settings))
        return layers

    def lines_of(self, device: Device) -> tuple[LineValues, ...]:
        """The device's accounts that are on. Raises RenderError when an extension is missing."""
        return tuple(
            _line_values(line, extension)
            for line in device.lines
            if (extension := self._extension(line.extension)).is_enabled
        )

    def _extension(self, number: str) -> Extension:
        extension = self.extensions.get(number)
        if extension is None:
            raise RenderError("P308", f"extension {number} does not exist")
        return extension


def _line_values(line: Line, extension: Extension) -> LineValues:
    return LineValues(
        index=line.index,
        number=line.extension,
        display_name=extension.name,
        label=line.label or extension.name,
        auth_name=line.extension,
        secret=extension.secret.reveal(),
    )


def profile_of(source: FileSource, device: Device) -> tuple[VendorProfile, Model]:
    """The device's maker and model. Raises RenderError when no profile knows them."""
    profile = source.profiles.get(device.vendor)
    if profile is None:
        raise RenderError("P306", f"vendor {device.vendor!r} is not known")
    model = profile.model(device.model)
    if model is None:
        raise RenderError("P307", f"{device.vendor} has no model {device.model!r}")
    return profile, model


def device_values(
    source: FileSource, device: Device, model: Model, prefs: Preferences
) -> FileValues:
    """The variables of a device's own files."""
    return FileValues(
        server=source.server.over(prefs.transport),
        prefs=prefs,
        tz=time_zone(prefs.time_zone),
        model=model,
        device=DeviceValues(
            mac=device.mac.plain,
            mac_upper=device.mac.plain.upper(),
            admin_password=device.admin_password.reveal(),
        ),
        lines=source.lines_of(device),
    )


def flatten(source: FileSource, layers: list[tuple[str, Settings]]) -> tuple[Preferences, Settings]:
    """Merge layers by key: the neutral ones into preferences, the maker's own beside them.

    Raises RenderError for a neutral value that can be used no more.
    """
    flat: dict[str, str] = {}
    for _, settings in layers:
        flat.update(settings)
    try:
        return merged(source.prefs, flat), maker_keys(flat)
    except PreferenceError as error:
        raise RenderError("P702", str(error)) from None


def render_device_file(source: FileSource, device: Device, rule: FileRule) -> Rendered:
    """Make one file of a device. Raises RenderError."""
    profile, model = profile_of(source, device)
    if rule.kind is FileKind.COMMON:
        return render_common_file(source, profile, model, rule)
    prefs, keys = flatten(source, source.layers(profile.name, model.name, device))
    values = device_values(source, device, model, prefs)
    return finish(rule, render_text(source.templates, profile, rule, values, keys))


def render_common_file(
    source: FileSource, profile: VendorProfile, model: Model, rule: FileRule
) -> Rendered:
    """Make a file for all phones of a model: no device, lines or secret. Raises RenderError."""
    prefs, keys = flatten(source, source.layers(profile.name, model.name, None))
    values = FileValues(
        server=source.server.over(prefs.transport),
        prefs=prefs,
        tz=time_zone(prefs.time_zone),
        model=model,
    )
    return finish(rule, render_text(source.templates, profile, rule, values, keys))


def expected_files(source: FileSource, device: Device) -> dict[str, Rendered]:
    """Make every file a device is expected to fetch, by its canonical name. Raises RenderError."""
    profile, model = profile_of(source, device)
    return {
        file_name(rule, device, model): render_device_file(source, device, rule)
        for rule in profile.rules_for(model)
        if rule.is_expected and rule.kind in (FileKind.DEVICE, FileKind.COMMON)
    }


def file_name(rule: FileRule, device: Device, model: Model) -> str:
    """A rule's canonical name for a device."""
    return (
        rule.name.replace("{mac}", device.mac.plain)
        .replace("{MAC}", device.mac.plain.upper())
        .replace("{code}", first_code(model))
    )


def main_file(source: FileSource, device: Device) -> tuple[FileRule, str]:
    """The rule and canonical name of the file with the account. Raises RenderError."""
    profile, model = profile_of(source, device)
    for rule in profile.rules_for(model):
        if rule.name == profile.main:
            return rule, file_name(rule, device, model)
    raise RenderError("P701", f"{profile.name} has no file {profile.main}")
