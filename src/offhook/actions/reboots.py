"""Tell phones to fetch again, and believe it only when they did."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from offhook.actions.followed import phone_of
from offhook.actions.lead import Lead
from offhook.actions.ports import (
    Clock,
    Publish,
    RebootStore,
    SipEngine,
)
from offhook.actions.reboot_records import SENT, WATCHED, Records
from offhook.actions.reboot_seen import Seen
from offhook.actions.sending import RebootPolicy as RebootPolicy
from offhook.actions.sending import Sending, call_id_of
from offhook.actions.state import State
from offhook.actions.targets import Target as Target
from offhook.actions.targets import Targets
from offhook.core.events import Event
from offhook.core.mac import Mac
from offhook.core.model import Device, Reboot, RebootStep
from offhook.core.vendor import Notify, VendorProfile
from offhook.tasks import spawn

_log = logging.getLogger("offhook.reboots")

# Most phones know this one; for phones whose maker we cannot tell (unverified).
FALLBACK = Notify(event="check-sync;reboot=true")

LOADED = 20_000
"""Records taken up at a restart: more than one order to a whole fleet of 10,000."""

TRIES = 2
"""How often an order may be taken to send: again only when nobody knows whether it ever left."""


class Reboots:
    """Keeps every reboot's record and moves it along by what is seen.

    Of several nodes only the one that leads (`lead`) sends and moves records on; the others add
    orders and learn what became of them. `node` names this one; empty without others.
    """

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
        lead: Lead | None = None,
        node: str = "",
        publish_elsewhere: Publish | None = None,
    ) -> None:
        self._state = state
        self._engine = engine
        self._store = store
        self._now = now
        self._new_id = new_id
        self._policy = policy
        self._lead = lead or Lead()
        self._node = node
        self._is_leading = not node
        self._records = Records(store, publish, now, publish_elsewhere)
        self._targets = Targets(state, engine)
        self._sending = Sending(
            state=state,
            engine=engine,
            store=store,
            now=now,
            policy=policy,
            records=self._records,
            targets=self._targets,
            lead=self._lead,
            node=node,
        )
        self._seen = Seen(state, self._records, self._targets, self._lead, self._sending.is_running)
        self.is_awaited = self._records.followed.has_phone  # its next fetch may prove a reboot

    async def load(self) -> None:
        """Take up the records of before a restart; what cannot be followed any more ends.

        With other nodes, whoever leads goes on with them (`take_up`).
        """
        for reboot in reversed(await self._store.list_reboots(LOADED)):
            if reboot.mac is not None:
                self._records.latest[reboot.mac] = reboot
            if self._sending.is_running(reboot.id):
                continue
            if self._node:
                self._records.followed.put(reboot)
                self._records.release(reboot)
            elif reboot.step is RebootStep.PENDING:
                detail = "offhook was restarted before it was sent"
                self._records.advance(reboot, RebootStep.FAILED, fault="P601", detail=detail)
            else:
                self._follow(reboot)

    async def stop(self) -> None:
        """Send no more and finish writing; what waits ends at the next start. Idempotent."""
        await self._sending.stop()
        await self._records.saving.stop()

    def latest(self) -> Mapping[Mac, Reboot]:
        """The newest record of each device."""
        return self._records.latest

    def current(self, reboot_id: str) -> Reboot | None:
        """A record that is still followed."""
        return self._records.followed.get(reboot_id)

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
            self._force(ordered)
        return ordered

    def _force(self, ordered: Sequence[Reboot]) -> None:
        self._sending.waiting.force(ordered)
        if self._node:
            ids = [item.id for item in ordered]
            spawn(self._force_elsewhere(ids), "force reboots")

    async def _force_elsewhere(self, ids: Sequence[str]) -> None:
        await self._records.saving.flush()
        await self._store.force_reboots(ids)

    @property
    def backlog_s(self) -> float:
        """How long an order waits now for those before it, in seconds."""
        return self._sending.backlog_s

    async def wait_sent(self, reboots: Sequence[Reboot], timeout_s: float) -> list[Reboot]:
        """Wait until the NOTIFYs have left and the records are saved, at most so long.

        Gives the records as they are then.
        """
        ends_s = asyncio.get_running_loop().time() + timeout_s
        sent = self._records.sent
        leaving = {item.id: sent[item.id] for item in reboots if item.id in sent}
        if leaving:
            await asyncio.wait(leaving.values(), timeout=timeout_s)
        left_s = ends_s - asyncio.get_running_loop().time()
        await self._records.saving.flush(max(left_s, 0))
        return [self._newest(item, leaving.get(item.id)) for item in reboots]

    async def saved(self, timeout_s: float) -> None:
        """Wait until what was ordered is in the store, at most so long."""
        await self._records.saving.flush(timeout_s)

    def _newest(self, reboot: Reboot, sent: asyncio.Future[Reboot] | None) -> Reboot:
        followed = self._records.followed.get(reboot.id)
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
        for running in reversed(self._records.followed.of_phone(phone_of(reboot))):
            restarts = profile.reboot.event if profile else notify.event
            if running.event in (notify.event, restarts) and self._is_enough(
                running, is_automatic=is_automatic
            ):
                return running
        self._records.begin(reboot)
        if self._is_leading:
            self._sending.start(reboot, registration, notify)
        return reboot

    def _is_enough(self, running: Reboot, *, is_automatic: bool) -> bool:
        """A NOTIFY not yet sent, or just sent and not yet obeyed, covers a new change as well."""
        if running.step is RebootStep.PENDING:
            return True
        is_young = self._now() - running.asked_at < timedelta(seconds=30)
        return is_automatic and is_young and running.step in SENT

    def _profile(self, target: Target) -> VendorProfile | None:
        profiles = self._state.source.profiles
        if target.device is not None:
            return profiles.get(target.device.vendor)
        agent = target.registration.user_agent
        return next((item for item in profiles.values() if item.read_agent(agent)), None)

    # What is seen ----------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Listen: a fetch proves the reboot, a registration after it completes it."""
        self._seen.on_event(event)

    def sweep(self) -> None:
        """Go on where a call ended, end what waited long enough. Call about once a second."""
        if not self._is_leading or not self._lead.is_held:
            return
        self._sending.waiting.sweep()
        for reboot in self._records.followed:
            if not self._sending.is_running(reboot.id):
                self._sweep_one(reboot)

    def _sweep_one(self, reboot: Reboot) -> None:
        if self._seen.is_in_doubt(reboot):
            self._sweep_doubt(reboot)
            return
        if self._node and reboot.step is RebootStep.PENDING:
            self._sending.resume(reboot)  # its turn came in the moment when nobody led
            return
        since = reboot.steps.get(RebootStep.NOTIFIED)
        if since is None:
            return
        age = self._now() - since
        if (
            reboot.step is RebootStep.ANSWERED
            and age.total_seconds() > self._policy.fetch_timeout_s
        ):
            detail = f"no file was fetched in {self._policy.fetch_timeout_s:g} seconds"
            self._records.advance(reboot, RebootStep.NOT_FETCHED, fault="P604", detail=detail)
        elif age > self._policy.patience:
            self._records.followed.drop(reboot.id)

    # Several nodes ---------------------------------------------------------------------------

    async def take_up(self) -> None:
        """Lead from now on: send what waits, follow what was sent. Raises StoreError."""
        self._is_leading = True
        try:
            found = await self._store.open_reboots(LOADED)
        except BaseException:
            self._is_leading = False
            raise
        for reboot in found:
            if not self._sending.is_running(reboot.id):
                self._take(reboot)
        for reboot in self._records.followed:
            if self._seen.is_in_doubt(reboot):
                await self._ask_engine(reboot)

    async def stand_down(self) -> None:
        """Another node leads: send nothing, and take its word for what becomes of orders."""
        self._is_leading = False
        await self._sending.stop()

    def learn(self, reboots: Sequence[Reboot]) -> None:
        """Take what another node wrote: new orders when we lead, else how far they are.

        Who was stopped and goes on hears what another one did meanwhile before it knows that it
        leads no longer.
        """
        for reboot in reboots:
            is_new = reboot.step is RebootStep.PENDING and not reboot.sent_by
            is_under_way = self._sending.is_running(reboot.id)
            if not (self._is_leading and self._lead.is_held):
                self._records.mirror(reboot)
            elif is_new and reboot.is_forced and is_under_way:
                self._sending.waiting.force([reboot])
            elif not (is_under_way or self._records.saving.has(reboot.id)):
                self._records.mirror(reboot)
                if is_new:
                    self._take(reboot)

    def _take(self, reboot: Reboot) -> None:
        self._records.followed.put(reboot)
        if reboot.step is not RebootStep.PENDING:
            self._follow(reboot)
        elif not reboot.sent_by:
            self._sending.resume(reboot)

    def _follow(self, reboot: Reboot) -> None:
        """Go on with one that was sent: its phone may have fetched while nobody followed."""
        is_young = self._now() - reboot.asked_at < self._policy.patience
        if reboot.step in WATCHED and RebootStep.FETCHED not in reboot.steps:
            if self._seen.has_fetched(reboot) and is_young:
                self._records.advance(reboot, RebootStep.FETCHED)
                return
            if reboot.step is RebootStep.NOTIFIED:
                detail = "offhook was restarted before an answer came"
                self._records.advance(reboot, RebootStep.UNANSWERED, fault="P601", detail=detail)
                return
        if reboot.step is RebootStep.ANSWERED or (reboot.step in WATCHED and is_young):
            self._records.followed.put(reboot)
        else:
            self._records.followed.drop(reboot.id)

    async def _ask_engine(self, reboot: Reboot) -> None:
        """Whether the node before sent it, Kamailio may know: it outlives nodes."""
        has_left = (
            None
            if self._seen.has_fetched(reboot)
            else await self._engine.has_left(call_id_of(reboot))
        )
        current = self._records.current(reboot)
        if has_left is None or not self._is_leading or not self._seen.is_in_doubt(current):
            return
        if has_left:
            steps = {**current.steps, RebootStep.NOTIFIED: current.claimed_at or current.asked_at}
            self._follow(replace(current, step=RebootStep.NOTIFIED, steps=steps))
            self._records.note_sent(self._records.current(reboot), is_over=True)
        else:
            self._again(current)

    def _again(self, reboot: Reboot) -> None:
        self._sending.resume(self._records.keep(replace(reboot, sent_by="", claimed_at=None)))

    def _sweep_doubt(self, reboot: Reboot) -> None:
        """One that another node took and may have sent: a fetch tells, else it is sent once more.

        Not before the phone had its whole time to fetch, so that no phone is told twice; and once
        only, so that no order comes back for ever.
        """
        age_s = (self._now() - (reboot.claimed_at or reboot.asked_at)).total_seconds()
        if self._seen.has_fetched(reboot):
            self._records.note_sent(self._records.advance(reboot, RebootStep.FETCHED), is_over=True)
        elif age_s <= self._policy.fetch_timeout_s:
            return
        elif reboot.tries < TRIES:
            self._again(reboot)
        else:
            detail = "the nodes that took it to send ended, and the phone did not fetch"
            ended = self._records.advance(
                reboot, RebootStep.UNANSWERED, fault="P601", detail=detail
            )
            self._records.note_sent(ended, is_over=True)
