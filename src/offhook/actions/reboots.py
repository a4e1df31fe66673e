"""Tell phones to fetch again, and believe it only when they did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from offhook.actions.ports import (
    Clock,
    NotifyKind,
    NotifyOrder,
    NotifyOutcome,
    Publish,
    RebootStore,
    SipEngine,
)
from offhook.actions.state import State
from offhook.core.converge import registrations_of
from offhook.core.events import AttemptRecorded, Event, PhoneRegistered, RebootAdvanced
from offhook.core.mac import Mac
from offhook.core.model import (
    FINAL_STEPS,
    Attempt,
    Device,
    Reboot,
    RebootStep,
    Registration,
)
from offhook.core.secret import Secret
from offhook.core.vendor import Notify, VendorProfile
from offhook.tasks import spawn

# Most phones know this one; for phones whose maker we cannot tell (unverified).
FALLBACK = Notify(event="check-sync;reboot=true")

_SENT = {RebootStep.NOTIFIED, RebootStep.ANSWERED}
_WATCHED = _SENT | {
    RebootStep.UNANSWERED,
    RebootStep.CHALLENGED,
    RebootStep.REFUSED,
    RebootStep.FETCHED,
}
_OUTCOMES: Mapping[NotifyKind, tuple[RebootStep, str]] = {
    NotifyKind.ACCEPTED: (RebootStep.ANSWERED, ""),
    NotifyKind.REFUSED: (RebootStep.REFUSED, "P603"),
    NotifyKind.CHALLENGED: (RebootStep.CHALLENGED, "P602"),
    NotifyKind.UNANSWERED: (RebootStep.UNANSWERED, "P601"),
    NotifyKind.FAILED: (RebootStep.FAILED, "P601"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootPolicy:
    """Pace and patience; `is_restart` chooses the maker's restart over its resync on a change."""

    per_second: float
    answer_timeout_s: float
    fetch_timeout_s: float
    register_timeout_s: float
    is_restart: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One live registration to notify, and the device it belongs to, if we know it."""

    registration: Registration
    device: Device | None


class Reboots:
    """Keeps every reboot's record and moves it along by what is seen."""

    def __init__(
        self,
        *,
        state: State,
        engine: SipEngine,
        store: RebootStore,
        publish: Publish,
        now: Clock,
        new_id: Callable[[], str],
        policy: RebootPolicy,
    ) -> None:
        self._state = state
        self._engine = engine
        self._store = store
        self._publish = publish
        self._now = now
        self._new_id = new_id
        self._policy = policy
        self._active: dict[str, Reboot] = {}
        self._latest: dict[Mac, Reboot] = {}
        self._sent: dict[str, asyncio.Event] = {}
        self._next_slot_s = 0.0

    async def load(self) -> None:
        """Take up the records of before a restart; what cannot be followed any more ends."""
        for reboot in reversed(await self._store.list_reboots(1000)):
            if reboot.mac is not None:
                self._latest[reboot.mac] = reboot
            if reboot.step is RebootStep.PENDING:
                self._advance(
                    reboot, RebootStep.FAILED, detail="offhook was restarted before it was sent"
                )
            elif reboot.step is RebootStep.NOTIFIED:
                self._advance(
                    reboot,
                    RebootStep.UNANSWERED,
                    fault="P601",
                    detail="offhook was restarted before an answer came",
                )
            elif reboot.step is RebootStep.ANSWERED:
                self._active[_key(reboot)] = reboot

    def latest(self) -> Mapping[Mac, Reboot]:
        """The newest record of each device."""
        return self._latest

    def current(self, reboot_id: str) -> Reboot | None:
        """A record that is still followed."""
        return next((item for item in self._active.values() if item.id == reboot_id), None)

    def targets_of(self, device: Device) -> list[Target]:
        """The device's newest live registration, never a sibling's: one NOTIFY wakes the phone."""
        found: list[Registration] = []
        for number in dict.fromkeys(line.extension for line in device.lines):
            live = self._engine.registrations(number)
            if live:
                found += registrations_of(
                    device,
                    live,
                    self._state.devices_of(number),
                    self._state.sightings,
                    self._state.source.profiles,
                )
        found.sort(key=lambda item: item.refreshed_at, reverse=True)
        return [Target(registration=item, device=device) for item in found[:1]]

    def targets_of_extension(self, number: str) -> list[Target]:
        """Every live registration of an extension, with its device where one is known."""
        targets: dict[str, Target] = {}
        for device in self._state.devices_of(number):
            for target in self.targets_of(device):
                targets.setdefault(target.registration.contact, target)
        known = {target.registration.source for target in targets.values()}
        for registration in self._engine.registrations(number):
            if registration.source not in known:
                targets.setdefault(
                    registration.contact, Target(registration=registration, device=None)
                )
        return list(targets.values())

    def order(
        self, targets: Sequence[Target], *, reason: str, asked_by: str, is_automatic: bool
    ) -> list[Reboot]:
        """Begin a reboot of each target, paced; gives the records, new or already on their way."""
        return [
            self._order_one(target, reason, asked_by, is_automatic=is_automatic)
            for target in targets
        ]

    async def wait_sent(self, reboots: Sequence[Reboot], timeout_s: float) -> list[Reboot]:
        """Wait until the NOTIFYs have left, at most so long; gives the records as they are then."""
        events = [self._sent[item.id] for item in reboots if item.id in self._sent]
        if events:
            waits = [asyncio.ensure_future(event.wait()) for event in events]
            _, late = await asyncio.wait(waits, timeout=timeout_s)
            for task in late:
                task.cancel()
        return [self._followed(item) for item in reboots]

    def _order_one(
        self, target: Target, reason: str, asked_by: str, *, is_automatic: bool
    ) -> Reboot:
        registration, device = target.registration, target.device
        profile = self._profile(target)
        notify = self._notify(profile, is_automatic=is_automatic)
        moment = self._now()
        reboot = Reboot(
            id=self._new_id(),
            mac=device.mac if device else registration.mac,
            extension=registration.extension,
            contact=registration.contact,
            vendor=profile.name if profile else "",
            event=notify.event,
            reason=reason,
            asked_by=asked_by,
            asked_at=moment,
            step=RebootStep.PENDING,
            steps={RebootStep.PENDING: moment},
        )
        running = self._active.get(_key(reboot))
        if running is not None and self._is_enough(running, is_automatic=is_automatic):
            return running
        self._keep(reboot)
        self._sent[reboot.id] = asyncio.Event()
        spawn(self._run(reboot, registration, notify), f"reboot {reboot.id}")
        return reboot

    def _is_enough(self, running: Reboot, *, is_automatic: bool) -> bool:
        """A NOTIFY not yet sent, or just sent and not yet obeyed, covers a new change as well."""
        if running.step is RebootStep.PENDING:
            return True
        is_young = self._now() - running.asked_at < timedelta(seconds=30)
        return is_automatic and is_young and running.step in _SENT

    def _profile(self, target: Target) -> VendorProfile | None:
        profiles = self._state.source.profiles
        if target.device is not None:
            return profiles.get(target.device.vendor)
        agent = target.registration.user_agent
        return next((item for item in profiles.values() if item.read_agent(agent)), None)

    def _notify(self, profile: VendorProfile | None, *, is_automatic: bool) -> Notify:
        if profile is None:
            return FALLBACK
        return profile.reboot if self._policy.is_restart or not is_automatic else profile.resync

    async def _run(self, reboot: Reboot, registration: Registration, notify: Notify) -> None:
        await self._take_slot()
        order = NotifyOrder(
            registration=registration,
            notify=notify,
            username=registration.extension,
            timeout_s=self._policy.answer_timeout_s,
        )

        def sent() -> None:
            self._advance(self._followed(reboot), RebootStep.NOTIFIED)
            self._sent[reboot.id].set()

        try:
            outcome = await self._notify_phone(order, sent)
        except OSError as error:
            outcome = NotifyOutcome(kind=NotifyKind.FAILED, reason=str(error))
        finally:
            self._sent[reboot.id].set()
            self._sent.pop(reboot.id)
        self._note_answer(self._followed(reboot), outcome)

    async def _notify_phone(self, order: NotifyOrder, on_sent: Callable[[], None]) -> NotifyOutcome:
        """Send; a phone that challenges may still have the secret of before the last change."""
        number = order.username
        extension = self._state.extensions.get(number)
        former = self._state.former_secrets.get(number)
        secrets = [item for item in (extension.secret if extension else None, former) if item]
        outcome = NotifyOutcome(kind=NotifyKind.FAILED)
        for secret in secrets or [Secret("")]:
            outcome = await self._engine.notify(replace(order, secret=secret), on_sent)
            if outcome.kind is not NotifyKind.CHALLENGED:
                break
        return outcome

    def _note_answer(self, reboot: Reboot, outcome: NotifyOutcome) -> None:
        step, fault = _OUTCOMES[outcome.kind]
        answered = replace(
            reboot,
            sip_code=outcome.code,
            sip_reason=outcome.reason,
            was_challenged=outcome.was_challenged,
        )
        if reboot.step in (RebootStep.FETCHED, RebootStep.REGISTERED):
            self._keep(answered)
            return
        self._advance(answered, step, fault=fault, detail=outcome.reason if fault else "")

    async def _take_slot(self) -> None:
        """Wait for this NOTIFY's turn: `per_second` of them a second, the first at once."""
        loop = asyncio.get_running_loop()
        slot_s = max(loop.time(), self._next_slot_s)
        self._next_slot_s = slot_s + 1 / self._policy.per_second
        await asyncio.sleep(slot_s - loop.time())

    # What is seen ----------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Listen: a fetch proves the reboot, a registration after it completes it."""
        match event:
            case AttemptRecorded(attempt=attempt):
                self._see_fetch(attempt)
            case PhoneRegistered(registration=registration):
                self._see_registration(registration)
            case _:
                pass

    def _see_fetch(self, attempt: Attempt) -> None:
        if attempt.mac is None or not (attempt.is_delivery and attempt.is_device_file):
            return
        reboot = self._active.get(attempt.mac.plain)
        if reboot is None or reboot.step not in _WATCHED or RebootStep.FETCHED in reboot.steps:
            return
        if RebootStep.NOTIFIED in reboot.steps:
            self._advance(replace(reboot, fault="", detail=""), RebootStep.FETCHED)

    def _see_registration(self, registration: Registration) -> None:
        for reboot in list(self._active.values()):
            if reboot.step is RebootStep.FETCHED and self._is_same_phone(reboot, registration):
                self._advance(reboot, RebootStep.REGISTERED)

    def _is_same_phone(self, reboot: Reboot, registration: Registration) -> bool:
        if registration.mac is not None and reboot.mac is not None:
            return registration.mac == reboot.mac
        if registration.extension != reboot.extension:
            return False
        seen = self._state.sightings.get(reboot.mac) if reboot.mac else None
        return registration.contact == reboot.contact or (
            seen is not None and seen.address == registration.address
        )

    def sweep(self) -> None:
        """End what waited long enough. Call about once a second."""
        now = self._now()
        for reboot in list(self._active.values()):
            since = reboot.steps.get(RebootStep.NOTIFIED)
            if since is None:
                continue
            age_s = (now - since).total_seconds()
            if reboot.step is RebootStep.ANSWERED and age_s > self._policy.fetch_timeout_s:
                detail = f"no file was fetched in {self._policy.fetch_timeout_s:g} seconds"
                self._advance(reboot, RebootStep.NOT_FETCHED, fault="P604", detail=detail)
            elif age_s > self._policy.fetch_timeout_s + self._policy.register_timeout_s:
                self._active.pop(_key(reboot), None)

    # Records ---------------------------------------------------------------------------------

    def _followed(self, reboot: Reboot) -> Reboot:
        """The record as it stands: it may have moved on while a task was waiting."""
        latest = self._latest.get(reboot.mac) if reboot.mac is not None else None
        for known in (self._active.get(_key(reboot)), latest):
            if known is not None and known.id == reboot.id:
                return known
        return reboot

    def _advance(
        self, reboot: Reboot, step: RebootStep, *, fault: str = "", detail: str = ""
    ) -> None:
        steps = {**reboot.steps, step: self._now()}
        self._keep(replace(reboot, step=step, steps=steps, fault=fault, detail=detail))

    def _keep(self, reboot: Reboot) -> None:
        current = self._active.get(_key(reboot))
        is_newest = (
            current is None or current.id == reboot.id or current.asked_at <= reboot.asked_at
        )
        if is_newest:
            if reboot.step in FINAL_STEPS and reboot.step not in _WATCHED:
                self._active.pop(_key(reboot), None)
            else:
                self._active[_key(reboot)] = reboot
            if reboot.mac is not None:
                self._latest[reboot.mac] = reboot
        spawn(self._store.put_reboot(reboot), f"save reboot {reboot.id}")
        self._publish(RebootAdvanced(reboot=reboot))


def _key(reboot: Reboot) -> str:
    return reboot.mac.plain if reboot.mac is not None else reboot.contact
