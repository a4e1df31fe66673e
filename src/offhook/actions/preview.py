"""A change as it would be: the same verbs, stopped where they would save, and what they found."""

from __future__ import annotations

import asyncio
import time
from collections import ChainMap
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from offhook.actions.changing import Changing, refused_for, with_lines_of
from offhook.actions.devices import Devices
from offhook.actions.differences import Difference, difference
from offhook.actions.extensions import Extensions
from offhook.actions.files import Files, Made, digests
from offhook.actions.free_settings import FreeSettings
from offhook.actions.ports import SipEngine, Write
from offhook.actions.preview_findings import Noted, find
from offhook.actions.reboots import Reboots
from offhook.actions.templates import with_templates
from offhook.core.inventory import FileSource
from offhook.core.mac import Mac
from offhook.core.model import Change, Device, Extension
from offhook.diagnosis.facts import ConfigFacts, RenderFault
from offhook.diagnosis.finding import Finding

SAMPLES = 20
"""Phones whose files are shown: one of each kind of phones that are alike."""

EXACT_S = 5.0
"""Seconds after which phones like one that was compared are taken to fare as it did."""

_A_TURN = 50
_Alike = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A phone of each kind: `phones` are changed and like it."""

    difference: Difference
    phones: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a change would do.

    `changed` are the devices whose files change, `told` those of them (or those told anyway) that
    are registered and would fetch at once, `pending` the others. `broken` are devices whose files
    could not be made. `inferred` of the changed were not rendered, because others like them were.
    """

    changed: tuple[Device, ...] = ()
    told: frozenset[Mac] = frozenset()
    pending: int = 0
    broken: int = 0
    compared: int = 0
    inferred: int = 0
    shown: tuple[Shown, ...] = ()
    left_out: int = 0
    noted: tuple[Noted, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbs:
    """The verbs as they are, on a change that is never saved."""

    devices: Devices
    extensions: Extensions
    free_settings: FreeSettings


@dataclass(slots=True)
class _Plan:
    """What would change: devices after and before, and what files would be made from.

    `always` are told to fetch whatever their files are. `may_break` lets files fail.
    """

    before_source: FileSource
    source: FileSource
    after: Sequence[Device] = ()
    before: Mapping[Mac, Device | None] = field(default_factory=dict)
    may_break: bool = False
    had: Callable[[Device], Mapping[str, str] | RenderFault] = field(default=lambda _device: {})
    noted: tuple[Finding, ...] = ()


class _StoppedError(Exception):
    """The change has come to where it would be saved."""


class _Rehearsal(Changing):
    """Takes down what would change instead of comparing, and stops instead of saving."""

    def __init__(self, real: Changing, reboots: Reboots) -> None:
        super().__init__(
            state=real.state,
            files=Files(real.state),
            reboots=reboots,
            publish=lambda _event: None,
            now=real.now,
        )
        self.plan: _Plan | None = None

    def changed(
        self,
        after: Sequence[Device],
        before: Mapping[Mac, Device | None],
        source: FileSource,
    ) -> list[Mac]:
        """Take it down: comparing happens later, when nobody waits for the lock."""
        now = still(self.state.source)
        self.plan = _Plan(
            before_source=now, source=still(source, now), after=tuple(after), before=dict(before)
        )
        return []

    def tried(self, device: Device, before: Device | None) -> tuple[list[Mac], Made]:
        """Take it down, the same for one; nobody uses its files, as nothing is saved."""
        return self.changed([device], {device.mac: before}, self.state.source), Made(digests={})

    async def compared(
        self,
        after: Sequence[Device],
        before: Mapping[Mac, Device | None],
        source: FileSource,
    ) -> list[Mac]:
        """Take it down, the same for many."""
        return self.changed(after, before, source)

    async def commit(self, writes: Sequence[Write], changes: Sequence[Change]) -> None:
        """Stop: nothing is written, nothing told."""
        raise _StoppedError


@dataclass(slots=True)
class Previews:
    """Answers what a change would do; saves nothing, tells no phone."""

    changing: Changing
    engine: SipEngine
    reboots: Reboots
    config: ConfigFacts
    packaged: Mapping[str, str]
    exact_s: float = EXACT_S
    clock: Callable[[], float] = time.monotonic

    async def of(
        self, act: Callable[[Verbs], Awaitable[object]], always: Sequence[Mac] = ()
    ) -> Preview:
        """Try a verb. Refused as the verb itself would be; `always` are told to fetch anyway."""
        rehearsal = _Rehearsal(self.changing, self.reboots)
        verbs = Verbs(
            devices=Devices(rehearsal),
            extensions=Extensions(rehearsal, self.engine),
            free_settings=FreeSettings(rehearsal),
        )
        try:
            await act(verbs)
        except _StoppedError:
            if rehearsal.plan is not None:
                return await self._previewed(rehearsal.plan, always)
        return Preview()

    async def templates(self, texts: Mapping[str, str | None]) -> Preview:
        """Try templates of the site over those in use; None takes the site's own away.

        Raises BadRequestError for a name that no maker's template can have.
        """
        state = self.changing.state
        async with state.lock:
            now = still(state.source)
            everything = list(state.devices.values())
        tried = await asyncio.to_thread(with_templates, now, texts, self.packaged)
        plan = _Plan(
            before_source=now,
            source=tried.source,
            after=[item for item in everything if item.vendor in tried.vendors],
            before={item.mac: item for item in everything},
            may_break=True,
            noted=tried.findings,
        )
        return await self._previewed(plan, ())

    async def _previewed(self, plan: _Plan, always: Sequence[Mac]) -> Preview:
        plan.had = self._had(plan.before_source)
        changed, broken, inferred = await self._compared(plan)
        told, pending = await self._told(plan, changed, always)
        chosen, left_out = await asyncio.to_thread(_kinds, [*changed, *broken], plan.source)
        differences = [
            await asyncio.to_thread(
                difference, plan.before_source, plan.before.get(it.mac), plan.source, it
            )
            for it, _ in chosen
        ]
        counts = {it.mac: count for it, count in chosen}
        noted = await asyncio.to_thread(
            find, self.changing, self.config, plan.before_source, plan.source, differences, counts
        )
        extra = tuple(Noted(finding=it, phones=0, is_new=True) for it in plan.noted)
        return Preview(
            changed=tuple(changed),
            told=told,
            pending=pending,
            broken=len(broken),
            compared=len(plan.after) - inferred,
            inferred=inferred,
            shown=tuple(
                Shown(difference=it, phones=counts[it.device.mac]) for it in differences if it.files
            ),
            left_out=left_out,
            noted=(*extra, *noted),
        )

    def _had(self, source: FileSource) -> Callable[[Device], Mapping[str, str] | RenderFault]:
        """Digests before: those that are kept anyway, as long as nothing else has changed."""
        state, files = self.changing.state, self.changing.files
        revision = state.revision

        def had(device: Device) -> Mapping[str, str] | RenderFault:
            if state.revision == revision and state.devices.get(device.mac) is device:
                kept = files.expected(device.mac)
                if state.revision == revision:
                    return kept
            return digests(source, device)

        return had

    async def _compared(self, plan: _Plan) -> tuple[list[Device], list[Device], int]:
        """Devices whose files change, those whose files cannot be made, and how many are inferred.

        A few at a time in a thread, so that phones are served in between.
        """
        known: dict[_Alike, bool | RenderFault] = {}
        changed: list[Device] = []
        broken: list[Device] = []
        inferred = 0
        ends = self.clock() + self.exact_s
        for start in range(0, len(plan.after), _A_TURN):
            chunk = plan.after[start : start + _A_TURN]
            is_late = self.clock() > ends
            outcomes = await asyncio.to_thread(_outcomes, plan, chunk, known, is_late=is_late)
            for device, (outcome, was_made) in zip(chunk, outcomes, strict=True):
                inferred += not was_made
                if isinstance(outcome, RenderFault):
                    if not plan.may_break:
                        raise refused_for(device, outcome)
                    broken.append(device)
                elif outcome:
                    changed.append(device)
        return changed, broken, inferred

    async def _told(
        self, plan: _Plan, changed: Sequence[Device], always: Sequence[Mac]
    ) -> tuple[frozenset[Mac], int]:
        wanted = {item.mac: item for item in changed}
        wanted.update((item.mac, item) for item in plan.after if item.mac in always)
        told = set()
        for turn, (mac, device) in enumerate(wanted.items()):
            if turn % _A_TURN == 0:
                await asyncio.sleep(0)
            if self.reboots.targets_of(with_lines_of(device, plan.before.get(mac))):
                told.add(mac)
        return frozenset(told), len(wanted) - len(told)


def still(source: FileSource, base: FileSource | None = None) -> FileSource:
    """Copy a picture whose maps others may change meanwhile; what `base` has copied is shared."""
    extensions = source.extensions
    if isinstance(extensions, ChainMap) and base is not None:
        extensions = ChainMap(*extensions.maps[:-1], cast("dict[str, Extension]", base.extensions))
    elif base is not None:
        extensions = base.extensions
    else:
        extensions = dict(extensions)
    return replace(source, extensions=extensions, settings=dict(source.settings))


def _outcomes(
    plan: _Plan,
    chunk: Sequence[Device],
    known: dict[_Alike, bool | RenderFault],
    *,
    is_late: bool,
) -> list[tuple[bool | RenderFault, bool]]:
    """Whether files change, or why they cannot be made; and whether they were made to know it."""
    found: list[tuple[bool | RenderFault, bool]] = []
    for device in chunk:
        kind = _alike(device, plan.source)
        was_made = not is_late or kind not in known
        if was_made:
            known[kind] = _outcome(plan, device)
        found.append((known[kind], was_made))
    return found


def _outcome(plan: _Plan, device: Device) -> bool | RenderFault:
    old = plan.before.get(device.mac)
    had = plan.had(old) if old is not None else {}
    has = digests(plan.source, device)
    if isinstance(has, RenderFault):
        return False if isinstance(had, RenderFault) else has
    return has != had


def _alike(device: Device, source: FileSource) -> _Alike:
    """Phones that differ in nothing but names, numbers and secrets."""
    lines = tuple(
        (bool(line.label), (it := source.extensions.get(line.extension)) and it.is_enabled)
        for line in device.lines
    )
    return (device.vendor, device.model, lines, tuple(sorted(device.settings.items())))


def _kinds(devices: Sequence[Device], source: FileSource) -> tuple[list[tuple[Device, int]], int]:
    """The first phone of each kind with how many there are of it; how many kinds are left out."""
    kinds: dict[_Alike, list[Device]] = {}
    for device in devices:
        kinds.setdefault(_alike(device, source), []).append(device)
    largest = sorted(kinds.values(), key=len, reverse=True)
    return [(items[0], len(items)) for items in largest[:SAMPLES]], max(0, len(kinds) - SAMPLES)
