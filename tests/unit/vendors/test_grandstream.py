"""Grandstream: minutes, numbers by family, zone text, codecs, what its phones say."""

from __future__ import annotations

import pytest

from offhook.core.dialect import DialectError
from offhook.core.identify import identify
from offhook.core.mac import Mac
from offhook.core.timezone import parse_posix, time_zone
from offhook.core.vendor import FileKind
from offhook.vendors.grandstream import PROFILE
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

CODECS = ("P57", "P58", "P59", "P60", "P61", "P62", "P46", "P98")


@pytest.mark.parametrize(("seconds", "minutes"), [("60", "1"), ("61", "2"), ("3600", "60")])
def test_expiry_is_in_minutes_rounded_up(seconds: str, minutes: str) -> None:
    assert values_of(PROFILE, "gxp2170", register_expires_s=seconds)["P32"] == minutes


@pytest.mark.parametrize("file", ["{mac}.cfg", "{mac}.xml"])
def test_other_spellings_give_the_same_file(file: str) -> None:
    assert text_of(PROFILE, "gxp2170", file) == text_of(PROFILE, "gxp2170")


@pytest.mark.parametrize("model", ["gxp2170", "ht802", "ht818"])
def test_guide_finds_name_and_label(model: str) -> None:
    shown = "\n".join(shown_by_the_guide(text_of(PROFILE, model)))
    assert "Name 1" in shown
    assert "Label 1" in shown


def test_mac_element_is_exact_and_path_has_no_scheme() -> None:
    text = text_of(PROFILE, "gxp2170")
    assert f"<mac>{build.MAC.plain}</mac>" in text
    values = values_of(PROFILE, "gxp2170")
    assert values["P237"] == "192.168.1.14:8080/provision"
    assert values["P212"] == "1"


@pytest.mark.parametrize(
    ("model", "minutes", "mode", "newer", "period", "notify"),
    [
        ("grp2614", "1440", "1", None, "1440", "0"),
        ("grp2614", "30", "1", None, "60", "0"),
        ("grp2614", "0", "0", None, None, "0"),
        ("ht802", "1440", "3", "1", "1440", "1"),
        ("ht818", "0", "0", "0", None, "1"),
    ],
)
def test_schedule_and_notify_are_numbered_as_the_family_does(
    model: str, minutes: str, mode: str, newer: str | None, period: str | None, notify: str
) -> None:
    values = values_of(PROFILE, model, resync_minutes=minutes)
    assert values["P194"] == mode
    assert values.get("P22296") == newer
    assert values.get("P193") == period
    assert values["P4428"] == notify


def test_all_accounts_of_the_model_are_told() -> None:
    values = values_of(PROFILE, "gxp2160", lines=2)
    active = [values[key] for key in ("P271", "P401", "P501", "P601", "P1701", "P1801")]
    assert active == ["1", "1", "0", "0", "0", "0"]
    assert values["P404"] == "1002"
    assert values["P1806"] == ""


def test_second_port_has_its_own_numbers() -> None:
    values = values_of(PROFILE, "ht802", lines=2)
    assert (values["P735"], values["P703"], values["P747"]) == (
        "1002",
        "Name 2",
        f"{build.SERVER.address}:{build.SERVER.sip_port}",
    )
    assert "P404" not in values


def test_ports_of_one_profile_are_numbered_on() -> None:
    values = values_of(PROFILE, "ht814", lines=2)
    assert [values[f"P{4595 + n}"] for n in range(4)] == ["1", "1", "0", "0"]
    assert [values[f"P{4060 + n}"] for n in range(4)] == ["1001", "1002", "", ""]
    assert values["P4121"] == "secret-of-line-2-x"
    assert values["P4122"] == ""


@pytest.mark.parametrize(
    ("model", "codecs", "numbers"),
    [
        ("grp2614", "opus,g722,pcma", ["123", "9", "8", "8", "8", "8", "8", "8"]),
        ("gxp1625", "opus,g722,ilbc", ["9", "98", "98", "98", "98", "98", "98", "98"]),
        ("ht802", "g722,ilbc,pcmu", ["97", "0", "0", "0", "0", "0", "0", "0"]),
        ("ht802", "g722", ["0"] * 8),
    ],
)
def test_codecs_fill_all_choices_with_what_the_model_has(
    model: str, codecs: str, numbers: list[str]
) -> None:
    values = values_of(PROFILE, model, codecs=codecs)
    assert [values[key] for key in CODECS] == numbers


