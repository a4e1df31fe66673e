"""The inventory as files: which settings win, which files are expected, what stops them."""

from dataclasses import replace
from itertools import combinations

import pytest

from offhook.core.inventory import (
    SITE,
    FileSource,
    expected_files,
    file_name,
    flatten,
    main_file,
    model_scope,
    profile_of,
    render_common_file,
    render_device_file,
    vendor_scope,
)
from offhook.core.model import Device, Extension, Line, SettingScope
from offhook.core.render import RenderError
from offhook.core.secret import Secret
from offhook.core.vendor import FileKind
from tests.contract import build
from tests.world import MAKERS, PROFILES, code_of, model_of, source

SIP_SECRET = "sip-secret-of-1001-xyz"
ADMIN_SECRET = "admin-secret-of-phone-xyz"
EXTENSION = Extension(
    number="1001", name="John Smith", secret=Secret(SIP_SECRET), created_at=build.NOW
)


def device(vendor: str = "yealink", model: str = "", **changes: object) -> Device:
    made = Device(
        mac=build.MAC,
        vendor=vendor,
        model=model or model_of(vendor).name,
        lines=(Line(index=1, extension="1001"),),
        admin_password=Secret(ADMIN_SECRET),
        created_at=build.NOW,
        updated_at=build.NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names real fields


def with_settings(**levels: dict[str, str]) -> FileSource:
    scopes: dict[str, SettingScope] = {
        "site": SITE,
        "vendor": vendor_scope("yealink"),
        "model": model_scope("yealink", "t46s"),
    }
    settings = {scopes[level]: values for level, values in levels.items() if level in scopes}
    return source(extensions={"1001": EXTENSION}, settings=settings)


LEVELS = ("site", "vendor", "model", "device")
PAIRS = list(combinations(LEVELS, 2))


@pytest.mark.parametrize(("weak", "strong"), PAIRS)
def test_the_stronger_level_wins_by_key(weak: str, strong: str) -> None:
    levels = {
        weak: {"ntp_server": weak, "voicemail_number": "1"},
        strong: {"ntp_server": strong, "resync_minutes": "5"},
    }
    phone = device(model="t46s", settings=levels.get("device", {}))
    found = with_settings(**levels)
    prefs, _ = flatten(found, found.layers("yealink", "t46s", phone))
    assert (prefs.ntp_server, prefs.voicemail_number, prefs.resync_minutes) == (strong, "1", 5)


@pytest.mark.parametrize(("weak", "strong"), [pair for pair in PAIRS if pair[0] != "site"])
def test_the_stronger_level_wins_by_makers_key(weak: str, strong: str) -> None:
    levels = {
        weak: {"features.dnd.enable": "0", "phone_setting.weak": weak},
        strong: {"features.dnd.enable": "1"},
    }
    phone = device(model="t46s", settings=levels.get("device", {}))
    rule, _ = main_file(with_settings(**levels), phone)
    text = render_device_file(with_settings(**levels), phone, rule).body.decode()
    assert "features.dnd.enable = 1\n" in text
    assert f"phone_setting.weak = {weak}\n" in text
    assert "features.dnd.enable = 0" not in text


def test_settings_of_other_makers_and_models_do_not_count() -> None:
    found = with_settings(vendor={"ntp_server": "v"}, model={"ntp_server": "m"})
    prefs, _ = flatten(found, found.layers("zultys", "zip33g", device("zultys")))
    assert prefs.ntp_server == "pool.ntp.org"
    prefs, _ = flatten(found, found.layers("yealink", "t48s", device(model="t48s")))
    assert prefs.ntp_server == "v"


def test_a_stored_value_that_can_be_used_no_more_is_a_fault() -> None:
    phone = device(settings={"time_zone": "Mars/Olympus"})
    with pytest.raises(RenderError, match=r"time_zone 'Mars/Olympus'") as caught:
        expected_files(with_settings(), phone)
    assert caught.value.code == "P702"


@pytest.mark.parametrize("vendor", MAKERS)
def test_expects_the_makers_files_by_name(vendor: str) -> None:
    phone = device(vendor)
    found = with_settings()
    profile, model = profile_of(found, phone)
    files = expected_files(found, phone)
    _, main = main_file(found, phone)
    assert main in files
    assert all("{" not in name for name in files)
    for rule in profile.rules_for(model):
        is_made = rule.is_expected and rule.kind in (FileKind.DEVICE, FileKind.COMMON)
        assert (file_name(rule, phone, model) in files) >= is_made


@pytest.mark.parametrize("vendor", MAKERS)
def test_files_are_the_same_bytes_every_time(vendor: str) -> None:
    assert expected_files(with_settings(), device(vendor)) == expected_files(
        with_settings(), device(vendor)
    )


@pytest.mark.parametrize("vendor", MAKERS)
def test_common_files_hold_no_secret(vendor: str) -> None:
    found = with_settings()
    profile, model = profile_of(found, device(vendor))
    for rule in profile.rules_for(model):
        if rule.kind is FileKind.COMMON:
            body = render_common_file(found, profile, model, rule).body
            assert SIP_SECRET.encode() not in body
            assert ADMIN_SECRET.encode() not in body
            assert render_device_file(found, device(vendor), rule).body == body


def test_name_and_label_reach_the_file_and_an_own_label_wins() -> None:
    lines = (Line(index=1, extension="1001"), Line(index=2, extension="1001", label="Desk"))
    phone = device(model="t46s", lines=lines)
    rule, name = main_file(with_settings(), phone)
    text = render_device_file(with_settings(), phone, rule).body.decode()
    assert name == "001565123456.cfg"
    assert "account.1.label = John Smith\n" in text
    assert "account.2.label = Desk\n" in text
    assert "account.2.display_name = John Smith\n" in text


@pytest.mark.parametrize(
    ("phone", "code"),
    [
        (device(lines=(Line(index=1, extension="1999"),)), "P308"),
        (device("acne", "t46s"), "P306"),
        (device("yealink", "t0"), "P307"),
    ],
)
def test_a_record_that_fits_nothing_is_a_fault(phone: Device, code: str) -> None:
    with pytest.raises(RenderError) as caught:
        expected_files(with_settings(), phone)
    assert caught.value.code == code


def test_a_maker_without_its_main_file_is_a_fault() -> None:
    lost = {**PROFILES, "yealink": replace(PROFILES["yealink"], main="none.cfg")}
    with pytest.raises(RenderError, match=r"yealink has no file none\.cfg"):
        main_file(replace(with_settings(), profiles=lost), device())


def test_names_of_files_take_the_models_first_spelling() -> None:
    _, model = profile_of(with_settings(), device(model="SIP-T46S"))
    names = expected_files(with_settings(), device(model="t46s"))
    assert f"{code_of(model)}.cfg" in names
