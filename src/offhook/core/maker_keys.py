"""What is known of a maker's own keys: their class, new names, limits, and the dangerous ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from offhook.core.secret import is_secret_key

Firmware = tuple[int, ...]


class KeyClass(StrEnum):
    """What a change of a key touches: the phone's way to us, a password, a taste, the rest."""

    NETWORK = "network"
    SECRET = "secret"  # noqa: S105 - the name of a class, not a secret
    PREFERENCE = "preference"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenamedKey:
    """A key that some phones no longer know, or never knew, under this name.

    `old` matches the whole key; `new` is expanded from its groups, empty when there is no other.
    It is unknown on the model families of `families` whatever their firmware, and on any phone
    whose firmware is `since` or newer (counted from `MakerKeys.firmware_from`); with neither, on
    all. `is_prefix` tells that only a prefix is missing, `is_twin` that `new` must stand beside it.
    """

    old: re.Pattern[str]
    new: str = ""
    since: Firmware = ()
    families: frozenset[str] = frozenset()
    is_prefix: bool = False
    is_twin: bool = False

    @property
    def is_always(self) -> bool:
        """No phone of the maker knows it."""
        return not self.since and not self.families


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTrap:
    """A key and value that are known to lose phones: `fault` is the name of the fault.

    `without` is expanded from the key's groups to a key; where it has a value, there is no trap.
    """

    fault: str
    key: re.Pattern[str]
    value: re.Pattern[str]
    without: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimit:
    """Numbered keys (group `n`): the model has as many as its `lines` or `line_keys`, or all models
    have `most`. Values of `off` count as not there, models in `doubtful` are not counted."""

    key: re.Pattern[str]
    of: str = ""
    most: int = 0
    doubtful: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset({"", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DtmfKey:
    """A key that says how digits are sent: the values that fit each neutral mode."""

    key: re.Pattern[str]
    fits: Mapping[str, frozenset[str]]
    families: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerKeys:
    """A maker's keys as patterns of whole keys. What no pattern knows is of class `other`.

    `own_mac` finds, in a file's text, a MAC (group 1) that must be the phone's own.
    `firmware_from` is the place in a firmware's number where its generation begins. `ended` are
    model families that get no firmware new enough for any `since`.
    """

    network: re.Pattern[str] | None = None
    secret: re.Pattern[str] | None = None
    preference: re.Pattern[str] | None = None
    renamed: tuple[RenamedKey, ...] = ()
    traps: tuple[KeyTrap, ...] = ()
    limits: tuple[KeyLimit, ...] = ()
    dtmf: tuple[DtmfKey, ...] = ()
    own_mac: re.Pattern[str] | None = None
    firmware_from: int = 0
    ended: frozenset[str] = frozenset()

    def classify(self, key: str) -> KeyClass:
        """Tell the class of a key."""
        if is_secret_key(key) or _is(self.secret, key):
            return KeyClass.SECRET
        if _is(self.network, key):
            return KeyClass.NETWORK
        return KeyClass.PREFERENCE if _is(self.preference, key) else KeyClass.OTHER

    def generation(self, firmware: str) -> Firmware:
        """Read a firmware's generation: `66.86.0.15` to (86, 0, 15); empty when unreadable."""
        numbers = takewhile(re.compile("[0-9]+").fullmatch, re.split(r"[.\-]", firmware))
        return tuple(int(number[:9]) for number in numbers)[self.firmware_from :]


def _is(pattern: re.Pattern[str] | None, key: str) -> bool:
    return pattern is not None and pattern.fullmatch(key) is not None
