"""What contract tests are made from: values for a model's files, and reading them back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache

import pytest

from offhook.core.file_values import DeviceValues, FileValues, LineValues, ServerValues
from offhook.core.mac import Mac
from offhook.core.model import PhoneRequest
from offhook.core.preferences import Preferences
from offhook.core.render import Templates, render_text
from offhook.core.timezone import time_zone
from offhook.core.vendor import FileKind, FileRule, Model, VendorProfile, first_code
from offhook.store.templates import load_templates
from offhook.vendors import load_profiles

NOW = datetime(2025, 12, 5, 19, 0, tzinfo=UTC)
MAC = Mac(0x001565123456)
ADMIN_PASSWORD = "Adm1n-of-this-phone-only"
SERVER = ServerValues(
    address="192.168.1.14",
    sip_port=5062,
    http_port=8080,
    base="http://192.168.1.14:8080/provision/",
)
PROFILES = load_profiles()
MODELS = [(profile, model) for profile in PROFILES for model in profile.models]


@cache
def templates() -> Templates:
    """The package's templates, compiled once for the whole run."""
    return Templates(load_templates(None)[0])


def samples() -> list[tuple[VendorProfile, Model]]:
    """One model of each maker's family, with as many lines as the family has."""
    found: dict[tuple[str, str], tuple[VendorProfile, Model]] = {}
    for profile, model in MODELS:
        known = found.get((profile.name, model.family))
        if known is None or known[1].lines < min(model.lines, 4):
            found[profile.name, model.family] = (profile, model)
    return list(found.values())


def label(value: object) -> str | None:
    """Name a parameter of a test: `yealink` or `t46s`."""
    return value.name if isinstance(value, VendorProfile | Model) else None


def lines_of(
    count: int, names: Sequence[str] = (), secrets: Sequence[str] = ()
) -> tuple[LineValues, ...]:
    """Make accounts 1001, 1002…; names, labels and secrets differ from line to line."""
    return tuple(
        LineValues(
            index=index,
            number=str(1000 + index),
            display_name=names[index - 1] if len(names) >= index else f"Name {index}",
            label=names[index - 1] if len(names) >= index else f"Label {index}",
            auth_name=str(1000 + index),
            secret=secrets[index - 1] if len(secrets) >= index else f"secret-of-line-{index}-x",
        )
        for index in range(1, count + 1)
    )


def device_values(
    model: Model,
    *,
    lines: Sequence[LineValues] | int = 1,
    prefs: Preferences | None = None,
    mac: Mac = MAC,
) -> FileValues:
    """Make the variables of a device's own files."""
    chosen = prefs or Preferences()
    return FileValues(
        server=SERVER,
        prefs=chosen,
        tz=time_zone(chosen.time_zone),
        model=model,
        device=DeviceValues(
            mac=mac.plain, mac_upper=mac.plain.upper(), admin_password=ADMIN_PASSWORD
        ),
        lines=lines_of(lines) if isinstance(lines, int) else tuple(lines),
    )


def values_for(rule: FileRule, values: FileValues) -> FileValues:
    """The variables that a rule's file gets: common files know no device and no lines."""
    if rule.kind is not FileKind.COMMON:
        return values
    return FileValues(server=values.server, prefs=values.prefs, tz=values.tz, model=values.model)


def rendered_rules(profile: VendorProfile, model: Model) -> list[FileRule]:
    """The rules of a model's files that are made from a template."""
    return [rule for rule in profile.rules_for(model) if rule.template]


def main_rule(profile: VendorProfile, model: Model) -> FileRule:
    """The rule of the file with the account."""
    return next(rule for rule in profile.rules_for(model) if rule.name == profile.main)


def render(
    profile: VendorProfile,
    rule: FileRule,
    values: FileValues,
    keys: Mapping[str, str] | None = None,
) -> str:
    """Render one file."""
    return render_text(templates(), profile, rule, values_for(rule, values), keys or {})


def parse(rule: FileRule, text: str) -> dict[str, str]:
    """Read a file as its phone does."""
    assert rule.dialect is not None
    return rule.dialect.parse(text)


def render_main(
    profile: VendorProfile, values: FileValues, keys: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Render the file with the account and read it back."""
    rule = main_rule(profile, values.model)
    return parse(rule, render(profile, rule, values, keys))


def file_name(name: str, model: Model, mac: Mac = MAC) -> str:
    """A canonical file name with its holes filled."""
    return (
        name.replace("{mac}", mac.plain)
        .replace("{MAC}", mac.plain.upper())
        .replace("{code}", first_code(model))
    )


def agent(text: str, model: Model, mac: Mac = MAC) -> str:
    """A User-Agent of a maker's behaviour with its holes filled."""
    return (
        text.replace("{label}", model.label)
        .replace("{mac}", mac.plain)
        .replace("{MAC}", mac.plain.upper())
        .replace("{mac_colons}", mac.colons.lower())
    )


def request(path: str, user_agent: str = "", query: str = "") -> PhoneRequest:
    """A GET of a path that starts after the provisioning prefix."""
    return PhoneRequest(
        request_id="1",
        transport="http",
        method="GET",
        path=path,
        query=query,
        address="192.0.2.7",
        user_agent=user_agent,
        at=NOW,
    )


def first_account(profile: VendorProfile, values: Mapping[str, str]) -> dict[str, str]:
    """What a simulated phone takes for its first account: by our names."""
    keys = profile.behaviour.account
    server = values[keys.server]
    host, _, port = server.rpartition(":") if not keys.port else (server, "", values[keys.port])
    return {
        "number": values[keys.number],
        "display_name": values[keys.display_name],
        "label": values[keys.label],
        "auth_name": values[keys.auth_name],
        "secret": values[keys.secret],
        "server": host,
        "port": port,
    }


@cache
def _plain_files(vendor: str, model_name: str, count: int) -> dict[str, str]:
    profile, model = next(
        (profile, model)
        for profile, model in MODELS
        if (profile.name, model.name) == (vendor, model_name)
    )
    values = device_values(model, lines=count)
    return {rule.name: render(profile, rule, values) for rule in rendered_rules(profile, model)}


def plain_files(profile: VendorProfile, model: Model, count: int) -> dict[str, str]:
    """All files of a model with `count` lines and default preferences, by rule; made once a run."""
    return _plain_files(profile.name, model.name, count)


def plain_main(profile: VendorProfile, model: Model, count: int) -> dict[str, str]:
    """The file with the account of `plain_files`, read back."""
    rule = main_rule(profile, model)
    return parse(rule, plain_files(profile, model, count)[rule.name])


def counts(model: Model) -> Iterator[int]:
    """Numbers of lines worth trying: one, two and all."""
    yield from sorted({1, min(2, model.lines), model.lines})


each_profile = pytest.mark.parametrize("profile", PROFILES, ids=label)
each_model = pytest.mark.parametrize(("profile", "model"), MODELS, ids=label)
each_sample = pytest.mark.parametrize(("profile", "model"), samples(), ids=label)
