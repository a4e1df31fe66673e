"""What a request gets: a file, an upload's place, a plain 404, or a refusal with its fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.core.claims import FileMatch
from offhook.core.identify import Identity
from offhook.core.mac import Mac
from offhook.core.model import Device, PhoneRequest
from offhook.core.vendor import FileKind, FileRule, Model, VendorProfile, first_code, fold

NAME_SHOWN = 128
"""Characters of a file's name that a refusal repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeDevice:
    """Render a file of a device. `notices` are faults to report although it is served."""

    device: Device
    rule: FileRule
    notices: tuple[Refuse, ...] = ()

    @property
    def file(self) -> str:
        """The file's one name, whatever spelling was asked: digests are compared by it."""
        mac = self.device.mac.plain
        return self.rule.name.replace("{mac}", mac).replace("{MAC}", mac.upper())


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeCommon:
    """Render a file for every phone of a model; `device` when we know who asks."""

    profile: VendorProfile
    model: Model
    rule: FileRule
    device: Device | None

    @property
    def file(self) -> str:
        """The file's one name, whatever spelling was asked: digests are compared by it."""
        return self.rule.name.replace("{code}", first_code(self.model))


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Keep (PUT, POST) or give back (GET) a file that the phone itself writes."""

    device: Device
    rule: FileRule
    is_put: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Optional:
    """A probe of the maker that we do not serve: a plain 404 that alarms nobody."""

    device: Device | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Refuse with a status and a fault; `values` fill the fault's texts."""

    status: int
    code: str
    values: Mapping[str, object] = field(default_factory=dict)


_NOT_OURS = {FileKind.SIGNED: "P206", FileKind.FOREIGN: "P207"}

Decision = ServeDevice | ServeCommon | Upload | Optional | Refuse


def decide(
    request: PhoneRequest,
    identity: Identity,
    devices: Mapping[Mac, Device],
    profiles: Mapping[str, VendorProfile],
) -> Decision:
    """Choose the answer. Pure: who may ask at all was decided before."""
    if identity.is_placeholder_file:
        return Refuse(status=400, code="P201", values={"placeholder": identity.placeholder})
    device = devices.get(identity.mac) if identity.mac else None
    if device is not None:
        return _for_device(request, identity, device, profiles)
    common = _common(identity, None) if _is_read(request) else None
    if common is not None:
        return common
    if identity.mac is not None:
        if _is_optional(identity):
            return Optional(device=None)
        return Refuse(status=404, code="P301", values={"mac": identity.mac})
    if identity.matches and (_is_read(request) or _is_optional(identity)):
        return Optional(device=None)
    return _no_file(request, identity)


def _for_device(
    request: PhoneRequest,
    identity: Identity,
    device: Device,
    profiles: Mapping[str, VendorProfile],
) -> Decision:
    profile = profiles.get(device.vendor)
    model = profile.model(device.model) if profile else None
    if profile is None or model is None:
        return _lost(device, profile, profiles)
    notices = _contradictions(identity, device, profile, model)
    match = _rule_for(identity, profile, model)
    if match is None:
        return _not_ours(request, identity, device, profile, notices)
    if match.rule.kind is FileKind.UPLOAD:
        return Upload(device=device, rule=match.rule, is_put=not _is_read(request))
    if match.rule.kind is FileKind.OPTIONAL:
        return Optional(device=device)
    if match.rule.kind in _NOT_OURS:
        values = {"mac": device.mac.colons, "file": identity.file[:NAME_SHOWN]}
        return Refuse(status=404, code=_NOT_OURS[match.rule.kind], values=values)
    if not _is_read(request):
        return _no_file(request, identity)
    if match.rule.kind is FileKind.COMMON:
        # The file name may tell another model than the record; the phone asked for that one.
        found = match.model or model
        return ServeCommon(profile=profile, model=found, rule=match.rule, device=device)
    return ServeDevice(device=device, rule=match.rule, notices=notices)


