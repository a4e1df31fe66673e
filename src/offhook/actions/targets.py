"""Whom a NOTIFY goes to: the live registrations of devices and extensions."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.actions.ports import SipEngine
from offhook.actions.state import State
from offhook.core.converge import registrations_of
from offhook.core.model import Device, Reboot, Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One live registration to notify, and the device it belongs to, if we know it."""

    registration: Registration
    device: Device | None


@dataclass(slots=True)
class Targets:
    """Finds registrations; asks the engine each time, keeps nothing."""

    state: State
    engine: SipEngine

    def of_device(self, device: Device) -> list[Target]:
        """The device's newest live registration, never a sibling's: one NOTIFY wakes the phone."""
        return [Target(registration=item, device=device) for item in self.live(device)[:1]]

    def of_extension(self, number: str) -> list[Target]:
        """Each phone registered for an extension, with its device where one is known."""
        targets: list[Target] = []
        owned: set[str] = set()
        for device in self.state.devices_of(number):
            live = self.live(device)
            if any(item.contact not in owned for item in live[:1]):
                targets.append(Target(registration=live[0], device=device))
            owned.update(item.contact for item in live)
        for item in self.engine.registrations(number):
            if item.contact not in owned:
                known = self.state.devices.get(item.mac) if item.mac else None
                targets.append(Target(registration=item, device=known))
        return targets

    def live(self, device: Device) -> list[Registration]:
        """The registrations of all lines of a device, newest first."""
        found: list[Registration] = []
        for number in dict.fromkeys(line.extension for line in device.lines):
            live = self.engine.registrations(number)
            if live:
                found += registrations_of(
                    device,
                    live,
                    self.state.devices_of(number),
                    self.state.sightings,
                    self.state.source.profiles,
                )
        return sorted(found, key=lambda item: item.refreshed_at, reverse=True)

    def of_phone(self, reboot: Reboot, registration: Registration) -> list[Registration]:
        """All that the phone of a reboot has registered now."""
        device = self.state.devices.get(reboot.mac) if reboot.mac else None
        found = self.live(device) if device else []
        own = self.now(reboot, registration)
        return found if own is None or own in found else [own, *found]

    def now(self, reboot: Reboot, registration: Registration) -> Registration | None:
        """The registration as it is when its turn has come: phones move while they wait."""
        for item in self.engine.registrations(registration.extension):
            if item.contact == registration.contact:
                return item
        device = self.state.devices.get(reboot.mac) if reboot.mac else None
        return next(iter(self.live(device)), None) if device else None

    def again(self, reboot: Reboot) -> Registration | None:
        """Find the registration an order was given for, or where its phone is now."""
        live = self.engine.registrations(reboot.extension)
        found = next((item for item in live if item.contact == reboot.contact), None)
        device = self.state.devices.get(reboot.mac) if reboot.mac else None
        return found or (next(iter(self.live(device)), None) if device else None)
