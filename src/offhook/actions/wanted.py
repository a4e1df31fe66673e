"""A phone that somebody wants taken in, and the verdict on it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from offhook.core.model import Device, Extension
from offhook.errors import BadRequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLine:
    """An account as asked for, raw: `name` is for an extension that does not exist yet."""

    extension: str
    name: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A phone as asked for, raw; `row` is its line in a list.

    Without maker or model, what the phone told or its record has is taken.
    """

    row: int = 1
    mac_address: str
    vendor: str = ""
    model: str = ""
    lines: tuple[WantedLine, ...] = ()


class Fate(StrEnum):
    """What becomes of a row: it adds a phone, changes one, changes nothing, cannot be used."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdict on a row: the phone as it would be, extensions made for it, what is odd.

    `refusal` says why it cannot be used, when `fate` is wrong.
    """

    wanted: Wanted
    fate: Fate
    device: Device | None = None
    before: Device | None = None
    made: tuple[Extension, ...] = ()
    notes: tuple[str, ...] = ()
    refusal: BadRequestError | None = None


def mark(found: Sequence[Judged]) -> str:
    """Give a text that differs when any verdict does, or the record that a row would change."""
    told = hashlib.sha256()
    for it in found:
        since = it.before.updated_at.isoformat() if it.before else ""
        told.update(f"{it.fate.value} {len(it.made)} {since}\n".encode())
    return told.hexdigest()
