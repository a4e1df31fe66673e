"""The inventory as one picture, and what a phone's files are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.core.file_values import LineValues, Own, ServerValues
from offhook.core.model import Device, Extension, Settings, SettingScope
from offhook.core.preferences import PreferenceError, Preferences, merged
from offhook.core.render import (
    Ground,
    Rendered,
    RenderError,
    Templates,
    maker_keys,
    render_file,
)
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

    _grounds: dict[tuple[str, str], Ground] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

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

    def own_of(self, device: Device) -> Own:
        """What is a device's own: its texts, and those of its accounts that are on.

        Raises RenderError when an extension is missing.
        """
        plain = device.mac.plain
        texts = [plain, plain.upper(), device.admin_password.reveal()]
        indexes = []
        for line in device.lines:
            number = line.extension
            extension = self.extensions.get(number)
            if extension is None:
                raise RenderError("P308", f"extension {number} does not exist")
            if extension.is_enabled:
                name = extension.name
                texts += number, name, line.label or name, number, extension.secret.reveal()
                indexes.append(line.index)
        return Own(tuple(indexes), tuple(texts))

    def lines_of(self, device: Device) -> tuple[LineValues, ...]:
        """The device's accounts that are on. Raises RenderError when an extension is missing."""
        return self.own_of(device).lines


def profile_of(source: FileSource, device: Device) -> tuple[VendorProfile, Model]:
    """The device's maker and model. Raises RenderError when no profile knows them."""
    profile = source.profiles.get(device.vendor)
    if profile is None:
        raise RenderError("P306", f"vendor {device.vendor!r} is not known")
    model = profile.model(device.model)
    if model is None:
        raise RenderError("P307", f"{device.vendor} has no model {device.model!r}")
    return profile, model


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


def ground_of(source: FileSource, device: Device) -> Ground:
    """What a device's files rest on besides itself.

    Raises RenderError for an unknown maker or model, and for a neutral value that can be used no
    more.
    """
    if not device.settings:
        found = source._grounds.get((device.vendor, device.model))
        if found is not None:
            return found
    profile, model = profile_of(source, device)
    if device.settings:
        return _ground(source, profile, model, device)
    return source._grounds.setdefault(
        (device.vendor, device.model), _ground(source, profile, model, None)
    )


def _ground(
    source: FileSource, profile: VendorProfile, model: Model, device: Device | None
) -> Ground:
    prefs, keys = flatten(source, source.layers(profile.name, model.name, device))
    server = source.server.over(prefs.transport)
    return source.templates.ground(profile, model, server, prefs, keys)


def render_device_file(source: FileSource, device: Device, rule: FileRule) -> Rendered:
    """Make one file of a device. Raises RenderError."""
    if rule.kind is FileKind.COMMON:
        return render_common_file(source, *profile_of(source, device), rule)
    return render_file(source.templates, ground_of(source, device), rule, source.own_of(device))


def render_common_file(
    source: FileSource, profile: VendorProfile, model: Model, rule: FileRule
) -> Rendered:
    """Make a file for all phones of a model: no device, lines or secret. Raises RenderError."""
    key = (profile.name, model.name)
    ground = source._grounds.get(key) or source._grounds.setdefault(
        key, _ground(source, profile, model, None)
    )
    return render_file(source.templates, ground, rule, Own())


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
