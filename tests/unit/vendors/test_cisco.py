"""Cisco: two steps to the device file, spellings by family, summer time, what its phones say."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from offhook.core.identify import identify
from offhook.core.mac import Mac
from offhook.core.timezone import time_zone
from offhook.core.vendor import FileKind
from offhook.vendors.cisco import PROFILE
from tests.contract import build
from tests.unit.vendors.reading import (
    ZONES,
    model_of,
    rule_of,
    shown_by_the_guide,
    switch_of,
    text_of,
    values_of,
)


@pytest.mark.parametrize(
    ("model", "file"),
    [("spa504g", "spa{code}.cfg"), ("cp8841", "{code}.xml"), ("cp8841", "CP-{code}.xml")],
)
def test_model_file_only_points_to_the_device_file(model: str, file: str) -> None:
    values = build.parse(rule_of(PROFILE, file), text_of(PROFILE, model, file))
    assert values["Profile_Rule"] == f"{build.SERVER.base}$MA.cfg"
    assert values["Resync_Periodic"] == "60"
    assert not [key for key in values if key.endswith("_1_") or "Passw" in key]


@pytest.mark.parametrize("file", ["{mac}.xml", "spa{mac}.xml"])
def test_other_spellings_give_the_same_file(file: str) -> None:
    assert text_of(PROFILE, "spa504g", file) == text_of(PROFILE, "spa504g")


def test_guide_finds_the_name() -> None:
    assert "Name 1" in "\n".join(shown_by_the_guide(text_of(PROFILE, "spa504g")))


@pytest.mark.parametrize(
    ("model", "element", "other"),
    [("spa504g", "Admin_Passwd", "Admin_Password"), ("cp8841", "Admin_Password", "Admin_Passwd")],
)
def test_admin_password_is_spelled_as_the_family_does(model: str, element: str, other: str) -> None:
    values = values_of(PROFILE, model)
    assert values[element] == build.ADMIN_PASSWORD
    assert other not in values


def test_unused_lines_are_off_and_emptied() -> None:
    values = values_of(PROFILE, "spa504g", lines=2)
    assert [values[f"Line_Enable_{n}_"] for n in range(1, 5)] == ["Yes", "Yes", "No", "No"]
    assert [values[f"Extension_{n}_"] for n in range(1, 5)] == ["1", "2", "Disabled", "Disabled"]
    assert values["Password_4_"] == ""
    assert "Line_Enable_5_" not in values


@pytest.mark.parametrize(("minutes", "seconds"), [("0", "0"), ("15", "900")])
def test_resync_period_is_in_seconds(minutes: str, seconds: str) -> None:
    assert values_of(PROFILE, "cp8841", resync_minutes=minutes)["Resync_Periodic"] == seconds


@pytest.mark.parametrize(
    ("model", "codecs", "order"),
    [
        ("spa504g", "opus,pcma,g722", ["G711a", "G722", "Unspecified"]),
        ("cp8841", "opus,pcma,g722,pcmu", ["OPUS", "G711a", "G722"]),
        ("spa504g", "opus", ["G711u", "Unspecified", "Unspecified"]),
    ],
)
def test_codecs_stand_in_order_as_far_as_the_model_has_them(
    model: str, codecs: str, order: list[str]
) -> None:
    values = values_of(PROFILE, model, codecs=codecs)
    places = ("Preferred", "Second_Preferred", "Third_Preferred")
    assert [values[f"{place}_Codec_1_"] for place in places] == order
    assert values["G729a_Enable_1_"] == "No"


def test_proxy_brackets_an_ipv6_address() -> None:
    values = build.device_values(model_of(PROFILE, "cp8841"))
    server = build.ServerValues(
        address="2001:db8::5", sip_port=5060, http_port=8080, base=build.SERVER.base
    )
    text = build.render(
        PROFILE,
        rule_of(PROFILE, PROFILE.main),
        build.FileValues(
            server=server,
            prefs=values.prefs,
            tz=values.tz,
            model=values.model,
            device=values.device,
            lines=values.lines,
        ),
    )
    assert "<Proxy_1_>[2001:db8::5]:5060</Proxy_1_>" in text


@pytest.mark.parametrize(
    ("name", "zone", "rule"),
    [
        ("Europe/Berlin", "GMT+01:00", "start=3/-1/7/2:0:0;end=10/-1/7/3:0:0;save=1"),
        ("America/New_York", "GMT-05:00", "start=3/8/7/2:0:0;end=11/1/7/2:0:0;save=1"),
        ("Europe/Dublin", "GMT+00:00", "start=3/-1/7/1:0:0;end=10/-1/7/2:0:0;save=1"),
        ("Australia/Lord_Howe", "GMT+10:30", "start=10/1/7/2:0:0;end=4/1/7/2:0:0;save=0:30:0"),
        ("America/St_Johns", "GMT-03:30", "start=3/8/7/2:0:0;end=11/1/7/2:0:0;save=1"),
        ("Asia/Kathmandu", "GMT+05:45", ""),
        ("UTC", "GMT+00:00", ""),
    ],
)
def test_zone_and_summer_time(name: str, zone: str, rule: str) -> None:
    values = values_of(PROFILE, "cp8841", time_zone=name)
    assert values["Time_Zone"] == zone
    assert values["Daylight_Saving_Time_Rule"] == rule
    assert values["Daylight_Saving_Time_Enable"] == ("Yes" if rule else "No")


@pytest.mark.parametrize("name", ZONES)
def test_summer_time_begins_at_the_right_moment(name: str) -> None:
    zone = time_zone(name)
    rule = values_of(PROFILE, "cp8841", time_zone=name)["Daylight_Saving_Time_Rule"]
    assert bool(rule) == bool(zone.save_s)
    if not rule:
        return
    start, end, save = re.fullmatch(r"start=(.+);end=(.+);save=(.+)", rule).groups()
    hours, minutes, *_ = (*map(int, save.split(":")), 0)
    assert hours * 3600 + minutes * 60 == zone.save_s
    for text, switch in ((start, zone.start), (end, zone.end)):
        for year in range(2025, 2036):
            late = switch_of(year, switch) - as_the_phone_reads(text, year)
            # Egypt ends at 24:00 of the last Thursday, which has no other name than 23:59:59.
            assert late == timedelta(
                seconds=1 if name == "Africa/Cairo" and switch is zone.end else 0
            )


def as_the_phone_reads(text: str, year: int) -> datetime:
    """The weekday on or after a day, or, counted from the month's end, on or before it."""
    month, day, weekday, time = text.split("/")
    hours, minutes, seconds = map(int, time.split(":"))
    first = datetime(year, int(month), 1)  # noqa: DTZ001  # local time of any zone
    if int(day) > 0:
        found = first + timedelta(days=int(day) - 1)
        step = 1
    else:
        found = (first + timedelta(days=32)).replace(day=1) + timedelta(days=int(day))
        step = -1
    while found.isoweekday() != int(weekday):
        found += timedelta(days=step)
    return found + timedelta(hours=hours, minutes=minutes, seconds=seconds)


