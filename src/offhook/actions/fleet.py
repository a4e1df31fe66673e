"""The verdict on the whole fleet, kept up to date: only what something happened to is judged anew.

Judging 100,000 phones takes minutes of one core, so it is done a few at a time in the background:
first what events say has changed, then everything in turn, because some faults come by waiting.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from offhook.actions.diagnose import Diagnose
from offhook.actions.fleet_due import Due
from offhook.actions.state import State
from offhook.core.events import Event
from offhook.core.mac import Mac, parse_mac
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage, worst_first
from offhook.diagnosis.rules import fault, find_of_devices, find_of_fleet
from offhook.diagnosis.verdict import proven

AT_ONCE = 500
"""Phones judged before an answer is given: a fleet of up to as many is always of this moment."""

COUNTED_AT_ONCE = 5000
"""Phones counted anew for each answer: a count of more would take longer than a page may."""

CHUNK = 50
WORK_S = 0.1
"""How long a tick works at most: a fifth of a core while there is something to judge."""

BUSY = 100
PATIENCE = 10
"""While more than BUSY requests come between two ticks, only each tenth tick judges, one chunk."""

_FRESH = timedelta(minutes=1)
_SUBJECTS_SHOWN = 10
_COUNT_EVERY_S = 3.0
_WATCHED_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A fault with everybody it concerns; `subjects` are the first few of `count`."""

    code: str
    name: str
    title: str
    severity: Severity
    count: int
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetVerdict:
    """How the fleet is: `right` + `need_you` + `on_their_way` + `unjudged` phones are `total`.

    On their way are phones without a fault that are not registered with current files yet.
    `reached` counts phones by the last stage proven. `findings` are those of phones and of the
    rest, worst first.
    """

    total: int
    right: int
    need_you: int
    on_their_way: int
    unjudged: int
    reached: dict[Stage, int]
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...]

    @property
    def sentence(self) -> str:
        """The fleet in one sentence."""
        if not self.total:
            return "No phone is registered here yet"
        noun = "phone is" if self.total == 1 else "phones are"
        text = f"{self.right} of {self.total} {noun} right"
        if self.need_you:
            text += f"; {self.need_you} need{'s' if self.need_you == 1 else ''} you"
        if self.on_their_way:
            text += f"; {self.on_their_way} on their way"
        if self.unjudged:
            text += f"; {self.unjudged} not looked at yet"
        return text


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of one phone: the last stage proven and its findings, worst first."""

    stage: Stage
    findings: tuple[Finding, ...]
    at: datetime

    @property
    def standing(self) -> str:
        """In which of the three counts of the fleet the phone is: right, needs_you, on_the_way."""
        if self.findings:
            return "needs_you"
        return "right" if self.stage is Stage.REGISTERED else "on_the_way"


@dataclass(slots=True)
class Fleet:
    """Judges devices as events come and time passes; keeps what was found of each."""

    state: State
    diagnose: Diagnose
    _judged: dict[Mac, Judged] = field(default_factory=dict)
    _due: Due = field(init=False)
    _judging: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waited: int = 0
    _counted: FleetVerdict | None = None
    _counted_s: float = float("-inf")
    _asked_s: float = float("-inf")

    def __post_init__(self) -> None:
        self._due = Due(
            state=self.state,
            now=self.diagnose.now,
            judged_at=lambda mac: judged.at if (judged := self._judged.get(mac)) else None,
            forget=lambda mac: self._judged.pop(mac, None),
        )

    def on_event(self, event: Event) -> None:
        """Note whom something happened to."""
        self._due.on_event(event)

    def mark_all(self) -> None:
        """Note that anything may have happened to anybody."""
        self._due.add(self.state.devices)

    async def verdict(self) -> FleetVerdict:
        """Judge everything of a small fleet, of another what is due, and count.

        A large fleet is counted every few seconds while somebody asks; this is its last count.
        """
        self._asked_s = monotonic()
        if len(self.state.devices) > COUNTED_AT_ONCE and self._counted is not None:
            return self._counted
        if len(self.state.devices) <= AT_ONCE:
            self._due.add(self._stale())
        await self._judge(self._due.some(AT_ONCE))
        return await self._recount()

    def _stale(self) -> list[Mac]:
        """Give those not looked at for a minute: what comes by waiting shows without an event."""
        now, judged = self.diagnose.now(), self._judged
        return [
            mac for mac in self.state.devices if mac not in judged or now - judged[mac].at >= _FRESH
        ]

    async def _recount(self) -> FleetVerdict:
        facts = await self.diagnose.fleet_facts()
        rest = await asyncio.to_thread(find_of_fleet, facts)
        self._counted = await asyncio.to_thread(self._count, rest)
        self._counted_s = monotonic()
        return self._counted

    async def findings_of(self, code: str) -> list[Finding]:
        """Give all findings of one fault: of the rest first, then of phones by MAC."""
        if len(self.state.devices) <= AT_ONCE:
            self._due.add(self._stale())
            await self.look_at(tuple(self.state.devices))
        facts = await self.diagnose.fleet_facts()
        rest = await asyncio.to_thread(find_of_fleet, facts)
        own = [one for it in self._judged.copy().values() for one in it.findings]
        of_phones = sorted((it for it in own if it.code == code), key=lambda it: it.subject)
        return [*(it for it in rest if it.code == code), *of_phones]

    def judged(self) -> Mapping[Mac, Judged]:
        """What was found last of each phone; of one not looked at yet there is nothing."""
        return self._judged

    async def look_at(self, macs: Iterable[Mac]) -> None:
        """Judge some phones now: those that something happened to, or not looked at yet."""
        wanted = [mac for mac in macs if mac in self.state.devices]
        wanted = [mac for mac in wanted if self._due.is_waiting(mac) or mac not in self._judged]
        await self._judge(wanted)

    async def tick(self) -> None:
        """Judge for a moment: those due, then the next of the round."""
        now = self.diagnose.now()
        self._due.begin(now)
        is_busy = self._due.take_requests() > BUSY
        self._waited = self._waited + 1 if is_busy else 0
        if self._waited % PATIENCE:
            return
        self._due.fill(AT_ONCE, now)
        ends_at_s = monotonic() + (0 if is_busy else WORK_S)
        await self._judge(self._due.some(AT_ONCE), ends_at_s)
        await self._keep_counted()

    async def _keep_counted(self) -> None:
        """Count a large fleet again: once at the start, then while somebody looks at it."""
        if len(self.state.devices) <= COUNTED_AT_ONCE:
            return
        now_s = monotonic()
        is_watched = now_s - self._asked_s < _WATCHED_S
        if self._counted is None or (is_watched and now_s - self._counted_s >= _COUNT_EVERY_S):
            await self._recount()

    # --- judging -------------------------------------------------------------------------------

    async def _judge(self, macs: Sequence[Mac], ends_at_s: float = float("inf")) -> None:
        """Judge phones, some at a time; those that are left at the end stay due."""
        if not macs:
            return
        async with self._judging:
            self._due.drop(macs)  # what happens to them from here on makes them due again
            for start in range(0, len(macs), CHUNK):
                if start and monotonic() >= ends_at_s:
                    self._due.add(macs[start:])
                    return
                chosen = macs[start : start + CHUNK]
                await self._judge_chunk([it for it in chosen if it in self.state.devices])

    async def _judge_chunk(self, macs: Sequence[Mac]) -> None:
        facts = await self.diagnose.device_facts(macs)
        judged = await asyncio.to_thread(_judge_all, facts)
        for mac, found in judged.items():
            if mac in self.state.devices:
                self._judged[mac] = found

    def _blame(self, rest: Sequence[Finding]) -> None:
        """Put what was found of numbers and addresses to the phones that it keeps from being right.

        A refused REGISTER names an extension; its phone is the one that needs somebody.
        """
        for finding in rest:
            for mac in {*self._macs_of(finding.subject), *self._macs_of(*finding.also_about)}:
                known = self._judged.get(mac)
                if known is None or known.stage is Stage.REGISTERED:
                    continue
                keys = {(it.code, it.subject) for it in known.findings}
                if (finding.code, finding.subject) not in keys:
                    found = tuple(worst_first([*known.findings, finding]))
                    self._judged[mac] = Judged(known.stage, found, known.at)

    def _macs_of(self, *subjects: str) -> list[Mac]:
        found = [device.mac for it in subjects for device in self.state.devices_of(it)]
        return found + [
            mac for it in subjects if (mac := parse_mac(it)) in self.state.devices and mac
        ]

    def _count(self, rest: Sequence[Finding]) -> FleetVerdict:
        self._blame(rest)
        judged = {mac: it for mac, it in self._judged.copy().items() if mac in self.state.devices}
        standings = Counter(it.standing for it in judged.values())
        told = {(it.code, it.subject) for it in rest}
        own = [one for it in judged.values() for one in it.findings]
        findings = worst_first([*rest, *(it for it in own if (it.code, it.subject) not in told)])
        total = len(self.state.devices)
        return FleetVerdict(
            total=total,
            right=standings["right"],
            need_you=standings["needs_you"],
            on_their_way=standings["on_the_way"],
            unjudged=max(0, total - len(judged)),
            reached=dict(Counter(it.stage for it in judged.values())),
            problems=tuple(_problems(findings)),
            findings=tuple(findings),
        )


def _judge_all(facts: Facts) -> dict[Mac, Judged]:
    by_subject: dict[str, list[Finding]] = {}
    for finding in find_of_devices(facts):
        by_subject.setdefault(finding.subject, []).append(finding)
    return {
        mac: Judged(proven(facts, mac), tuple(by_subject.get(mac.colons, ())), facts.now)
        for mac in facts.devices
    }


def _problems(findings: Sequence[Finding]) -> Iterator[Problem]:
    """Group by fault in the order of findings: the worst first, within it the most frequent."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.code, []).append(finding)
    order = {severity: rank for rank, severity in enumerate(Severity)}
    for code, group in sorted(
        groups.items(), key=lambda item: (order[item[1][0].severity], -len(item[1]), item[0])
    ):
        yield Problem(
            code=code,
            name=group[0].name,
            title=fault(code).title,
            severity=group[0].severity,
            count=len(group),
            subjects=tuple(finding.subject for finding in group[:_SUBJECTS_SHOWN]),
        )