def _lost(
    device: Device, profile: VendorProfile | None, profiles: Mapping[str, VendorProfile]
) -> Refuse:
    """The record names a maker (P306) or model (P307) that no profile knows any more."""
    if profile is None:
        known = ", ".join(sorted(profiles))
        return Refuse(status=500, code="P306", values={"vendor": device.vendor, "known": known})
    known = ", ".join(item.name for item in profile.models)
    values = {"vendor": device.vendor, "model": device.model, "known": known}
    return Refuse(status=500, code="P307", values=values)


def _not_ours(
    request: PhoneRequest,
    identity: Identity,
    device: Device,
    profile: VendorProfile,
    notices: tuple[Refuse, ...],
) -> Decision:
    """A file that the device's own maker does not know."""
    if any(notice.code == "P304" for notice in notices):
        return Refuse(status=404, code="P304", values=notices[0].values)
    is_own = any(match.profile is profile for match in identity.matches)
    is_wanted = any(match.rule.kind is FileKind.DEVICE for match in identity.matches)
    if identity.matches and (is_own or not is_wanted):
        return Optional(device=device)
    # Another maker's phones take their account from this file: the record may be wrong.
    return _no_file(request, identity)


def _is_read(request: PhoneRequest) -> bool:
    return request.method in ("GET", "HEAD")


def _no_file(request: PhoneRequest, identity: Identity) -> Refuse:
    file = identity.file[:NAME_SHOWN]
    if _is_read(request):
        return Refuse(status=404, code="P203", values={"file": file})
    return Refuse(status=405, code="P204", values={"file": file})


def _rule_for(identity: Identity, profile: VendorProfile, model: Model) -> FileMatch | None:
    for match in identity.matches:
        if match.profile is profile and (
            not match.rule.families or model.family in match.rule.families
        ):
            return match
    return None


def _contradictions(
    identity: Identity, device: Device, profile: VendorProfile, model: Model
) -> tuple[Refuse, ...]:
    """The User-Agent against the record: another maker (P304) or another model (P305)."""
    agent = identity.agent_vendor
    if agent is None:
        return ()
    if agent is not profile:
        values = {"mac": device.mac.colons, "vendor": profile.label, "other": agent.label}
        return (Refuse(status=404, code="P304", values=values),)
    other = identity.agent_model
    if other is not None and other.name != model.name:
        values = {"mac": device.mac.colons, "model": model.label, "other": other.label}
        return (Refuse(status=404, code="P305", values=values),)
    return ()


def _common(identity: Identity, device: Device | None) -> ServeCommon | None:
    """A common file needs a model: the file's name tells it, or else the User-Agent."""
    for match in identity.matches:
        if match.rule.kind is not FileKind.COMMON:
            continue
        if identity.agent_vendor not in (None, match.profile):
            continue
        model = match.model or (identity.agent_model if identity.agent_vendor else None)
        if model is None and len(match.profile.models) > 0 and not match.rule.families:
            model = _any_model(match)
        if model is not None and (not match.rule.families or model.family in match.rule.families):
            return ServeCommon(profile=match.profile, model=model, rule=match.rule, device=device)
    return None


def _any_model(match: FileMatch) -> Model | None:
    """Files whose template is the same for all models need none."""
    is_shared = "{family}" not in match.rule.template and "{code}" not in match.rule.name
    return match.profile.models[0] if is_shared else None


def _is_optional(identity: Identity) -> bool:
    return bool(identity.matches) and all(
        match.rule.kind in (FileKind.OPTIONAL, FileKind.UPLOAD) for match in identity.matches
    )


def guess_vendor(mac: Mac, identity: Identity, profiles: Mapping[str, VendorProfile]) -> str:
    """The maker of a phone we do not know: User-Agent first, then its block of addresses."""
    if identity.agent_vendor is not None:
        return identity.agent_vendor.name
    for profile in profiles.values():
        if mac.oui in profile.ouis:
            return profile.name
    return ""


def guess_model(identity: Identity) -> str:
    """The model of a phone we do not know, as we spell it, else as it spells itself."""
    if identity.agent_model is not None:
        return identity.agent_model.name
    return fold(identity.agent_model_text)
