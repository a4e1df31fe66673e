"""Collect the facts of the moment and let the rules look at them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from offhook.actions.files import Files
from offhook.actions.ports import AttemptQuery, Clock, Journal, SipEngine
from offhook.actions.reboots import Reboots
from offhook.actions.state import State
from offhook.core.events import Event, RegistrationRefused
from offhook.core.mac import Mac
from offhook.core.model import Attempt, Device, Registration, UnknownPhone
from offhook.diagnosis.facts import ConfigFacts, DirectoryFacts, Facts, RenderFault
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.rules import find_all

RECENT_ATTEMPTS = 1000
OWN_ATTEMPTS = 200
RECENT_REFUSALS = 500


@dataclass(slots=True)
class Diagnose:
    """Answers "what is wrong", for the fleet or one phone.

    `directory` tells of the synchronisations, when there are any; `template_problem` is why the
    site's templates were not taken, empty when they are in use.
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
    _refused: deque[RegistrationRefused] = field(
        default_factory=lambda: deque(maxlen=RECENT_REFUSALS)
    )

    def on_event(self, event: Event) -> None:
        """Remember refused registrations; everything else is kept elsewhere."""
        if isinstance(event, RegistrationRefused):
            self._refused.appendleft(event)

    async def findings(self, mac: Mac | None = None) -> list[Finding]:
        """All findings, worst first; of one phone when its MAC is given."""
        facts = await self.facts(mac)
        return await asyncio.to_thread(find_all, facts)

    async def facts(self, mac: Mac | None = None) -> Facts:
        """The picture now. Rendering what was never rendered happens in a thread."""
        devices = self._devices(mac)
        query = AttemptQuery(limit=RECENT_ATTEMPTS, mac=mac)
        _, attempts = await self.journal.attempts(query)
        numbers = None if mac is None else _numbers_of(devices.values())
        return await self._facts(
            devices, attempts, numbers, unknown=self._unknown(mac), is_fleet=mac is None
        )

    async def facts_about(
        self, macs: Iterable[Mac], numbers: Iterable[str] = ()
    ) -> tuple[Facts, Facts]:
        """The facts of some phones, and those of the fleet without its files and registrations.

        The first serve the rules that look at each device by itself; the second the others.
        """
        devices = {mac: self.state.devices[mac] for mac in macs if mac in self.state.devices}
        unknown = tuple(found for mac in macs if (found := self.state.unknown.get(mac)))
        attempts: list[Attempt] = []
        for mac in macs:
            attempts += (await self.journal.attempts(AttemptQuery(limit=OWN_ATTEMPTS, mac=mac)))[1]
        _, recent = await self.journal.attempts(AttemptQuery(limit=RECENT_ATTEMPTS))
        own_numbers = _numbers_of(devices.values()) | set(numbers)
        attempts.sort(key=lambda attempt: attempt.at, reverse=True)
        own = await self._facts(devices, attempts, own_numbers, unknown=unknown, is_fleet=False)
        everything = replace(
            own,
            devices=dict(self.state.devices),
            sightings=dict(self.state.sightings),
            attempts=tuple(recent),
            unknown=self._unknown(None),
            directory=await self.directory() if self.directory is not None else None,
            template_problem=self.template_problem,
        )
        return own, everything

    async def _facts(
        self,
        devices: Mapping[Mac, Device],
        attempts: Iterable[Attempt],
        numbers: Collection[str] | None,
        *,
        unknown: tuple[UnknownPhone, ...],
        is_fleet: bool,
    ) -> Facts:
        registrations = self._registrations(numbers)
        expected, faults = await asyncio.to_thread(self._expected, list(devices))
        sightings = self.state.sightings
        return Facts(
            now=self.now(),
            config=self.config,
            profiles=self.state.source.profiles,
            extensions=dict(self.state.extensions),
            devices=devices,
            sightings=dict(sightings)
            if is_fleet
            else {mac: sightings[mac] for mac in devices if mac in sightings},
            expected=expected,
            render_faults=faults,
            registrations=registrations,
            device_registrations=self._device_registrations(devices.values(), registrations),
            refused_registers=tuple(self._refused),
            attempts=tuple(attempts),
            reboots=dict(self.reboots.latest()),
            unknown=unknown,
            directory=await self.directory() if is_fleet and self.directory is not None else None,
            template_problem=self.template_problem if is_fleet else "",
        )

    def _registrations(
        self, numbers: Collection[str] | None
    ) -> dict[str, tuple[Registration, ...]]:
        """Live bindings by extension: of all, or of some and of those whose REGISTERs failed."""
        if numbers is None:
            found: dict[str, list[Registration]] = {}
            for item in self.engine.registrations():
                found.setdefault(item.extension, []).append(item)
            return {number: tuple(items) for number, items in found.items()}
        wanted = set(numbers)
        for refusal in self._refused:
            wanted |= {refusal.extension, refusal.claimed}
        live = {number: self.engine.registrations(number) for number in sorted(wanted)}
        return {number: items for number, items in live.items() if items}

    def _devices(self, mac: Mac | None) -> dict[Mac, Device]:
        if mac is None:
            return dict(self.state.devices)
        found = self.state.devices.get(mac)
        return {mac: found} if found else {}

    def _unknown(self, mac: Mac | None) -> tuple[UnknownPhone, ...]:
        phones = tuple(reversed(self.state.unknown.values()))
        return phones if mac is None else tuple(item for item in phones if item.mac == mac)

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


def _numbers_of(devices: Iterable[Device]) -> set[str]:
    return {line.extension for device in devices for line in device.lines}
