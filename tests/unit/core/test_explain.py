"""Explain: for every level one line that comes from it."""

from dataclasses import replace

import pytest

from offhook.core.explain import ExplainedLine, explain_file
from offhook.core.inventory import SITE, FileSource, model_scope, vendor_scope
from offhook.core.model import Device, Extension, Line
from offhook.core.preferences import PARSERS, Preferences, merged
from offhook.core.render import RenderError, Templates
from offhook.core.secret import Secret
from tests.contract import build
from tests.world import MAKERS, PROFILES, model_of, source

MAC = "device 001565123456"
EXTENSIONS = {
    number: Extension(
        number=number, name=name, secret=Secret(f"secret-of-{number}"), created_at=build.NOW
    )
    for number, name in (("1001", "John Smith"), ("1002", "Jane Roe"))
}


def device(vendor: str = "yealink", model: str = "t46s", **changes: object) -> Device:
    made = Device(
        mac=build.MAC,
        vendor=vendor,
        model=model,
        lines=(Line(index=1, extension="1001"),),
        admin_password=Secret("admin-password"),
        created_at=build.NOW,
        updated_at=build.NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names real fields


def picture(prefs: dict[str, str] | None = None, **levels: dict[str, str]) -> FileSource:
    scopes = {
        "site": SITE,
        "vendor": vendor_scope("yealink"),
        "model": model_scope("yealink", "t46s"),
    }
    return source(
        extensions=EXTENSIONS,
        settings={scopes[level]: values for level, values in levels.items()},
        prefs=merged(Preferences(), prefs or {}),
    )


def explained(found: FileSource, phone: Device) -> dict[str, ExplainedLine]:
    _, lines = explain_file(found, phone)
    return {line.key: line for line in lines}


def test_every_level_decides_a_line() -> None:
    phone = device(
        settings={"voicemail_number": "*9", "features.dnd.enable": "1"},
        lines=(Line(index=1, extension="1001"), Line(index=2, extension="1002", label="Door")),
    )
    found = picture(
        {"register_expires_s": "1800"},
        site={"ntp_server": "ntp.site"},
        vendor={"time_zone": "Europe/Berlin", "vendor.key": "1"},
        model={"dtmf": "info", "model.key": "2"},
    )
    name, lines = explain_file(found, phone)
    origin = {line.key: line.source for line in lines}
    assert name == "001565123456.cfg"
    assert origin["account.1.enable"] == "template"
    assert origin["account.1.sip_server.1.address"] == "config.yml"
    assert origin["account.1.sip_server.1.expires"] == "config.yml"
    assert origin["account.1.password"] == "extension 1001"
    assert origin["account.1.label"] == "extension 1001"
    assert origin["account.2.display_name"] == "extension 1002"
    assert origin["account.2.label"] == MAC
    assert origin["local_time.ntp_server1"] == "site"
    assert origin["local_time.time_zone"] == "vendor yealink"
    assert origin["local_time.summer_time"] == "vendor yealink"
    assert origin["vendor.key"] == "vendor yealink"
    assert origin["account.1.dtmf.type"] == "model yealink/t46s"
    assert origin["account.1.dtmf.info_type"] == "model yealink/t46s"
    assert origin["model.key"] == "model yealink/t46s"
    assert origin["voice_mail.number.1"] == MAC
    assert origin["features.dnd.enable"] == MAC
    assert origin["static.security.user_password"] == MAC


def test_values_are_those_of_the_file() -> None:
    phone = device(settings={"account.1.label": "Mine"})
    lines = explained(picture(), phone)
    assert lines["account.1.label"] == ExplainedLine(
        key="account.1.label", value="Mine", source=MAC
    )
    assert lines["account.1.display_name"].value == "John Smith"


@pytest.mark.parametrize("level", ["site", "vendor", "model"])
def test_the_strongest_level_owns_a_value_that_a_weaker_one_says_too(level: str) -> None:
    found = picture(
        {"ntp_server": "ntp.same"},
        **{
            each: {"ntp_server": "ntp.same"}
            for each in ("site", "vendor", "model")[: ("site", "vendor", "model").index(level) + 1]
        },
    )
    words = {"site": "site", "vendor": "vendor yealink", "model": "model yealink/t46s"}
    assert explained(found, device())["local_time.ntp_server1"].source == words[level]
    own = device(settings={"ntp_server": "ntp.same"})
    assert explained(found, own)["local_time.ntp_server1"].source == MAC


def test_a_level_that_sets_the_default_owns_it() -> None:
    found = picture(site={"time_zone": "UTC"})
    assert explained(found, device())["local_time.time_zone"].source == "site"


def test_a_makers_key_wins_over_a_stronger_levels_neutral_setting() -> None:
    found = picture(vendor={"account.1.sip_server.1.expires": "99"})
    lines = explained(found, device(settings={"register_expires_s": "120"}))
    assert lines["account.1.sip_server.1.expires"] == ExplainedLine(
        key="account.1.sip_server.1.expires", value="99", source="vendor yealink"
    )


@pytest.mark.parametrize("vendor", MAKERS)
@pytest.mark.parametrize("name", PARSERS)
def test_what_a_neutral_setting_moves_belongs_to_its_level(vendor: str, name: str) -> None:
    texts = {
        "transport": "tcp",
        "register_expires_s": "999",
        "ntp_server": "ntp.example",
        "time_zone": "America/New_York",
        "language": "fr",
        "country": "FR",
        "codecs": "pcmu,g729",
        "dtmf": "inband",
        "voicemail_number": "77",
        "resync_minutes": "77",
    }
    model = model_of(vendor).name
    plain = explained(picture(), device(vendor, model))
    lines = explained(picture(), device(vendor, model, settings={name: texts[name]}))
    moved = {
        key for key, line in lines.items() if key not in plain or plain[key].value != line.value
    }
    assert {lines[key].source for key in moved} <= {MAC}


@pytest.mark.parametrize("vendor", MAKERS)
def test_every_maker_explains_account_and_password(vendor: str) -> None:
    lines = explained(picture(), device(vendor, model_of(vendor).name))
    account = PROFILES[vendor].behaviour.account
    assert lines[account.secret].source == "extension 1001"
    assert lines[account.display_name].source == "extension 1001"
    assert lines[account.server].source == "config.yml"
    assert MAC in {line.source for line in lines.values()}


def test_a_template_that_fails_is_told() -> None:
    bad = replace(picture(), templates=Templates({"yealink/main.cfg.j2": "{{ nothing }}"}))
    with pytest.raises(RenderError, match="nothing"):
        explain_file(bad, device())


def test_an_unknown_maker_is_told() -> None:
    with pytest.raises(RenderError, match="acne"):
        explain_file(picture(), device("acne"))


def test_the_port_of_tls_belongs_to_who_chose_the_transport() -> None:
    found = picture(site={"transport": "tls"})
    found = replace(found, server=replace(found.server, tls_port=5061))
    lines = explained(found, device())
    port = lines["account.1.sip_server.1.port"]
    assert (port.value, port.source) == ("5061", "site")
