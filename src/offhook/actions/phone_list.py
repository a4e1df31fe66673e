"""The list of phones: search, filter, sort and page without looking at the whole fleet twice.

What only changes with the inventory (names, numbers, the text that is searched, the orders by them)
is kept until it changes; what phones do (contact, firmware, verdict) is looked up.
"""

from __future__ import annotations

import asyncio
import re
import time
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from offhook.actions.fleet import AT_ONCE, Fleet, Judged
from offhook.actions.state import State
from offhook.core.events import Changed, Event
from offhook.core.mac import Mac, parse_mac
from offhook.core.model import Device, Extension, Sighting
from offhook.diagnosis.finding import Finding, Severity
from offhook.diagnosis.verdict import LADDER

STANDINGS = ("needs_you", "on_the_way", "right", "unjudged")
SORTS = ("extension", "name", "mac", "model", "firmware", "contact", "standing")
PAGE = 40

_NEVER = datetime.min.replace(tzinfo=UTC)
_SEPARATORS = re.compile(r"[:\-.\s]")
_HEX = re.compile(r"[0-9a-f:\-.]+\Z")
_LABEL_END = 6
_FEW = 500
_MOMENT_S = 5.0
_SEVERITIES = {severity: rank for rank, severity in enumerate(Severity)}
_STAGES = {stage: rank for rank, stage in enumerate(LADDER)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneQuery:
    """Which phones, in which order. Empty texts choose all; `model` is `vendor/model`.

    `text` are words that must all be found in MAC (any notation, or part of it), names, numbers,
    labels, maker, model or address.
    """

    text: str = ""
    standing: str = ""
    stage: str = ""
    vendor: str = ""
    model: str = ""
    problem: str = ""
    sort: str = "extension"
    is_descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What can be filtered by, with how many phones each has: standings, makers, models, faults."""

    standings: Mapping[str, int]
    vendors: Mapping[str, int]
    models: Mapping[str, int]
    problems: Mapping[str, int]


@dataclass(slots=True, eq=False)
class _Row:
    mac: Mac
    device: Device
    vendor: str
    model: str
    text: str
    number: str
    name: str


@dataclass(slots=True)
class PhoneList:
    """Answers queries from the inventory in memory and the verdicts that `Fleet` keeps.

    Hand `on_event` every event: it says whose rows have to be made anew.
    """

    state: State
    fleet: Fleet
    clock: Callable[[], float] = time.monotonic
    _rows: dict[Mac, _Row] = field(default_factory=dict)
    _orders: dict[str, list[_Row]] = field(default_factory=dict)
    _lately: dict[str, tuple[float, list[_Row]]] = field(default_factory=dict)
    _counted: tuple[float, Choices | None] = (0.0, None)
    _changed: set[Mac] = field(default_factory=set)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    def on_event(self, event: Event) -> None:
        """Note which rows are not true any more."""
        if not isinstance(event, Changed):
            return
        subject = event.change.subject
        if event.change.noun == "device":
            mac = parse_mac(subject)
            self._changed.update({mac} if mac else ())
        elif event.change.noun == "extension":
            self._changed.update(device.mac for device in self.state.devices_of(subject))

    def forget_all(self) -> None:
        """Make all rows anew when they are needed next."""
        self._changed.update(self.state.devices)
        self._rows.clear()

    async def find(self, query: PhoneQuery) -> list[Device]:
        """Give all that match, in order. It is looked for in a thread: phones are served."""
        async with self._making:
            if len(self.state.devices) <= AT_ONCE and (query.standing or query.problem):
                await self.fleet.look_at(tuple(self.state.devices))
            await self._refresh()
            return await asyncio.to_thread(self._found, query)

    async def choices(self) -> Choices:
        """Count what can be filtered by; of a large fleet the counts are kept for a moment."""
        async with self._making:
            await self._refresh()
            at, kept = self._counted
            if kept and len(self._rows) > AT_ONCE and self.clock() - at < _MOMENT_S:
                return kept
            found = await asyncio.to_thread(self._choices)
            self._counted = (self.clock(), found)
            return found

    # --- what is kept --------------------------------------------------------------------------

    async def _refresh(self) -> None:
        changed = set(self._changed)
        self._changed.clear()
        if changed and len(changed) <= _FEW and self._rows:
            self._replace(changed)
        if len(self._rows) != len(self.state.devices) or len(changed) > _FEW:
            everything = list(self.state.devices.values())
            await asyncio.to_thread(self._make, everything)

    def _make(self, devices: Sequence[Device]) -> None:
        numbers = self.state.extensions
        self._rows = {device.mac: _row(device, numbers) for device in devices}
        self._orders.clear()
        self._lately.clear()

    def _replace(self, macs: Collection[Mac]) -> None:
        """Put some rows in their new places: the rest of each order stays as it is."""
        self._lately.clear()
        for mac in macs:
            old, device = self._rows.pop(mac, None), self.state.devices.get(mac)
            new = _row(device, self.state.extensions) if device else None
            if new is not None:
                self._rows[mac] = new
            for name, order in self._orders.items():
                key = _KEPT[name]
                if old is not None:
                    del order[bisect_left(order, key(old), key=key)]
                if new is not None:
                    insort(order, new, key=key)

    def _ordered(self, name: str) -> list[_Row]:
        """All rows by what only the inventory changes."""
        if name not in self._orders:
            self._orders[name] = sorted(self._rows.values(), key=_KEPT[name])
        return self._orders[name]

    def _sorted(self, name: str, rows: list[_Row]) -> list[_Row]:
        """Rows by what phones do; of a large fleet the order is kept for a moment."""
        is_everything = rows and len(rows) == len(self._rows) > AT_ONCE
        at, kept = self._lately.get(name, (0.0, []))
        if is_everything and kept and self.clock() - at < _MOMENT_S:
            return kept
        seen, judged = self.state.sightings, self.fleet.judged()
        keys: dict[str, Callable[[_Row], Any]] = {
            "contact": lambda row: _contact(seen.get(row.mac)),
            "firmware": lambda row: _firmware(seen.get(row.mac)),
            "standing": lambda row: _rank(judged.get(row.mac)),
        }
        found = sorted(rows, key=keys[name])
        if is_everything:
            self._lately[name] = (self.clock(), found)
        return found

    # --- queries -------------------------------------------------------------------------------

    def _found(self, query: PhoneQuery) -> list[Device]:
        mac = _exact(query.text)
        if mac is not None:
            judged = self.fleet.judged().get(mac)
            is_wanted = _is_asked_nothing(query) or (judged and _is_so(judged, query))
            rows = [self._rows[mac]] if mac in self._rows and is_wanted else []
        else:
            rows = self._standing_so(query)
        if query.model:
            rows = [row for row in rows if row.model == query.model]
        elif query.vendor:
            rows = [row for row in rows if row.vendor == query.vendor]
        if mac is None and query.text:
            rows = self._searched(rows, query.text)
        if query.sort in SORTS and query.sort not in _KEPT:
            rows = self._sorted(query.sort, rows)
        found = [row.device for row in rows]
        return found[::-1] if query.is_descending else found

    def _standing_so(self, query: PhoneQuery) -> list[_Row]:
        """Rows whose verdict fits, in a kept order. When few do, only those are looked at."""
        name = query.sort if query.sort in _KEPT else SORTS[0]
        if _is_asked_nothing(query):
            return self._ordered(name)
        judged = dict(self.fleet.judged())  # others go on judging meanwhile
        if query.standing == "unjudged":
            rows = [row for mac, row in self._rows.items() if mac not in judged]
        else:
            chosen = [mac for mac, found in judged.items() if _is_so(found, query)]
            rows = [row for mac in chosen if (row := self._rows.get(mac)) is not None]
        if 2 * len(rows) < len(self._rows):
            return sorted(rows, key=_KEPT[name])
        wanted = {id(row) for row in rows}
        return [row for row in self._ordered(name) if id(row) in wanted]

    def _searched(self, rows: list[_Row], text: str) -> list[_Row]:
        seen = self.state.sightings
        for word in text.casefold().split():
            digits = _SEPARATORS.sub("", word) if _HEX.match(word) else ""
            if "." in word and not word.strip("0123456789."):
                rows = [row for row in rows if _is_at(seen.get(row.mac), word)]
            elif ":" in word and digits:
                rows = [row for row in rows if digits in row.mac.plain]
            elif len(digits) >= _LABEL_END:
                rows = [row for row in rows if word in row.text or digits in row.mac.plain]
            else:
                rows = [row for row in rows if word in row.text]
        return rows

    def _choices(self) -> Choices:
        judged = self.fleet.judged()
        standings: Counter[str] = Counter()
        problems: Counter[str] = Counter()
        for mac in self._rows:
            found = judged.get(mac)
            standings[found.standing if found else "unjudged"] += 1
            if found is not None and found.findings:
                problems.update({item.code for item in found.findings})
        models = Counter(row.model for row in self._rows.values())
        vendors: Counter[str] = Counter()
        for name, count in models.items():
            vendors[name.partition("/")[0]] += count
        return Choices(
            standings=standings,
            vendors=dict(sorted(vendors.items())),
            models=dict(sorted(models.items())),
            problems=dict(sorted(problems.items())),
        )


def foremost(findings: Sequence[Finding]) -> Finding | None:
    """Choose the finding to name first: a cause before what follows, why before how far."""
    explained = {code for item in findings for code in item.explains}
    return min(
        findings,
        key=lambda item: (
            item.code in explained,
            item.is_general,
            _SEVERITIES[item.severity],
            item.code,
        ),
        default=None,
    )


_KEPT: Mapping[str, Callable[[_Row], Any]] = {
    "extension": lambda row: (row.number, row.mac.value),
    "name": lambda row: (row.name, row.number, row.mac.value),
    "mac": lambda row: row.mac.value,
    "model": lambda row: (row.model, row.number, row.mac.value),
}


def _row(device: Device, numbers: Mapping[str, Extension]) -> _Row:
    extensions = [numbers.get(line.extension) for line in device.lines]
    words = [device.mac.plain[-_LABEL_END:], device.vendor, device.model]
    for line, extension in zip(device.lines, extensions, strict=True):
        words += [line.extension, line.label, extension.name if extension else ""]
    first = device.lines[0].extension if device.lines else ""
    name = extensions[0].name if extensions and extensions[0] else ""
    return _Row(
        mac=device.mac,
        device=device,
        vendor=device.vendor,
        model=f"{device.vendor}/{device.model}",
        text="\n".join(words).casefold(),
        number=f"{len(first):03}{first}",
        name=name.casefold(),
    )


def _exact(text: str) -> Mac | None:
    """Read a whole MAC in any notation, blanks between the digits too."""
    return parse_mac(_SEPARATORS.sub("", text))


def _is_asked_nothing(query: PhoneQuery) -> bool:
    """Say whether the verdict does not matter."""
    return not (query.standing or query.problem or query.stage)


def _is_so(found: Judged, query: PhoneQuery) -> bool:
    if query.problem and not found.findings:
        return False
    if query.standing and found.standing != query.standing:
        return False
    if query.stage and found.stage.value != query.stage:
        return False
    return not query.problem or any(item.code == query.problem for item in found.findings)


def _is_at(seen: Sighting | None, word: str) -> bool:
    return seen is not None and seen.address.startswith(word)


def _contact(seen: Sighting | None) -> datetime:
    return (seen.last_contact if seen else None) or _NEVER


def _firmware(seen: Sighting | None) -> str:
    return seen.firmware if seen else ""


def _rank(found: Judged | None) -> tuple[int, int]:
    """The worst first: severity, then how far it got; what nobody looked at stands last."""
    if found is None:
        return (len(_SEVERITIES) + 1, 0)
    if not found.findings:
        return (len(_SEVERITIES), _STAGES.get(found.stage, -1))
    worst = min(_SEVERITIES[item.severity] for item in found.findings)
    return (worst, _STAGES.get(found.stage, -1))
