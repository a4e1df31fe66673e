"""The way of one order to its phone: its turn, the end of a call, the NOTIFY and its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from offhook.actions.busy import WAITS_FOR_CALL, Waiting
from offhook.actions.lead import Lead
from offhook.actions.ports import (
    Clock,
    NotifyKind,
    NotifyOrder,
    NotifyOutcome,
    RebootStore,
    SipEngine,
)
from offhook.actions.reboot_records import Records
from offhook.actions.state import State
from offhook.actions.targets import Targets
from offhook.core.model import Reboot, RebootStep, Registration
from offhook.core.orders import NO_TARGET
from offhook.core.secret import Secret
from offhook.core.vendor import Notify
from offhook.errors import OffhookError
from offhook.tasks import spawn

_log = logging.getLogger("offhook.reboots")

_OUTCOMES: Mapping[NotifyKind, tuple[RebootStep, str]] = {
    NotifyKind.ACCEPTED: (RebootStep.ANSWERED, ""),
    NotifyKind.REFUSED: (RebootStep.REFUSED, "P603"),
    NotifyKind.CHALLENGED: (RebootStep.CHALLENGED, "P602"),
    NotifyKind.UNANSWERED: (RebootStep.UNANSWERED, "P601"),
    NotifyKind.FAILED: (RebootStep.FAILED, "P601"),
}
REASON_KEPT = 200
"""Characters of a phone's answer that are kept."""

RETRY_S = 1.0
"""Pause before the database is asked again whether an order is ours to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootPolicy:
    """Pace and patience; `is_restart` chooses the maker's restart over its resync on a change."""

    per_second: float
    answer_timeout_s: float
    fetch_timeout_s: float
    register_timeout_s: float
    is_restart: bool

    @property
    def patience(self) -> timedelta:
        """How long a record is followed."""
        return timedelta(seconds=self.fetch_timeout_s + self.register_timeout_s)


def call_id_of(reboot: Reboot) -> str:
    """Name the NOTIFY of an order's newest try; empty where no other node could ask for it."""
    return f"{reboot.id}-{reboot.tries}" if reboot.sent_by else ""