@pytest.mark.parametrize(
    ("dtmf", "desk", "adapter"),
    [
        ("inband", ["1", "0", "0"], ["100", "101", "102"]),
        ("rfc2833", ["0", "1", "0"], ["101", "102", "100"]),
        ("info", ["0", "0", "1"], ["102", "101", "100"]),
    ],
)
def test_dtmf_is_switched_on_phones_and_ordered_on_adapters(
    dtmf: str, desk: list[str], adapter: list[str]
) -> None:
    phone, port = values_of(PROFILE, "gxp2170", dtmf=dtmf), values_of(PROFILE, "ht802", dtmf=dtmf)
    assert [phone[key] for key in ("P2301", "P2302", "P2303")] == desk
    assert [port[key] for key in ("P850", "P851", "P852")] == adapter


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Europe/Berlin", "STD-1DST-2,M3.5.0/02:00:00,M10.5.0/03:00:00"),
        ("America/St_Johns", "STD+3:30DST+2:30,M3.2.0/02:00:00,M11.1.0/02:00:00"),
        ("Asia/Kolkata", "STD-5:30"),
        ("UTC", "STD0"),
    ],
)
def test_zone_is_told_in_full(name: str, text: str) -> None:
    values = values_of(PROFILE, "gxp2170", time_zone=name)
    assert (values["P64"], values["P246"]) == (text, text)


@pytest.mark.parametrize("name", ZONES)
def test_zone_text_means_the_same_zone(name: str) -> None:
    zone = time_zone(name)
    told = parse_posix(name, values_of(PROFILE, "gxp2170", time_zone=name)["P64"])
    assert (told.offset_s, told.save_s) == (zone.offset_s, zone.save_s)
    for ours, theirs in ((zone.start, told.start), (zone.end, told.end)):
        if ours is None:
            assert theirs is None
            continue
        assert 0 <= theirs.at_s < 86400
        late = abs((switch_of(2026, ours) - switch_of(2026, theirs)).total_seconds())
        # Another day's hour is held within the day: Gaza is the farthest, a day and two hours.
        assert late == 0 if 0 <= ours.at_s < 86400 else late <= 27 * 3600


def test_alias_is_refused_where_the_file_has_numbers() -> None:
    rule = rule_of(PROFILE, PROFILE.main)
    assert rule.dialect is not None
    with pytest.raises(DialectError, match="aliases"):
        rule.dialect.apply(text_of(PROFILE, "grp2614"), {"account.1.sip.userid": "1"})


@pytest.mark.parametrize("file", ["cfg{code}.xml", "cfg.xml"])
def test_common_files_only_tell_the_server(file: str) -> None:
    values = build.parse(rule_of(PROFILE, file), text_of(PROFILE, "grp2614", file))
    assert values == {"P212": "1", "P237": "192.168.1.14:8080/provision"}


@pytest.mark.parametrize(
    ("agent", "model", "firmware"),
    [
        (
            "Grandstream Model HW GRP2614 SW 1.0.5.15 DevId c074ad0b63ee",
            "grp2614",
            "1.0.5.15",
        ),
        (
            "Grandstream Model HW HT802V2 V1.0A SW 1.0.5.4 DevId c074ad0b63ee",
            "ht802",
            "1.0.5.4",
        ),
        ("Grandstream Model HW GXV3350  V1.3A SW 1.0.1.8 DevId c074ad0b63ee", None, "1.0.1.8"),
        (
            "Grandstream GXP2000 (gxp2000e.bin:1.2.5.3/boot55e.bin:1.1.6.9) DevId c074ad0b63ee",
            None,
            "1.2.5.3",
        ),
        ("Grandstream GXP2170 1.0.9.89", "gxp2170", "1.0.9.89"),
        ("Grandstream HT801 1.0.17.5", "ht801", "1.0.17.5"),
    ],
)
def test_recorded_user_agents_are_read(agent: str, model: str | None, firmware: str) -> None:
    identity = identify(build.request("cfg.xml", agent), (PROFILE,))
    assert identity.agent_vendor is PROFILE
    assert identity.agent_model is (model_of(PROFILE, model) if model else None)
    assert identity.firmware == firmware
    assert identity.mac == (Mac(0xC074AD0B63EE) if "DevId" in agent else None)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("cfg000b8240d55c", FileKind.OPTIONAL),
        ("cfg000b8240d55c.bin", FileKind.OPTIONAL),
        ("cfg000b8240d55c.xml", FileKind.DEVICE),
        ("CFG000B8240D55C.XML", FileKind.DEVICE),
        ("00-0B-82-40-D5-5C.cfg", FileKind.DEVICE),
        ("cfggrp2614.xml", FileKind.COMMON),
        ("cfght802v2.xml", FileKind.COMMON),
        ("cfg.xml", FileKind.COMMON),
        ("gxp2130fw.bin", FileKind.OPTIONAL),
    ],
)
def test_files_are_what_the_phone_means(file: str, kind: FileKind) -> None:
    identity = identify(build.request(f"$mac.cfg/{file}"), (PROFILE,))
    assert [match.rule.kind for match in identity.matches] == [kind]
    if "D55C" in file.upper().replace("-", ""):
        assert identity.mac == Mac(0x000B8240D55C)


@pytest.mark.parametrize("file", ["$mac.cfg", "cfg000000000000.xml", "cfgyealink.xml"])
def test_strange_names_are_not_claimed(file: str) -> None:
    assert identify(build.request(file), (PROFILE,)).matches == ()