@pytest.mark.parametrize(
    ("agent", "model", "firmware", "mac"),
    [
        ("Cisco/SPA501G-7.4.4 (8843E157DDCC)(CBT141100HR)", "spa501g", "7.4.4", 0x8843E157DDCC),
        ("Cisco/SPA525G2-7.4.7 (CBT141900G7)", "spa525g2", "7.4.7", None),
        ("Cisco/SPA504G-7.5.5", "spa504g", "7.5.5", None),
        ("Cisco-CP-7832-3PCC/11.0.1 (00562b043615)", "cp7832", "11.0.1", 0x00562B043615),
        ("Cisco-CP-8841-3PCC/11.3.1_00562b043615_x", "cp8841", "11.3.1", 0x00562B043615),
    ],
)
def test_recorded_user_agents_are_read(
    agent: str, model: str, firmware: str, mac: int | None
) -> None:
    identity = identify(build.request("spa.cfg", agent), (PROFILE,))
    assert identity.agent_model is model_of(PROFILE, model)
    assert identity.firmware == firmware
    assert identity.mac == (Mac(mac) if mac else None)


@pytest.mark.parametrize(
    "agent",
    ["Linksys/SPA-942-6.1.5(a) (88019FA42805)", "CISCO/ATA191-MPP-11.1.0", "Cisco/SPA112-1.4.1"],
)
def test_other_devices_of_the_maker_are_known_by_name_only(agent: str) -> None:
    identity = identify(build.request("x", agent), (PROFILE,))
    assert identity.agent_vendor is PROFILE
    assert identity.agent_model is None


@pytest.mark.parametrize(
    ("file", "kind", "has_mac"),
    [
        ("00:0e:08:aa:bb:cc.cfg", FileKind.DEVICE, True),
        ("000E08AABBCC.xml", FileKind.DEVICE, True),
        ("spa000e08aabbcc.xml", FileKind.DEVICE, True),
        ("spa504G.cfg", FileKind.COMMON, False),
        ("CP-8841-3PCC.xml", FileKind.COMMON, False),
        ("SEP000E08AABBCC.cnf.xml", FileKind.FOREIGN, True),
        ("SEP000E08AABBCC.cnf.xml.sgn", FileKind.SIGNED, True),
        ("CTLSEP000E08AABBCC.tlv", FileKind.OPTIONAL, True),
        ("XMLDefault.cnf.xml", FileKind.OPTIONAL, False),
    ],
)
def test_files_are_what_the_phone_means(file: str, kind: FileKind, has_mac: bool) -> None:
    identity = identify(build.request(file), (PROFILE,))
    assert [match.rule.kind for match in identity.matches] == [kind]
    assert identity.mac == (Mac(0x000E08AABBCC) if has_mac else None)


@pytest.mark.parametrize("file", ["$MA.cfg", "000000000000.cfg", "spa.cfg", "8841.xml.bak"])
def test_strange_names_are_not_claimed(file: str) -> None:
    assert identify(build.request(file), (PROFILE,)).matches == ()
