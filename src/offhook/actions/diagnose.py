"""Collect the facts of the moment and let the rules look at them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from offhook.actions.files import Files
from offhook.actions.nodes import NodeList
from offhook.actions.overrides import Overrides
from offhook.actions.ports import AttemptQuery, Clock, Journal, SipEngine
from offhook.actions.reboots import Reboots
from offhook.actions.recent import Recent
from offhook.actions.served_accounts import served_accounts
from offhook.actions.sip_memory import SipMemory
from offhook.actions.state import State
from offhook.core.events import Event, RegistrationRefused
from offhook.core.mac import Mac
from offhook.core.model import Attempt, Device, Registration
from offhook.diagnosis.facts import (
    ConfigFacts,
    DirectoryFacts,
    Facts,
    RenderFault,
    ServedAccount,
)
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.probe_facts import ProbeFacts
from offhook.diagnosis.rules import find_of_both

OWN_ATTEMPTS = 200
RECENT_REFUSALS = 500


@dataclass(slots=True)
class Diagnose:
    """Answers "what is wrong", for the fleet or one phone.

    `directory` tells of the synchronisations, when there are any; `template_problem` is why the
    site's templates were not taken, empty when they are in use. `probes` gives what probes found.
    """

    state: State
    files: Files
    reboots: Reboots
    engine: SipEngine
    journal: Journal
    config: ConfigFacts
    now: Clock
    directory: Callable[[], Awaitable[DirectoryFacts | None]] | None = None
    template_problem: str = ""
    probes: Callable[[], ProbeFacts] = ProbeFacts
    overrides: Overrides | None = None
    nodes: NodeList = field(default_factory=NodeList)
    recent: Recent = field(init=False)
    _sip: SipMemory = field(default_factory=SipMemory)
    _refused: deque[RegistrationRefused] = field(
        default_factory=lambda: deque(maxlen=RECENT_REFUSALS)
    )

    def __post_init__(self) -> None:
        self.recent = Recent(self.journal)

    def on_event(self, event: Event) -> None:
        """Remember what was heard."""
        self._sip.on_event(event)
        self.recent.on_event(event)
        if isinstance(event, RegistrationRefused):
            self._refused.appendleft(event)

    async def findings(self, mac: Mac | None = None) -> list[Finding]:
        """All findings, worst first, looked for now; `Fleet` keeps them without looking again.

        With a MAC, those of its device and of the fleet's surroundings.
        """
        if mac is not None:
            own, everything = await self.facts_about((mac,))
        else:
            own = await self.device_facts(self.state.devices, self.state.extensions)
            everything = await self.fleet_facts(own)
        return await asyncio.to_thread(find_of_both, own, everything)

    async def facts_about(
        self, macs: Iterable[Mac], numbers: Iterable[str] = ()
    ) -> tuple[Facts, Facts]:
        """The facts of some phones with their own history, and those of the fleet.

        The first serve the rules that look at each device by itself; the second the others.
        """
        attempts: list[Attempt] = []
        for mac in macs:
            attempts += (await self.journal.attempts(AttemptQuery(limit=OWN_ATTEMPTS, mac=mac)))[1]
        attempts.sort(key=lambda attempt: attempt.at, reverse=True)
        own = await self.device_facts(macs, numbers, attempts)
        return own, await self.fleet_facts(own)

    async def device_facts(
        self,
        macs: Iterable[Mac],
        numbers: Iterable[str] = (),
        attempts: Sequence[Attempt] | None = None,
    ) -> Facts:
        """The facts of some devices and nothing else; of recent requests when none are given.

        Rendering what was never rendered happens in a thread.
        """
        macs = tuple(macs)
        devices = {mac: self.state.devices[mac] for mac in macs if mac in self.state.devices}
        if attempts is None:
            attempts = await self.recent.attempts(devices)
        wanted = _numbers_of(devices.values()) | set(numbers)
        registrations = self._registrations(wanted)
        extensions = self.state.extensions
        (expected, faults), accounts = await asyncio.to_thread(self._rendered, devices)
        sightings, latest = self.state.sightings, self.reboots.latest()
        return replace(
            self._surroundings(),
            extensions={it: extensions[it] for it in wanted if it in extensions},
            devices=devices,
            sightings={mac: sightings[mac] for mac in devices if mac in sightings},
            expected=expected,
            render_faults=faults,
            registrations=registrations,
            device_registrations=self._device_registrations(devices.values(), registrations),
            attempts=tuple(attempts),
            reboots={mac: latest[mac] for mac in devices if mac in latest},
            unknown=tuple(found for mac in macs if (found := self.state.unknown.get(mac))),
            sip=replace(self._sip.facts(), accounts=accounts),
            overrides=await self.overrides.of(devices) if self.overrides is not None else {},
            directory=await self.directory() if self.directory is not None else None,
            lint={mac: odd for mac in devices if (odd := self.files.lint(mac))},
        )

    async def fleet_facts(self, own: Facts | None = None) -> Facts:
        """The facts of the whole fleet without its files, and `own` of the phones asked about."""
        recent = await self.recent.attempts()
        known = own or replace(
            self._surroundings(), registrations=self._registrations(()), sip=self._sip.facts()
        )
        return replace(
            known,
            extensions=dict(self.state.extensions),
            devices=dict(self.state.devices),
            sightings=dict(self.state.sightings),
            attempts=_merged(known.attempts, recent),
            reboots=dict(self.reboots.latest()),
            unknown=tuple(reversed(self.state.unknown.values())),
            directory=await self.directory() if self.directory is not None else None,
            template_problem=self.template_problem,
        )

    def _surroundings(self) -> Facts:
        """What is the same for all."""
        return Facts(
            now=self.now(),
            config=self.config,
            profiles=self.state.source.profiles,
            refused_registers=tuple(self._refused),
            probes=self.probes(),
            nodes=self.nodes.known,
            node=self.nodes.own,
            engine_problems={
                part.name: part.problem for part in self.engine.health().parts if not part.is_up
            },
        )

    def _rendered(
        self, devices: Mapping[Mac, Device]
    ) -> tuple[
        tuple[dict[Mac, Mapping[str, str]], dict[Mac, RenderFault]], dict[Mac, ServedAccount]
    ]:
        return self._expected(devices), served_accounts(self.state.source, devices.values())

    def _registrations(self, numbers: Collection[str]) -> dict[str, tuple[Registration, ...]]:
        """Live bindings of some extensions and of those whose REGISTERs failed."""
        wanted = set(numbers)
        for refusal in self._refused:
            wanted |= {refusal.extension, refusal.claimed}
        live = {number: self.engine.registrations(number) for number in sorted(wanted)}
        return {number: items for number, items in live.items() if items}

    def _expected(
        self, macs: Iterable[Mac]
    ) -> tuple[dict[Mac, Mapping[str, str]], dict[Mac, RenderFault]]:
        expected: dict[Mac, Mapping[str, str]] = {}
        faults: dict[Mac, RenderFault] = {}
        for mac in macs:
            try:
                found = self.files.expected(mac)
            except KeyError:  # deleted while we were looking
                continue
            if isinstance(found, RenderFault):
                faults[mac] = found
            else:
                expected[mac] = found
        return expected, faults

    def _device_registrations(
        self,
        devices: Iterable[Device],
        by_extension: Mapping[str, tuple[Registration, ...]],
    ) -> dict[Mac, tuple[Registration, ...]]:
        found = {}
        for device in devices:
            if any(line.extension in by_extension for line in device.lines):
                targets = self.reboots.targets_of(device)
                if targets:
                    found[device.mac] = tuple(target.registration for target in targets)
        return found


def _merged(own: Iterable[Attempt], recent: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """Put the history of the phones asked about among recent requests: a busy fleet hides it."""
    by_id = {attempt.request_id: attempt for attempt in (*recent, *own)}
    return tuple(sorted(by_id.values(), key=lambda attempt: attempt.at, reverse=True))


def _numbers_of(devices: Iterable[Device]) -> set[str]:
    return {line.extension for device in devices for line in device.lines}
