"""Synchronise extensions with a directory: read, plan, brakes, apply, wake, report."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from offhook.actions.changing import Changing, new_password
from offhook.actions.directory_ports import (
    DirectoryError,
    DirectorySource,
    DirectoryTest,
    LinkStore,
    SyncReport,
)
from offhook.actions.ports import (
    DeleteExtension,
    PutDevice,
    PutExtension,
    PutLink,
    SipEngine,
    Write,
)
from offhook.actions.reboots import Reboots, Target
from offhook.actions.state import State
from offhook.actions.sync_effects import Effects, effects_of, shown_problem, shown_step
from offhook.actions.sync_turn import LeaseStore, Running, SyncTurn
from offhook.core.directory import DirectoryPolicy, DirectoryRead, Link, Plan, PlanStep
from offhook.core.directory_apply import Applied, Outdated, apply_step
from offhook.core.directory_plan import ZERO_PEOPLE, plan
from offhook.core.directory_values import to_people
from offhook.core.mac import Mac
from offhook.core.model import Change, Extension, Reboot
from offhook.core.secret import Secret
from offhook.diagnosis.rules import fault
from offhook.errors import BadRequestError, OffhookError

_log = logging.getLogger("offhook.directory")

SENT_WAIT_S = 2.0
_TARGETS_A_TURN = 50


@dataclass(slots=True)
class Outcome:
    """What applying gathered."""

    applied: list[PlanStep] = field(default_factory=list)
    errors: list[dict[str, object]] = field(default_factory=list)
    targets: dict[str, Target] = field(default_factory=dict)
    pending: set[Mac] = field(default_factory=set)
    ended: list[str] = field(default_factory=list)


class Sync:
    """One source's synchronisation; one run at a time."""

    def __init__(
        self,
        *,
        source: DirectorySource,
        policy: DirectoryPolicy,
        state: State,
        changing: Changing,
        reboots: Reboots,
        engine: SipEngine,
        store: LinkStore,
        new_id: Callable[[], str],
        reports_keep: int = 200,
        leases: LeaseStore | None = None,
    ) -> None:
        self._source = source
        self._policy = policy
        self._state = state
        self._changing = changing
        self._reboots = reboots
        self._engine = engine
        self._store = store
        self._new_id = new_id
        self._keep = reports_keep
        self._turn = SyncTurn(f"sync {source.name}", leases)
        self.certificate_ends: datetime | None = None

    @property
    def name(self) -> str:
        """The source's name, which links carry."""
        return self._source.name

    @property
    def running(self) -> Running | None:
        """The run of the moment, here."""
        return self._turn.running

    async def running_anywhere(self) -> Running | None:
        """The run of the moment, at whatever node. Raises StoreError."""
        return await self._turn.running_anywhere()

    async def test(self) -> DirectoryTest:
        """Connect, sign in and count. Raises BadRequestError (502) with the fault."""
        try:
            found = await self._source.test()
        except DirectoryError as error:
            finding = fault(error.code).finding(self.name, **error.values)
            raise BadRequestError(error.code, finding.message, finding.hint, status=502) from None
        self.certificate_ends = found.certificate_ends
        return found

    async def run(
        self, asked_by: str, *, is_dry_run: bool = False, confirm: str = ""
    ) -> SyncReport:
        """Run once; gives the report, also of a run that failed or was refused.

        409 when a run is under way, or when `confirm` names another plan than is due now.
        """
        running = Running(id=self._new_id())
        async with self._turn.taken(running):
            return await self._reported(running, asked_by, is_dry_run=is_dry_run, confirm=confirm)

    async def _reported(
        self, running: Running, asked_by: str, *, is_dry_run: bool, confirm: str
    ) -> SyncReport:
        begun = time.monotonic()
        empty = SyncReport(
            id=running.id,
            source=self.name,
            started_at=self._changing.now(),
            seconds=0.0,
            asked_by=asked_by,
            status="failed",
            is_dry_run=is_dry_run,
        )
        report = await self._run(empty, running, confirm)
        report = replace(report, seconds=round(time.monotonic() - begun, 3))
        await self._store.put_report(report, self._keep)
        _tell(report)
        return report

    async def _run(self, report: SyncReport, running: Running, confirm: str) -> SyncReport:
        try:
            read = await self._source.read(running.note)
            self.certificate_ends = read.certificate_ends or self.certificate_ends
            found = await self._planned(read, running)
        except DirectoryError as error:
            finding = fault(error.code).finding(self.name, **error.values)
            return replace(report, fault=error.code, error=finding.message)
        report = replace(
            report,
            server=read.server,
            warnings=(*read.warnings, *found.warnings),
            plan_id=found.id,
            counts=dict(found.counts),
            changes=[shown_step(step) for step in found.steps],
            problems=[shown_problem(problem) for problem in found.problems],
            brakes=[
                {
                    "name": hit.name,
                    "count": hit.count,
                    "limit": hit.limit,
                    "logins": list(hit.logins),
                }
                for hit in found.brakes
            ],
        )
        if confirm and confirm != found.id and not report.is_dry_run:
            raise BadRequestError(
                "plan_changed",
                f"the plan due now is {found.id}, not {confirm[:32]}: the directory moved on",
                "look at a new dry run, then confirm its plan",
                status=409,
            )
        if report.is_dry_run:
            would = await asyncio.to_thread(self._would_reboot, found)
            return replace(report, status="dry_run", would_reboot=[mac.plain for mac in would])
        if found.brakes and (confirm != found.id or _is_hard(found)):
            hit = found.brakes[0]
            finding = fault("P511").finding(
                self.name, brake=hit.name, count=hit.count, limit=hit.limit
            )
            return replace(report, status="refused", fault="P511", error=finding.message)
        return await self._apply(report, running, found)

    async def _planned(self, read: DirectoryRead, running: Running) -> Plan:
        running.note("comparing", len(read.entries))
        people, problems = await asyncio.to_thread(to_people, read.entries, self._policy)
        present = {entry.guid for entry in read.entries}
        own = (link for link in self._state.links.values() if link.source == self.name)
        absent = sorted(link.guid for link in own if link.guid not in present)
        # An empty answer is refused by its brake: asking for everybody one by one proves nothing.
        still = await self._source.still_there(absent) if absent and present else {}
        return await asyncio.to_thread(
            plan,
            people,
            problems,
            dict(self._state.links),
            dict(self._state.extensions),
            self._policy,
            self._changing.now(),
            source=self.name,
            invocation_id=read.invocation_id,
            still_there=still,
        )

    # Applying --------------------------------------------------------------------------------

    async def _apply(self, report: SyncReport, running: Running, found: Plan) -> SyncReport:
        outcome = Outcome()
        running.total = len(found.steps)
        for done, step in enumerate(found.steps, start=1):
            try:
                await self._apply_one(report.asked_by, step, outcome)
            except OffhookError as error:
                outcome.errors.append(
                    {
                        "login": step.login,
                        "guid": step.guid,
                        "fault": getattr(error, "code", "") or "store",
                        "message": str(error),
                    }
                )
            running.note("applying", done)
        self._changing.note_converged(len(outcome.targets) + len(outcome.pending))
        reboots: list[Reboot] = []
        targets = list(outcome.targets.values())
        for begin in range(0, len(targets), _TARGETS_A_TURN):
            reboots += self._reboots.order(
                targets[begin : begin + _TARGETS_A_TURN],
                reason="directory synchronisation",
                asked_by=report.asked_by,
                is_automatic=True,
            )
            await asyncio.sleep(0)
        sent = await self._reboots.wait_sent(reboots, SENT_WAIT_S)
        for number in outcome.ended:
            await self._engine.remove(number)
        return self._finished(report, outcome, sent)

    def _finished(self, report: SyncReport, outcome: Outcome, reboots: list[Reboot]) -> SyncReport:
        done = [shown_step(step) for step in outcome.applied]
        status = "ok" if done else "unchanged"
        return replace(
            report,
            status="partial" if outcome.errors else status,
            changes=done,
            problems=[*report.problems, *outcome.errors],
            reboots=[reboot.id for reboot in reboots],
            pending=len(outcome.pending),
        )

    async def _apply_one(self, actor: str, step: PlanStep, outcome: Outcome) -> None:
        """One person, one transaction: extension, lines, link and Change row together."""
        async with self._state.lock:
            self._turn.check()
            applied = apply_step(
                self._state.extensions,
                self._state.links,
                step,
                self._changing.now(),
                lambda: Secret(new_password()),
            )
            if isinstance(applied, Outdated):
                raise BadRequestError("outdated", applied.reason, "the next run plans anew")
            effects = effects_of(self._state, applied)
            changed = self._changing.changed(
                effects.devices, effects.former_devices, effects.source
            )
            targets = {
                mac: self._reboots.targets_of(before)
                for mac in changed
                if (before := effects.former_devices[mac]) is not None
            }
            await self._changing.commit(self._writes(applied, effects), self._rows(actor, step))
            self._changing.files.forget(device.mac for device in effects.devices)
        outcome.applied.append(step)
        for mac in changed:
            found = targets.get(mac, [])
            outcome.targets.update((mac.plain, target) for target in found)
            if not found:
                outcome.pending.add(mac)
        if applied.former_number:
            outcome.ended.append(applied.former_number)
        if applied.extension is not None and not applied.extension.is_enabled:
            outcome.ended.append(applied.extension.number)

    def _writes(self, applied: Applied, effects: Effects) -> list[Write]:
        writes: list[Write] = [PutLink(link=applied.link)]
        if applied.extension is not None:
            writes.append(PutExtension(extension=applied.extension))
        if applied.former_number:
            writes += [PutDevice(device=device) for device in effects.devices]
            writes.append(DeleteExtension(number=applied.former_number))
        return writes

    def _rows(self, actor: str, step: PlanStep) -> list[Change]:
        if not step.changes:
            return []
        return [
            self._changing.change(
                f"{self.name} ({actor})",
                "extension",
                step.number or step.old_number,
                ", ".join(kind.value for kind in step.kinds),
                {change.field: change.old for change in step.changes},
                {change.field: change.new for change in step.changes},
            )
        ]

    def _would_reboot(self, found: Plan) -> list[Mac]:
        """The devices whose files would change, without writing anything."""
        extensions: dict[str, Extension] = dict(self._state.extensions)
        links: dict[str, Link] = dict(self._state.links)
        macs: set[Mac] = set()
        for step in found.steps:
            applied = apply_step(
                extensions, links, step, self._changing.now(), lambda: Secret("dry-run-secret")
            )
            if isinstance(applied, Outdated) or applied.extension is None:
                continue
            effects = effects_of(self._state, applied)
            try:
                macs |= set(
                    self._changing.changed(effects.devices, effects.former_devices, effects.source)
                )
            except BadRequestError:
                continue  # the run itself will report it for this person
            extensions.pop(applied.former_number, None)
            extensions[applied.extension.number] = applied.extension
        return sorted(macs)


def _is_hard(found: Plan) -> bool:
    return any(hit.name == ZERO_PEOPLE for hit in found.brakes)


def _tell(report: SyncReport) -> None:
    counts = ", ".join(f"{count} {kind}" for kind, count in report.counts.items() if count)
    level = logging.WARNING if report.status in ("failed", "refused", "partial") else logging.INFO
    _log.log(
        level,
        "Directory sync %s %s in %.1f s: %s%s",
        report.id,
        report.status,
        report.seconds,
        counts or "nothing",
        f"; {report.fault} {report.error}" if report.fault else "",
    )
    for problem in list(report.problems)[:20]:
        _log.warning("  %s %s: %s", problem["fault"], problem["login"], problem["message"])
