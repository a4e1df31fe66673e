"""Time zones as phones want them: an offset, and the rule by which summer time begins and ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from offhook.core.zones import ZONES_BY_RULE

_NAME = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+\-]+>)"
_TIME = r"[+\-]?\d{1,3}(?::\d{2}){0,2}"
_POSIX = re.compile(
    rf"{_NAME}(?P<offset>{_TIME})(?:{_NAME}(?P<summer>{_TIME})?,(?P<start>[^,]+),(?P<end>[^,]+))?\Z"
)
_SWITCH = re.compile(rf"M(?P<month>\d+)\.(?P<week>\d)\.(?P<weekday>\d)(?:/(?P<time>{_TIME}))?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A moment of the year: weekday (0 Sunday) of week 1..5 (5 = last) of a month, local seconds.

    `at_s` may lie outside 0..86399, as in `M3.4.4/26`.
    """

    month: int
    week: int
    weekday: int
    at_s: int

    @property
    def hour(self) -> int:
        """The whole hour of that day, for phones that know no other: held within 0..23.

        Off by some hours where the rule says another day's hour (`M3.4.4/26`), never by a day more
        than the rule itself.
        """
        return min(max(self.at_s // 3600, 0), 23)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeZone:
    """A zone: `offset_s` east of UTC without summer time, `save_s` added in summer, 0 for none.

    `save_s` is never negative; `start` and `end` are there when it is not 0.
    """

    name: str
    rule: str
    offset_s: int
    save_s: int = 0
    start: Switch | None = None
    end: Switch | None = None


@cache
def _rule_of() -> dict[str, str]:
    return {zone: rule for rule, zones in ZONES_BY_RULE.items() for zone in zones.split()}


def is_zone(name: str) -> bool:
    """True for an IANA zone name we know."""
    return name in _rule_of()


@cache
def time_zone(name: str) -> TimeZone:
    """Give the zone of an IANA name. Raises KeyError for an unknown one."""
    return parse_posix(name, _rule_of()[name])


def parse_posix(name: str, rule: str) -> TimeZone:
    """Read a POSIX TZ rule such as `CET-1CEST,M3.5.0,M10.5.0/3` (IEEE 1003.1 §8.3)."""
    found = _POSIX.match(rule)
    if not found:
        raise ValueError(f"no POSIX time zone {rule!r}")
    offset = -_seconds(found["offset"])
    if not found["start"]:
        return TimeZone(name=name, rule=rule, offset_s=offset)
    summer = -_seconds(found["summer"]) if found["summer"] else offset + 3600
    start, end = _switch(found["start"]), _switch(found["end"])
    if summer < offset:
        # Ireland's law calls winter the exception (`IST-1GMT0`); phones only know summer time.
        offset, summer, start, end = summer, offset, end, start
    return TimeZone(
        name=name, rule=rule, offset_s=offset, save_s=summer - offset, start=start, end=end
    )


def _switch(text: str) -> Switch:
    found = _SWITCH.match(text)
    if not found:
        raise ValueError(f"no POSIX change of time {text!r}")
    return Switch(
        month=int(found["month"]),
        week=int(found["week"]),
        weekday=int(found["weekday"]),
        at_s=_seconds(found["time"] or "2"),
    )


def _seconds(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")]
    parts += [0] * (3 - len(parts))
    return sign * (parts[0] * 3600 + parts[1] * 60 + parts[2])
