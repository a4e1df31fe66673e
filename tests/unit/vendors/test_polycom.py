"""Poly: master file, comment guard, twins, polling, summer time, what its phones say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.core.identify import identify
from offhook.core.mac import Mac
from offhook.core.timezone import time_zone
from offhook.core.vendor import FileKind
from offhook.vendors.polycom import PROFILE
from tests.contract import build
from tests.unit.vendors.reading import (
    ZONES,
    model_of,
    moment_of,
    rule_of,
    shown_by_the_guide,
    switch_of,
    text_of,
    values_of,
)

DST = "tcpIpApp.sntp.daylightSavings"


def test_master_file_names_the_parameter_file_of_the_same_phone() -> None:
    master = build.parse(rule_of(PROFILE, "{mac}.cfg"), text_of(PROFILE, "vvx450", "{mac}.cfg"))
    assert master.pop("CONFIG_FILES") == f"{build.MAC.plain}-reg.cfg"
    assert set(master.values()) == {""}


def test_common_master_lets_the_phone_fill_in_its_mac() -> None:
    text = text_of(PROFILE, "vvx450", "000000000000.cfg")
    master = build.parse(rule_of(PROFILE, "000000000000.cfg"), text)
    assert master["CONFIG_FILES"] == "[PHONE_MAC_ADDRESS]-reg.cfg"


@pytest.mark.parametrize("file", ["{mac}.cfg", "{mac}-reg.cfg"])
def test_guide_finds_name_and_label_in_both_files(file: str) -> None:
    shown = "\n".join(shown_by_the_guide(text_of(PROFILE, "vvx450", file)))
    assert "Name 1" in shown
    assert "Label 1" in shown


@given(name=st.text(st.sampled_from("-><!a &"), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_no_name_ends_the_comment_of_the_master_file(name: str) -> None:
    text = text_of(PROFILE, "vvx450", "{mac}.cfg", lines=build.lines_of(1, [name]))
    master = build.parse(rule_of(PROFILE, "{mac}.cfg"), text)
    assert master["CONFIG_FILES"] == f"{build.MAC.plain}-reg.cfg"
    comments = shown_by_the_guide(text)
    assert [comment.count("--") for comment in comments] == [2, 2]
    assert comments[0].replace(" ", "").startswith("<!--displayname:")


def test_hyphenated_name_is_shown_as_it_is() -> None:
    text = text_of(PROFILE, "vvx450", "{mac}.cfg", lines=build.lines_of(1, ["Jean-Luc"]))
    assert "<!-- display name: Jean-Luc -->" in text


def test_every_device_parameter_has_its_twin() -> None:
    values = values_of(PROFILE, "vvx450")
    own = [key for key in values if key.startswith("device.") and not key.endswith(".set")]
    assert own
    assert values["device.set"] == "1"
    assert all(values[f"{key}.set"] == "1" for key in own)


def test_check_sync_always_restarts_and_comes_from_the_server_only() -> None:
    values = values_of(PROFILE, "vvx450")
    assert values["voIpProt.SIP.specialEvent.checkSync.alwaysReboot"] == "1"
    assert values["voIpProt.SIP.requestValidation.1.request"] == "NOTIFY"
    assert values["voIpProt.SIP.requestValidation.1.method"] == "source"


def test_unused_lines_have_no_address_and_no_secret() -> None:
    values = values_of(PROFILE, "vvx250", lines=2)
    assert [values[f"reg.{n}.address"] for n in range(1, 5)] == ["1001", "1002", "", ""]
    assert values["reg.4.auth.password"] == ""
    assert "reg.5.address" not in values


@pytest.mark.parametrize(
    ("minutes", "enabled", "period"), [("0", "0", None), ("30", "1", "3601"), ("120", "1", "7200")]
)
def test_polling_is_never_below_the_phones_hour(
    minutes: str, enabled: str, period: str | None
) -> None:
    values = values_of(PROFILE, "vvx450", resync_minutes=minutes)
    assert values["prov.polling.enabled"] == enabled
    assert values.get("prov.polling.period") == period


def test_codecs_are_ranked_and_the_others_off() -> None:
    values = values_of(PROFILE, "vvx450", codecs="opus,pcma")
    ranks = {key: value for key, value in values.items() if key.startswith("voice.codecPref.")}
    assert {key.split(".", 2)[2]: rank for key, rank in ranks.items() if rank != "0"} == {
        "Opus": "1",
        "G711_A": "2",
    }


@pytest.mark.parametrize(
    ("dtmf", "via_rtp", "control", "info"),
    [("rfc2833", "1", "1", "0"), ("info", "0", "0", "1"), ("inband", "1", "0", "0")],
)
def test_dtmf_goes_one_way(dtmf: str, via_rtp: str, control: str, info: str) -> None:
    values = values_of(PROFILE, "vvx450", dtmf=dtmf)
    assert values["tone.dtmf.viaRtp"] == via_rtp
    assert values["tone.dtmf.rfc2833Control"] == control
    assert values["voIpProt.SIP.dtmfViaSignaling.rfc2976"] == info


def test_summer_time_of_new_york() -> None:
    values = values_of(PROFILE, "vvx450", time_zone="America/New_York")
    start = {key: values[f"{DST}.start.{key}"] for key in ("month", "date", "dayOfWeek", "time")}
    assert start == {"month": "3", "date": "8", "dayOfWeek": "1", "time": "2"}
    assert values[f"{DST}.start.dayOfWeek.lastInMonth"] == "0"
    assert values["tcpIpApp.sntp.gmtOffset"] == "-18000"


@pytest.mark.parametrize("name", ["Asia/Kolkata", "Australia/Lord_Howe"])
def test_summer_time_is_off_where_there_is_none_or_none_of_an_hour(name: str) -> None:
    values = values_of(PROFILE, "vvx450", time_zone=name)
    assert values[f"{DST}.enable"] == "0"
    assert f"{DST}.start.month" not in values


@pytest.mark.parametrize("name", ZONES)
def test_summer_time_begins_on_the_right_day(name: str) -> None:
    zone = time_zone(name)
    values = values_of(PROFILE, "vvx450", time_zone=name)
    assert values["tcpIpApp.sntp.gmtOffset"] == str(zone.offset_s)
    if zone.save_s != 3600:
        return
    for side, switch in (("start", zone.start), ("stop", zone.end)):
        read = {
            key: int(values[f"{DST}.{side}.{key}"])
            for key in ("month", "date", "dayOfWeek", "time", "dayOfWeek.lastInMonth")
        }
        week = 5 if read["dayOfWeek.lastInMonth"] else (read["date"] - 1) // 7 + 1
        for year in range(2025, 2036):
            told = moment_of(year, read["month"], week, read["dayOfWeek"] - 1, read["time"] * 3600)
            # Another day's hour is held within the day: Gaza is the farthest, a day and two hours.
            assert abs((told - switch_of(year, switch)).total_seconds()) <= 27 * 3600
            if switch and 0 <= switch.at_s < 86400:
                assert told.date() == switch_of(year, switch).date()


@pytest.mark.parametrize(
    ("agent", "model", "firmware"),
    [
        ("FileTransport PolycomSoundPointIP-SPIP_335-UA/3.2.1.0078", "spip335", "3.2.1.0078"),
        (
            "FileTransport PolycomSoundStationIP-SSIP_6000-UA/5.0.3.1667 Type/Updater",
            "ssip6000",
            "5.0.3.1667",
        ),
        (
            "FileTransport PolycomVVX-VVX_400-UA/4.1.4.7430 Type/Application",
            "vvx400",
            "4.1.4.7430",
        ),
        ("FileTransport PolyEdge-Edge_E450-UA/8.1.2.10 Type/Application", "edgee450", "8.1.2.10"),
        ("PolycomVVX-VVX_410-UA/5.9.0.9373", "vvx410", "5.9.0.9373"),
        ("PolycomSoundPointIP-SPIP_331-UA/3.3.5.0247", "spip331", "3.3.5.0247"),
    ],
)
def test_recorded_user_agents_are_read(agent: str, model: str, firmware: str) -> None:
    identity = identify(build.request("sip.ld", agent), (PROFILE,))
    assert identity.agent_model is model_of(PROFILE, model)
    assert identity.firmware == firmware
    assert identity.mac is None


@pytest.mark.parametrize(
    "agent",
    [
        "PolycomVVX-VVX_410-UA/5.9.0.9373_0004f2aabbcc",
        "FileTransport PolycomVVX-VVX_410-UA/5.9.0.9373 (SN:0004F2AABBCC) Type/Application",
    ],
)
def test_tagged_user_agent_names_the_mac(agent: str) -> None:
    identity = identify(build.request("sip.ld", agent), (PROFILE,))
    assert identity.mac == Mac(0x0004F2AABBCC)
    assert identity.agent_model is model_of(PROFILE, "vvx410")


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("0004f2aabbcc-reg.cfg", FileKind.DEVICE),
        ("0004F2AABBCC-phone.cfg", FileKind.UPLOAD),
        ("0004f2aabbcc-app.log", FileKind.UPLOAD),
        ("0004f2aabbcc-calls.xml", FileKind.UPLOAD),
        ("0004f2aabbcc-user.cfg", FileKind.OPTIONAL),
        ("000000000000-license.cfg", FileKind.OPTIONAL),
        ("000000000000.cfg", FileKind.COMMON),
        ("2345-12600-001.sip.ld", FileKind.OPTIONAL),
        ("SoundPointIP-dictionary.xml", FileKind.OPTIONAL),
    ],
)
def test_files_are_what_the_phone_means(file: str, kind: FileKind) -> None:
    matches = identify(build.request(file), (PROFILE,)).matches
    assert [match.rule.kind for match in matches] == [kind]


@pytest.mark.parametrize("file", ["$mac.cfg", "000000000000-reg.cfg", "0004f2aabbcc-reg.cfg.bak"])
def test_strange_names_are_not_claimed(file: str) -> None:
    assert identify(build.request(file), (PROFILE,)).matches == ()
