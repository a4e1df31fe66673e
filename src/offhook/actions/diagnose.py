"""Collect the facts of the moment and let the rules look at them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from offhook.actions.files import Files
from offhook.actions.ports import AttemptQuery, Clock, Journal, SipEngine
from offhook.actions.reboots import Reboots
from offhook.actions.state import State
from offhook.core.events import Event, RegistrationRefused
from offhook.core.mac import Mac
from offhook.core.model import Device, Registration, UnknownPhone
from offhook.diagnosis.facts import ConfigFacts, DirectoryFacts, Facts, RenderFault
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.rules import find_all

RECENT_ATTEMPTS = 1000
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
        registrations: dict[str, list[Registration]] = {}
        for item in self.engine.registrations():
            registrations.setdefault(item.extension, []).append(item)
        by_extension = {number: tuple(items) for number, items in registrations.items()}
        expected, faults = await asyncio.to_thread(self._expected, list(devices))
        return Facts(
            now=self.now(),
            config=self.config,
            profiles=self.state.source.profiles,
            extensions=dict(self.state.extensions),
            devices=devices,
            sightings=dict(self.state.sightings),
            expected=expected,
            render_faults=faults,
            registrations=by_extension,
            device_registrations=self._device_registrations(devices.values(), by_extension),
            refused_registers=tuple(self._refused),
            attempts=tuple(attempts),
            reboots=dict(self.reboots.latest()),
            unknown=self._unknown(mac),
            directory=await self.directory() if self.directory is not None else None,
            template_problem=self.template_problem if mac is None else "",
        )

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
