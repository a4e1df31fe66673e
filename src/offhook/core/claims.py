"""Which makers know a file name: every rule of every profile is asked, few of them one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from offhook.core.mac import MAC_IN_NAME, parse_mac
from offhook.core.vendor import FileRule, Model, VendorProfile

TAILS_KEPT = 1024

_NAMED_GROUP = re.compile(r"\(\?P<\w+>")
_MAC_FIRST = re.compile(MAC_IN_NAME, re.IGNORECASE)
_NOTHING = re.compile(r"(?!)")

Rule = tuple[VendorProfile, FileRule, re.Pattern[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMatch:
    """One maker's claim on the file name; `model` when the name tells it."""

    profile: VendorProfile
    rule: FileRule
    model: Model | None


Claims = tuple[tuple[FileMatch, ...], str]
"""The claims in the order of the makers' rules, and the MAC in the name as it is written."""


class FileNames:
    """The file names of all makers.

    Most rules are a MAC and what follows it. Whose name it is then depends on what follows alone,
    which a whole fleet has in common: it is found out once.
    """

    def __init__(self, profiles: Iterable[VendorProfile]) -> None:
        self._rules: list[Rule] = [
            (profile, rule, rule.pattern) for profile in profiles for rule in profile.files
        ]
        is_first = [item.pattern.startswith(MAC_IN_NAME) for _, _, item in self._rules]
        tails = [
            (profile, rule, re.compile(pattern.pattern[len(MAC_IN_NAME) :], pattern.flags))
            for (profile, rule, pattern), first in zip(self._rules, is_first, strict=True)
            if first
        ]
        self._of_tail = lru_cache(TAILS_KEPT)(lambda tail: tried(tail, tails)[0])
        self._others = _any_of(
            [it for (_, _, it), first in zip(self._rules, is_first, strict=True) if not first]
        )

    def claims(self, file: str) -> Claims:
        """Give what `tried` gives for all rules."""
        mac = _MAC_FIRST.match(file)
        if mac is None or self._others.fullmatch(file):
            return tried(file, self._rules)
        matches = self._of_tail(file[mac.end() :])
        written = mac.group()
        return matches, written if matches and parse_mac(written) else ""


def tried(name: str, rules: Sequence[Rule]) -> Claims:
    """Try each rule; of the MACs, the first that may be a phone's."""
    matches, written = [], ""
    for profile, rule, pattern in rules:
        found = pattern.fullmatch(name)
        if found is None:
            continue
        groups = found.groupdict()
        if not written and parse_mac(groups.get("mac") or ""):
            written = groups["mac"]
        model = profile.model(groups.get("model") or "")
        matches.append(FileMatch(profile=profile, rule=rule, model=model))
    return tuple(matches), written


def _any_of(patterns: Sequence[re.Pattern[str]]) -> re.Pattern[str]:
    """One pattern that matches what any of them does; they share their flags."""
    if not patterns:
        return _NOTHING
    texts = [f"(?:{_NAMED_GROUP.sub('(?:', item.pattern)})" for item in patterns]
    return re.compile("|".join(texts), patterns[0].flags)
