"""Tell phones to fetch again, and believe it only when they did."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from offhook.actions.busy import WAITS_FOR_CALL, Waiting
from offhook.actions.followed import Followed, Saving, phone_of
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
from offhook.actions.targets import Target as Target
from offhook.actions.targets import Targets
from offhook.core.events import AttemptRecorded, Event, PhoneRegistered, RebootAdvanced
from offhook.core.mac import Mac
from offhook.core.model import FINAL_STEPS, Attempt, Device, Reboot, RebootStep, Registration
from offhook.core.orders import NO_TARGET
from offhook.core.secret import Secret
from offhook.core.vendor import Notify, VendorProfile
from offhook.tasks import spawn

_log = logging.getLogger("offhook.reboots")

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
REASON_KEPT = 200
"""Characters of a phone's answer that are kept."""

LOADED = 20_000
"""Records taken up at a restart: more than one order to a whole fleet of 10,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootPolicy:
    """Pace and patience; `is_restart` chooses the maker's restart over its resync on a change."""

    per_second: float
    answer_timeout_s: float
    fetch_timeout_s: float
    register_timeout_s: float
    is_restart: bool


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
        self._targets = Targets(state, engine)
        self._waiting = Waiting(self._targets, engine)
        self._followed = Followed()
        self.is_awaited = self._followed.has_phone  # its next fetch may prove a reboot
        self._saving = Saving(store.put_reboot)
        self._latest: dict[Mac, Reboot] = {}
        self._sent: dict[str, asyncio.Future[Reboot]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._next_slot_s = 0.0

    async def load(self) -> None:
        """Take up the records of before a restart; what cannot be followed any more ends."""
        patience = timedelta(seconds=self._policy.fetch_timeout_s + self._policy.register_timeout_s)
        for reboot in reversed(await self._store.list_reboots(LOADED)):
            if reboot.mac is not None:
                self._latest[reboot.mac] = reboot
            if reboot.step is RebootStep.PENDING:
                detail = "offhook was restarted before it was sent"
                self._advance(reboot, RebootStep.FAILED, fault="P601", detail=detail)
            elif reboot.step is RebootStep.NOTIFIED:
                detail = "offhook was restarted before an answer came"
                self._advance(reboot, RebootStep.UNANSWERED, fault="P601", detail=detail)
            elif reboot.step is RebootStep.ANSWERED or (
                reboot.step in _WATCHED and self._now() - reboot.asked_at < patience
            ):
                self._followed.put(reboot)

    async def stop(self) -> None:
        """Send no more and finish writing; what waits ends at the next start. Idempotent."""
        for task in tuple(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(tuple(self._running))
        await self._saving.flush()

    def latest(self) -> Mapping[Mac, Reboot]:
        """The newest record of each device."""
        return self._latest

    def current(self, reboot_id: str) -> Reboot | None:
        """A record that is still followed."""
        return self._followed.get(reboot_id)

    def targets_of(self, device: Device) -> list[Target]:
        """The device's newest live registration, never a sibling's: one NOTIFY wakes the phone."""
        return self._targets.of_device(device)

    def targets_of_extension(self, number: str) -> list[Target]:
        """Each phone registered for an extension, with its device where one is known."""
        return self._targets.of_extension(number)

    def order(
        self,
        targets: Sequence[Target],
        *,
        reason: str,
        asked_by: str,
        is_automatic: bool,
        is_forced: bool = False,
        is_restart: bool | None = None,
    ) -> list[Reboot]:
        """Begin a reboot of each target, paced; gives the records, new or already on their way.

        A phone in a call is told when it has hung up, one that is forced at once. `is_restart`
        chooses between the maker's restart and its resync; None lets the policy choose.
        """
        if is_restart is None:
            is_restart = self._policy.is_restart or not is_automatic
        ordered = [
            self._order_one(
                target, reason, asked_by, is_automatic=is_automatic, is_restart=is_restart
            )
            for target in targets
        ]
        if is_forced:
            self._waiting.force(ordered)
        return ordered

    async def wait_sent(self, reboots: Sequence[Reboot], timeout_s: float) -> list[Reboot]:
        """Wait until the NOTIFYs have left and the records are saved, at most so long.

        Gives the records as they are then.
        """
        ends_s = asyncio.get_running_loop().time() + timeout_s
        leaving = {item.id: self._sent[item.id] for item in reboots if item.id in self._sent}
        if leaving:
            await asyncio.wait(leaving.values(), timeout=timeout_s)
        left_s = ends_s - asyncio.get_running_loop().time()
        await self._saving.flush(max(left_s, 0))
        return [self._newest(item, leaving.get(item.id)) for item in reboots]

    def _newest(self, reboot: Reboot, sent: asyncio.Future[Reboot] | None) -> Reboot:
        followed = self._followed.get(reboot.id)
        if followed is not None:
            return followed
        return sent.result() if sent is not None and sent.done() else reboot

    def _order_one(
        self, target: Target, reason: str, asked_by: str, *, is_automatic: bool, is_restart: bool
    ) -> Reboot:
        registration, device = target.registration, target.device
        profile = self._profile(target)
        notify = FALLBACK
        if profile is not None:
            notify = profile.reboot if is_restart else profile.resync
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
        for running in reversed(self._followed.of_phone(phone_of(reboot))):
            restarts = profile.reboot.event if profile else notify.event
            if running.event in (notify.event, restarts) and self._is_enough(
                running, is_automatic=is_automatic
            ):
                return running
        self._sent[reboot.id] = asyncio.get_running_loop().create_future()
        if reboot.mac is not None:
            self._latest[reboot.mac] = reboot
        self._keep(reboot)
        task = spawn(self._run(reboot, registration, notify), f"reboot {reboot.id}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
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

    async def _run(self, reboot: Reboot, registration: Registration, notify: Notify) -> None:
        try:
            await self._take_slot()
            while await self._waiting.has_waited(reboot, registration, lambda: self._hold(reboot)):
                await self._take_slot()
            outcome = await self._notified(reboot, registration, notify)
        except OSError as error:
            outcome = NotifyOutcome(kind=NotifyKind.FAILED, reason=str(error))
        except Exception as error:
            _log.exception("reboot %s failed", reboot.id)
            outcome = NotifyOutcome(kind=NotifyKind.FAILED, reason=type(error).__name__)
        self._waiting.forget(reboot)
        ended = self._note_answer(self._followed.get(reboot.id) or reboot, outcome)
        sent = self._sent.pop(reboot.id)
        if not sent.done():
            sent.set_result(ended)
        self._release(ended)

    async def _notified(
        self, reboot: Reboot, registration: Registration, notify: Notify
    ) -> NotifyOutcome:
        """Send; a phone that challenges may still have the secret of before the last change."""
        live = self._targets.now(reboot, registration)
        if live is None:
            return NotifyOutcome(kind=NotifyKind.FAILED, reason=NO_TARGET)
        if live.contact != reboot.contact:
            self._followed.put(replace(reboot, contact=live.contact, extension=live.extension))
        extension = self._state.extensions.get(live.extension)
        former = self._state.former_secrets.get(live.extension)
        secrets = [item for item in (extension.secret if extension else None, former) if item]
        order = NotifyOrder(
            registration=live,
            notify=notify,
            username=live.extension,
            timeout_s=self._policy.answer_timeout_s,
        )
        outcome = NotifyOutcome(kind=NotifyKind.FAILED)
        for secret in secrets or [Secret("")]:
            with_secret = replace(order, secret=secret)
            outcome = await self._engine.notify(with_secret, lambda: self._note_sent(reboot))
            if outcome.kind is not NotifyKind.CHALLENGED:
                break
        return outcome

    def _hold(self, reboot: Reboot) -> None:
        self._keep(replace(self._followed.get(reboot.id) or reboot, detail=WAITS_FOR_CALL))

    def _note_sent(self, reboot: Reboot) -> None:
        current = self._followed.get(reboot.id) or reboot
        if current.step is RebootStep.PENDING:
            self._sent[reboot.id].set_result(self._advance(current, RebootStep.NOTIFIED))

    def _note_answer(self, reboot: Reboot, outcome: NotifyOutcome) -> Reboot:
        step, fault = _OUTCOMES[outcome.kind]
        answered = replace(
            reboot,
            sip_code=outcome.code,
            sip_reason=outcome.reason[:REASON_KEPT],
            was_challenged=outcome.was_challenged,
        )
        if reboot.step in (RebootStep.FETCHED, RebootStep.REGISTERED):
            # The phone came back already: what became of our NOTIFY's answer changes nothing.
            return self._keep(answered)
        detail = outcome.reason[:REASON_KEPT] if fault else ""
        return self._advance(answered, step, fault=fault, detail=detail)

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
        if attempt.mac is None or not len(self._followed):
            return
        if not (attempt.is_delivery and attempt.is_device_file):
            return
        for reboot in self._followed.of_phone(attempt.mac.plain):
            is_told = RebootStep.NOTIFIED in reboot.steps
            if is_told and reboot.step in _WATCHED and RebootStep.FETCHED not in reboot.steps:
                self._advance(reboot, RebootStep.FETCHED)

    def _see_registration(self, registration: Registration) -> None:
        for reboot in self._waiting_for(registration):
            if reboot.step is RebootStep.FETCHED and self._is_same_phone(reboot, registration):
                self._advance(reboot, RebootStep.REGISTERED)

    def _waiting_for(self, registration: Registration) -> list[Reboot]:
        """Reboots that the registration may complete: by extension, by device, by MAC."""
        if not len(self._followed):
            return []
        found = self._followed.of_extension(registration.extension)
        macs = [item.mac for item in self._state.devices_of(registration.extension)]
        if registration.mac is not None:
            macs.append(registration.mac)
        for mac in macs:
            found += self._followed.of_phone(mac.plain)
        return list({item.id: item for item in found}.values())

    def _is_same_phone(self, reboot: Reboot, registration: Registration) -> bool:
        if registration.mac is not None and reboot.mac is not None:
            return registration.mac == reboot.mac
        if registration.contact == reboot.contact:
            return True
        device = self._state.devices.get(reboot.mac) if reboot.mac else None
        return device is not None and any(
            item.contact == registration.contact for item in self._targets.live(device)
        )

    def sweep(self) -> None:
        """Go on where a call ended, end what waited long enough. Call about once a second."""
        self._waiting.sweep()
        now = self._now()
        for reboot in self._followed:
            since = reboot.steps.get(RebootStep.NOTIFIED)
            if since is None or reboot.id in self._sent:
                continue
            age_s = (now - since).total_seconds()
            if reboot.step is RebootStep.ANSWERED and age_s > self._policy.fetch_timeout_s:
                detail = f"no file was fetched in {self._policy.fetch_timeout_s:g} seconds"
                self._advance(reboot, RebootStep.NOT_FETCHED, fault="P604", detail=detail)
            elif age_s > self._policy.fetch_timeout_s + self._policy.register_timeout_s:
                self._followed.drop(reboot.id)

    # Records ---------------------------------------------------------------------------------

    def _advance(
        self, reboot: Reboot, step: RebootStep, *, fault: str = "", detail: str = ""
    ) -> Reboot:
        steps = {**reboot.steps, step: self._now()}
        return self._keep(replace(reboot, step=step, steps=steps, fault=fault, detail=detail))

    def _keep(self, reboot: Reboot) -> Reboot:
        self._followed.put(reboot)
        self._release(reboot)
        if reboot.mac is not None:
            latest = self._latest.get(reboot.mac)
            if latest is not None and latest.id == reboot.id:
                self._latest[reboot.mac] = reboot
        self._saving.note(reboot)
        self._publish(RebootAdvanced(reboot=reboot))
        return reboot

    def _release(self, reboot: Reboot) -> None:
        """Follow no longer what has ended; not before its answer is in, which belongs to it."""
        has_ended = reboot.step in FINAL_STEPS and reboot.step not in _WATCHED
        if has_ended and reboot.id not in self._sent:
            self._followed.drop(reboot.id)
