"""The records of reboots: those followed, the newest of each device, and their way to the store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

from offhook.actions.followed import Followed, Saving
from offhook.actions.ports import Clock, Publish, RebootStore
from offhook.core.events import RebootAdvanced
from offhook.core.mac import Mac
from offhook.core.model import FINAL_STEPS, Reboot, RebootStep

SENT = {RebootStep.NOTIFIED, RebootStep.ANSWERED}
WATCHED = SENT | {
    RebootStep.UNANSWERED,
    RebootStep.CHALLENGED,
    RebootStep.REFUSED,
    RebootStep.FETCHED,
}
"""Steps after which a fetch or a registration still moves a record on."""


class Records:
    """Keeps every record's newest state, tells of each step, and saves it.

    `sent` has a future for each order that is not known to have left; its result is the record
    then. `publish_elsewhere` tells of steps that another node wrote.
    """

    def __init__(
        self,
        store: RebootStore,
        publish: Publish,
        now: Clock,
        publish_elsewhere: Publish | None = None,
    ) -> None:
        self.followed = Followed()
        self.saving = Saving(store.put_reboots)
        self.latest: dict[Mac, Reboot] = {}
        self.sent: dict[str, asyncio.Future[Reboot]] = {}
        self._publish = publish
        self._publish_elsewhere = publish_elsewhere or publish
        self._now = now

    def current(self, reboot: Reboot) -> Reboot:
        """The record as it stands now."""
        return self.followed.get(reboot.id) or reboot

    def begin(self, reboot: Reboot) -> Reboot:
        """Take down a new order."""
        self.sent[reboot.id] = asyncio.get_running_loop().create_future()
        if reboot.mac is not None:
            self.latest[reboot.mac] = reboot
        return self.keep(reboot)

    def advance(
        self,
        reboot: Reboot,
        step: RebootStep,
        *,
        at: datetime | None = None,
        fault: str = "",
        detail: str = "",
    ) -> Reboot:
        """Note the next step, of now unless it was `at`."""
        steps = {**reboot.steps, step: at or self._now()}
        return self.keep(replace(reboot, step=step, steps=steps, fault=fault, detail=detail))

    def keep(self, reboot: Reboot) -> Reboot:
        """Note a record, save it soon, and tell of it."""
        self._note(reboot)
        self.saving.note(reboot)
        self._publish(RebootAdvanced(reboot=reboot))
        return reboot

    def mirror(self, reboot: Reboot) -> None:
        """Note a record as another node wrote it; orders asked for here learn that they left."""
        if reboot.mac is not None:
            known = self.latest.get(reboot.mac)
            if known is None or known.asked_at <= reboot.asked_at:
                self.latest[reboot.mac] = reboot
        if reboot.step is not RebootStep.PENDING:
            self.note_sent(reboot, is_over=True)
        self._note(reboot)
        self._publish_elsewhere(RebootAdvanced(reboot=reboot))

    def note_sent(self, reboot: Reboot, *, is_over: bool) -> None:
        """Tell whoever waits that an order has left; when it is over, nobody waits any more."""
        sent = self.sent.pop(reboot.id, None) if is_over else self.sent.get(reboot.id)
        if sent is not None and not sent.done():
            sent.set_result(reboot)

    def release(self, reboot: Reboot) -> None:
        """Follow no longer what has ended; not before its answer is in, which belongs to it."""
        has_ended = reboot.step in FINAL_STEPS and reboot.step not in WATCHED
        if has_ended and reboot.id not in self.sent:
            self.followed.drop(reboot.id)

    def _note(self, reboot: Reboot) -> None:
        self.followed.put(reboot)
        self.release(reboot)
        if reboot.mac is not None:
            latest = self.latest.get(reboot.mac)
            if latest is not None and latest.id == reboot.id:
                self.latest[reboot.mac] = reboot
