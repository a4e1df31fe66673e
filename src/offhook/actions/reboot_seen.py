"""What moves a reboot on: a fetch proves it, a registration completes it, waiting ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from offhook.actions.lead import Lead
from offhook.actions.reboot_records import WATCHED, Records
from offhook.actions.state import State
from offhook.actions.targets import Targets
from offhook.core.events import AttemptRecorded, Event, PhoneRegistered
from offhook.core.model import Attempt, Reboot, RebootStep, Registration


@dataclass(slots=True)
class Seen:
    """Listens, and advances the records; of several nodes only the one that leads does.

    `is_running` says of an order whether this process is sending it.
    """

    state: State
    records: Records
    targets: Targets
    lead: Lead
    is_running: Callable[[str], bool]

    def on_event(self, event: Event) -> None:
        """Take an event, also one of another node."""
        if not self.lead.is_held or not len(self.records.followed):
            return
        match event:
            case AttemptRecorded(attempt=attempt):
                self._see_fetch(attempt)
            case PhoneRegistered(registration=registration):
                self._see_registration(registration)
            case _:
                pass

    def has_fetched(self, reboot: Reboot) -> bool:
        """Tell whether its phone fetched since it was sent, or may have been."""
        since = reboot.steps.get(RebootStep.NOTIFIED) or reboot.claimed_at
        seen = self.state.sightings.get(reboot.mac) if reboot.mac else None
        fetched = seen.last_provisioned if seen else None
        return since is not None and fetched is not None and fetched >= since

    def is_in_doubt(self, reboot: Reboot) -> bool:
        """Tell whether another node took it to send and nobody knows whether it did."""
        is_taken = reboot.step is RebootStep.PENDING and bool(reboot.sent_by)
        return is_taken and not self.is_running(reboot.id)

    def _see_fetch(self, attempt: Attempt) -> None:
        if attempt.mac is None or not (attempt.is_delivery and attempt.is_device_file):
            return
        for reboot in self.records.followed.of_phone(attempt.mac.plain):
            is_told = RebootStep.NOTIFIED in reboot.steps and reboot.step in WATCHED
            if RebootStep.FETCHED in reboot.steps or not self._is_after(reboot, attempt):
                continue
            if is_told or self.is_in_doubt(reboot):
                self.records.advance(reboot, RebootStep.FETCHED)

    def _is_after(self, reboot: Reboot, attempt: Attempt) -> bool:
        """What another node tells late may be of before: the answer to it is no proof."""
        since = reboot.steps.get(RebootStep.NOTIFIED) or reboot.claimed_at
        return since is None or attempt.at >= since

    def _see_registration(self, registration: Registration) -> None:
        for reboot in self._waiting_for(registration):
            if reboot.step is RebootStep.FETCHED and self._is_same_phone(reboot, registration):
                self.records.advance(reboot, RebootStep.REGISTERED)

    def _waiting_for(self, registration: Registration) -> list[Reboot]:
        """Reboots that the registration may complete: by extension, by device, by MAC."""
        found = self.records.followed.of_extension(registration.extension)
        macs = [item.mac for item in self.state.devices_of(registration.extension)]
        if registration.mac is not None:
            macs.append(registration.mac)
        for mac in macs:
            found += self.records.followed.of_phone(mac.plain)
        return list({item.id: item for item in found}.values())

    def _is_same_phone(self, reboot: Reboot, registration: Registration) -> bool:
        if registration.mac is not None and reboot.mac is not None:
            return registration.mac == reboot.mac
        if registration.contact == reboot.contact:
            return True
        device = self.state.devices.get(reboot.mac) if reboot.mac else None
        return device is not None and any(
            item.contact == registration.contact for item in self.targets.live(device)
        )
