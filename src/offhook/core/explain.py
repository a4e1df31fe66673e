"""Where each value of a file came from: change one origin at a time and see which values move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from offhook.core.dialect import DialectError
from offhook.core.file_values import FileValues, LineValues
from offhook.core.inventory import FileSource, ground_of, main_file, profile_of
from offhook.core.model import Device, Settings
from offhook.core.preferences import CODECS, DTMF, PARSERS, TRANSPORTS, Preferences, merged
from offhook.core.render import RenderError, maker_keys, render_text
from offhook.core.timezone import time_zone

CONFIG = "config.yml"

# Two texts or more of each neutral setting, so that every value it decides differs in one of them.
_OTHER_TEXTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "transport": TRANSPORTS,
        "register_expires_s": ("61", "7201"),
        "ntp_server": ("ntp.example.net", "ntp.example.org"),
        "time_zone": ("UTC", "Asia/Kolkata", "Europe/Berlin", "America/New_York"),
        "language": ("en", "de"),
        "country": ("US", "DE"),
        "codecs": (*CODECS, ",".join(CODECS), ",".join(reversed(CODECS))),
        "dtmf": DTMF,
        "voicemail_number": ("", "*98", "*99"),
        "resync_minutes": ("0", "61", "121"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLine:
    """One value of a file: the maker's key, its value, and the level that decided it.

    `source` is `template`, `config.yml`, `extension 1001`, `site`, `vendor …`, `model …` or
    `device …`, strongest wins.
    """

    key: str
    value: str
    source: str


def explain_file(source: FileSource, device: Device) -> tuple[str, list[ExplainedLine]]:
    """Tell the file with the account value by value. Raises RenderError."""
    profile, model = profile_of(source, device)
    layers = source.layers(profile.name, model.name, device)
    ground = ground_of(source, device)
    keys = ground.keys
    values = ground.values(source.own_of(device))
    final = _parsed(source, device, values, keys)
    origin: dict[str, str] = {}
    for label, changed in (
        *_other_values(source, device, values),
        *_other_preferences(source, layers, values),
    ):
        try:
            other = _parsed(source, device, changed, keys)
        except RenderError:  # this model's template takes no such value
            continue
        origin.update((key, label) for key in final if other.get(key) != final[key])
    # A maker's own key is laid over the finished file, so it wins over every neutral setting.
    for label, settings in layers:
        origin.update((key, label) for key in maker_keys(settings) if key in final)
    return main_file(source, device)[1], [
        ExplainedLine(key=key, value=value, source=origin.get(key, "template"))
        for key, value in final.items()
    ]


def _parsed(
    source: FileSource, device: Device, values: FileValues, keys: Mapping[str, str]
) -> dict[str, str]:
    """The file with the account as its phone reads it."""
    rule, name = main_file(source, device)
    profile, _ = profile_of(source, device)
    text = render_text(source.templates, profile, rule, values, keys)
    if rule.dialect is None:
        raise RenderError("P701", f"file {name} has no dialect")
    try:
        return rule.dialect.parse(text)
    except DialectError as error:
        raise RenderError("P702", f"file {name}: {error}") from None


def _other_preferences(
    source: FileSource, layers: Sequence[tuple[str, Settings]], values: FileValues
) -> Iterator[tuple[str, FileValues]]:
    """The same file with one neutral setting replaced, the weakest owner's first.

    A setting belongs to the strongest level that has it, though a weaker one may say the same.
    """
    owners = {
        name: CONFIG
        for name in PARSERS
        if getattr(source.prefs, name) != getattr(Preferences(), name)
    }
    order = [CONFIG]
    for label, settings in layers:
        order.append(label)
        owners.update((name, label) for name in settings if name in PARSERS)
    for name, label in sorted(owners.items(), key=lambda item: order.index(item[1])):
        for text in _OTHER_TEXTS[name]:
            prefs = merged(values.prefs, {name: text})
            server = source.server.over(prefs.transport)
            yield label, replace(values, prefs=prefs, tz=time_zone(prefs.time_zone), server=server)


def _other_values(
    source: FileSource, device: Device, values: FileValues
) -> Iterator[tuple[str, FileValues]]:
    """The same file with one origin's values replaced by others of the same shape."""
    server = replace(
        values.server,
        address="203.0.113.99",
        sip_port=values.server.sip_port + 1,
        http_port=values.server.http_port + 1,
        base="http://203.0.113.99:1/x/",
    )
    yield CONFIG, replace(values, server=server)
    for line, values_of in zip(device.lines, values.lines, strict=True):
        others = (
            _other_line(values_of, is_label_own=bool(line.label)) if item is values_of else item
            for item in values.lines
        )
        yield f"extension {line.extension}", replace(values, lines=tuple(others))
        if line.label:
            renamed = replace(values_of, label=values_of.label + "x")
            lines = tuple(renamed if item is values_of else item for item in values.lines)
            yield f"device {device.mac}", replace(values, lines=lines)
    if values.device is not None:
        own = replace(
            values.device,
            mac="0" * 11 + "9",
            mac_upper="0" * 11 + "9",
            admin_password=values.device.admin_password + "x",
        )
        yield f"device {device.mac}", replace(values, device=own)


def _other_line(line: LineValues, *, is_label_own: bool) -> LineValues:
    return replace(
        line,
        number=line.number + "9",
        auth_name=line.auth_name + "9",
        display_name=line.display_name + "x",
        label=line.label if is_label_own else line.label + "x",
        secret=line.secret + "x",
    )