class Sending:
    """Sends orders, paced; `running` are those under way in this process.

    Of several nodes only the one that leads may send, and takes each order durably before it does.
    """

    def __init__(
        self,
        *,
        state: State,
        engine: SipEngine,
        store: RebootStore,
        now: Clock,
        policy: RebootPolicy,
        records: Records,
        targets: Targets,
        lead: Lead,
        node: str,
    ) -> None:
        self.running: dict[str, asyncio.Task[None]] = {}
        self.waiting = Waiting(targets, engine)
        self._state = state
        self._engine = engine
        self._store = store
        self._now = now
        self._policy = policy
        self._records = records
        self._targets = targets
        self._lead = lead
        self._node = node
        self._next_slot_s = 0.0

    def is_running(self, reboot_id: str) -> bool:
        """Say whether an order is under way here."""
        return reboot_id in self.running

    @property
    def backlog_s(self) -> float:
        """How long an order waits now for those before it."""
        return max(self._next_slot_s - asyncio.get_running_loop().time(), 0.0)

    async def stop(self) -> None:
        """Send no more."""
        running, self.running = self.running, {}
        for task in running.values():
            task.cancel()
        if running:
            await asyncio.wait(running.values())

    def start(self, reboot: Reboot, registration: Registration, notify: Notify) -> None:
        """Send a new order when its turn comes."""
        task = spawn(self._run(reboot, registration, notify), f"reboot {reboot.id}")
        self.running[reboot.id] = task

    def resume(self, reboot: Reboot) -> None:
        """Send an order that was asked for elsewhere, or before this node led."""
        if reboot.is_forced:
            self.waiting.force([reboot])
        registration = self._targets.again(reboot)
        if registration is None:
            ended = self._records.advance(reboot, RebootStep.FAILED, fault="P601", detail=NO_TARGET)
            self._records.note_sent(ended, is_over=True)
            self._records.release(ended)
            return
        self.start(reboot, registration, self._notify_of(reboot))

    def _notify_of(self, reboot: Reboot) -> Notify:
        profile = self._state.source.profiles.get(reboot.vendor)
        known = (profile.reboot, profile.resync) if profile else ()
        return next(
            (item for item in known if item.event == reboot.event), Notify(event=reboot.event)
        )

    async def _run(self, reboot: Reboot, registration: Registration, notify: Notify) -> None:
        try:
            outcome = await self._sent(reboot, registration, notify)
        except OSError as error:
            outcome = NotifyOutcome(kind=NotifyKind.FAILED, reason=str(error))
        except Exception as error:
            _log.exception("reboot %s failed", reboot.id)
            outcome = NotifyOutcome(kind=NotifyKind.FAILED, reason=type(error).__name__)
        finally:
            self.waiting.forget(reboot)
            self.running.pop(reboot.id, None)
        if outcome is None:
            return
        ended = self._note_answer(self._records.current(reboot), outcome)
        self._records.note_sent(ended, is_over=True)
        self._records.release(ended)

    async def _sent(
        self, reboot: Reboot, registration: Registration, notify: Notify
    ) -> NotifyOutcome | None:
        """Send it when its turn has come; None when that is another node's by now."""
        await self._take_slot()
        while await self.waiting.has_waited(reboot, registration, lambda: self._hold(reboot)):
            await self._take_slot()
        if not await self._is_ours(reboot):
            return None
        return await self._notified(reboot, registration, notify)

    async def _is_ours(self, reboot: Reboot) -> bool:
        """Take it to send, durably: then no other node sends it, whatever becomes of this one.

        False when another node leads by now; that one goes on with it.
        """
        if not self._node:
            return True
        if reboot.tries:
            await self._records.saving.flush()
        while self._lead.is_held:
            claimed_at = self._now()
            try:
                is_taken = await self._store.claim_reboot(reboot, claimed_at)
            except OffhookError as error:
                _log.warning("reboot %s waits for the database: %s", reboot.id, error)
                await asyncio.sleep(RETRY_S)
                continue
            current = self._records.current(reboot)
            tries = current.tries + 1
            self._records.followed.put(
                replace(current, sent_by=self._node, claimed_at=claimed_at, tries=tries)
            )
            # Looked at last: a process that was stopped meanwhile sends nothing any more.
            return is_taken and self._lead.is_held
        return False

    async def _notified(
        self, reboot: Reboot, registration: Registration, notify: Notify
    ) -> NotifyOutcome:
        """Send; a phone that challenges may still have the secret of before the last change."""
        live = self._targets.now(reboot, registration)
        if live is None:
            return NotifyOutcome(kind=NotifyKind.FAILED, reason=NO_TARGET)
        if live.contact != reboot.contact:
            moved = replace(
                self._records.current(reboot), contact=live.contact, extension=live.extension
            )
            self._records.followed.put(moved)
        extension = self._state.extensions.get(live.extension)
        former = self._state.former_secrets.get(live.extension)
        secrets = [item for item in (extension.secret if extension else None, former) if item]
        leaves_at = self._now()

        def may_leave() -> bool:
            # Its phone may fetch at another node before we come to know that it left.
            nonlocal leaves_at
            leaves_at = self._now()
            return self._lead.is_held

        order = NotifyOrder(
            registration=live,
            notify=notify,
            username=live.extension,
            timeout_s=self._policy.answer_timeout_s,
            call_id=call_id_of(self._records.current(reboot)),
            is_ours=may_leave,
        )
        outcome = NotifyOutcome(kind=NotifyKind.FAILED)
        for secret in secrets or [Secret("")]:
            with_secret = replace(order, secret=secret)
            outcome = await self._engine.notify(
                with_secret, lambda: self._note_sent(reboot, leaves_at)
            )
            if outcome.kind is not NotifyKind.CHALLENGED:
                break
        return outcome

    def _hold(self, reboot: Reboot) -> None:
        self._records.keep(replace(self._records.current(reboot), detail=WAITS_FOR_CALL))

    def _note_sent(self, reboot: Reboot, at: datetime) -> None:
        current = self._records.current(reboot)
        if current.step is RebootStep.PENDING:
            sent = self._records.advance(current, RebootStep.NOTIFIED, at=at)
            self._records.note_sent(sent, is_over=False)

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
            return self._records.keep(answered)
        detail = outcome.reason[:REASON_KEPT] if fault else ""
        return self._records.advance(answered, step, fault=fault, detail=detail)

    async def _take_slot(self) -> None:
        """Wait for this NOTIFY's turn: `per_second` of them a second, the first at once."""
        loop = asyncio.get_running_loop()
        slot_s = max(loop.time(), self._next_slot_s)
        self._next_slot_s = slot_s + 1 / self._policy.per_second
        await asyncio.sleep(slot_s - loop.time())
