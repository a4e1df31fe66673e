"""TimeZone: POSIX rules, and the table of IANA zones against tzdata."""

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.timezone import Switch, TimeZone, is_zone, parse_posix, time_zone
from offhook.core.zones import ZONES_BY_RULE

HOUR = 3600


def test_table_is_what_tzdata_says() -> None:
    root = resources.files("tzdata")
    rules: dict[str, str] = {}
    for name in root.joinpath("zones").read_text(encoding="ascii").split():
        data = root.joinpath("zoneinfo", *name.split("/")).read_bytes()
        rules[name] = data.rstrip(b"\n").rpartition(b"\n")[2].decode("ascii")
    assert rules == {zone: rule for rule, zones in ZONES_BY_RULE.items() for zone in zones.split()}


def test_every_zone_is_one_phones_can_follow() -> None:
    for zones in ZONES_BY_RULE.values():
        for name in zones.split():
            zone = time_zone(name)
            assert is_zone(name)
            assert -12 * HOUR <= zone.offset_s <= 14 * HOUR
            assert zone.offset_s % 60 == 0
            assert 0 <= zone.save_s <= 2 * HOUR
            assert (zone.save_s == 0) == (zone.start is None) == (zone.end is None)
            for switch in (zone.start, zone.end):
                if switch is not None:
                    assert 1 <= switch.month <= 12
                    assert 1 <= switch.week <= 5
                    assert 0 <= switch.weekday <= 6
                    assert 0 <= switch.hour <= 23


def test_reads_summer_time_of_the_north() -> None:
    assert time_zone("Europe/Berlin") == TimeZone(
        name="Europe/Berlin",
        rule="CET-1CEST,M3.5.0,M10.5.0/3",
        offset_s=HOUR,
        save_s=HOUR,
        start=Switch(month=3, week=5, weekday=0, at_s=2 * HOUR),
        end=Switch(month=10, week=5, weekday=0, at_s=3 * HOUR),
    )


def test_reads_summer_time_over_new_year() -> None:
    zone = time_zone("Australia/Adelaide")
    assert zone.offset_s == 9 * HOUR + 1800
    assert zone.start == Switch(month=10, week=1, weekday=0, at_s=2 * HOUR)
    assert zone.end == Switch(month=4, week=1, weekday=0, at_s=3 * HOUR)


@pytest.mark.parametrize(
    ("name", "offset_s"),
    [
        ("UTC", 0),
        ("Asia/Kolkata", 5 * HOUR + 1800),
        ("Asia/Kathmandu", 5 * HOUR + 2700),
        ("America/Phoenix", -7 * HOUR),
        ("Asia/Tehran", 3 * HOUR + 1800),
    ],
)
def test_reads_zones_without_summer_time(name: str, offset_s: int) -> None:
    zone = time_zone(name)
    assert (zone.offset_s, zone.save_s, zone.start, zone.end) == (offset_s, 0, None, None)


def test_half_an_hour_may_be_saved() -> None:
    zone = time_zone("Australia/Lord_Howe")
    assert (zone.offset_s, zone.save_s) == (10 * HOUR + 1800, 1800)


def test_winter_that_is_the_exception_by_law_becomes_summer_time() -> None:
    dublin, london = time_zone("Europe/Dublin"), time_zone("Europe/London")
    assert (dublin.offset_s, dublin.save_s) == (london.offset_s, london.save_s) == (0, HOUR)
    assert (dublin.start, dublin.end) == (london.start, london.end)


@pytest.mark.parametrize(
    ("at_s", "hour"), [(-HOUR, 0), (0, 0), (2 * HOUR + 2700, 2), (24 * HOUR, 23), (50 * HOUR, 23)]
)
def test_hour_stays_within_the_day(at_s: int, hour: int) -> None:
    assert Switch(month=3, week=5, weekday=0, at_s=at_s).hour == hour


def test_knows_no_zone_that_is_none() -> None:
    assert not is_zone("Mars/Olympus")
    with pytest.raises(KeyError):
        time_zone("Mars/Olympus")


@pytest.mark.parametrize(
    "rule", ["", "CET", "CET-1CEST", "CET-1CEST,J60,J300", "C-1", "CET-1CEST,M3.5.0", "<+1>-1x"]
)
def test_refuses_rules_it_cannot_follow(rule: str) -> None:
    with pytest.raises(ValueError, match="no POSIX"):
        parse_posix("x", rule)


@given(st.text("CETS<>+-0123456789:,./MJ", max_size=30))
def test_any_rule_is_a_zone_or_a_value_error(rule: str) -> None:
    try:
        zone = parse_posix("x", rule)
    except ValueError:
        return
    assert zone.save_s >= 0
