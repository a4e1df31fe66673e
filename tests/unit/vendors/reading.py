"""What the tests of single makers share: files of one device, and moments of a year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from offhook.core.file_values import LineValues
from offhook.core.preferences import Preferences, merged
from offhook.core.timezone import Switch
from offhook.core.vendor import FileRule, Model, VendorProfile
from offhook.core.zones import ZONES_BY_RULE
from tests.contract import build

ZONES = tuple(zones.split()[0] for zones in ZONES_BY_RULE.values())
"""One zone for each rule of time there is."""


def model_of(profile: VendorProfile, name: str) -> Model:
    model = profile.model(name)
    assert model is not None
    return model


def rule_of(profile: VendorProfile, name: str) -> FileRule:
    return next(rule for rule in profile.files if rule.name == name)


def text_of(
    profile: VendorProfile,
    model: str,
    file: str = "",
    *,
    lines: int | Sequence[LineValues] = 1,
    **prefs: str,
) -> str:
    """Render a file (the main one when unnamed) with neutral settings as text."""
    values = build.device_values(
        model_of(profile, model), lines=lines, prefs=merged(Preferences(), prefs)
    )
    return build.render(profile, rule_of(profile, file or profile.main), values)


def values_of(
    profile: VendorProfile, model: str, *, lines: int | Sequence[LineValues] = 1, **prefs: str
) -> dict[str, str]:
    """The main file as the phone reads it."""
    rule = rule_of(profile, profile.main)
    return build.parse(rule, text_of(profile, model, lines=lines, **prefs))


def shown_by_the_guide(text: str) -> list[str]:
    """What `grep -i "display\\|label"` leaves of a file."""
    return [
        line for line in text.splitlines() if "display" in line.lower() or "label" in line.lower()
    ]


def moment_of(year: int, month: int, week: int, weekday: int, at_s: int) -> datetime:
    """The local moment of a week's weekday (0 Sunday; week 5 is the last) in a year."""
    first = datetime(year, month, 1)  # noqa: DTZ001  # local time of any zone
    days = (weekday - (first.weekday() + 1) % 7) % 7 + 7 * (week - 1)
    day = first + timedelta(days=days)
    if day.month != month:
        day -= timedelta(days=7)
    return day + timedelta(seconds=at_s)


def switch_of(year: int, switch: Switch | None) -> datetime:
    assert switch is not None
    return moment_of(year, switch.month, switch.week, switch.weekday, switch.at_s)
