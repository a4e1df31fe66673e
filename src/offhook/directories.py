"""Wire the directories of the settings: their sources, their runs, their schedule."""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.actions.changing import Changing
from offhook.actions.directory_facts import directory_facts
from offhook.actions.directory_ports import DirectorySource, LinkStore
from offhook.actions.lead import Lead
from offhook.actions.ports import Clock, SipEngine
from offhook.actions.reboots import Reboots
from offhook.actions.sync import Sync
from offhook.actions.sync_turn import LeaseStore
from offhook.core.directory import DirectoryPolicy
from offhook.diagnosis.facts import ConfigProblem, DirectoryFacts
from offhook.directory.file import FileDirectory
from offhook.directory_settings import IntegrationSettings, Plan, seconds
from offhook.errors import BadRequestError
from offhook.settings import SettingsError

_log = logging.getLogger("offhook.directory")


def build_syncs(
    settings: IntegrationSettings,
    *,
    changing: Changing,
    reboots: Reboots,
    engine: SipEngine,
    store: LinkStore,
    leases: LeaseStore | None = None,
) -> dict[str, Sync]:
    """The synchronisations that are enabled, by source. Raises SettingsError."""

    def sync(source: DirectorySource, plan: Plan, policy: DirectoryPolicy) -> Sync:
        return Sync(
            source=source,
            policy=policy,
            state=changing.state,
            changing=changing,
            reboots=reboots,
            engine=engine,
            store=store,
            new_id=lambda: secrets.token_hex(8),
            reports_keep=plan.reports_keep,
            leases=leases,
        )

    syncs = {}
    directory, file = settings.active_directory, settings.file
    if directory.enabled:
        # Here, because most sites have no directory and start faster without its library.
        from offhook.directory.ldap import LdapDirectory

        try:
            source = LdapDirectory(directory.ldap(), name="ad")
        except (ValueError, OSError) as error:
            problem = ConfigProblem(
                code="P105", key="integrations.active_directory", message=str(error)
            )
            raise SettingsError((problem,)) from None
        syncs["ad"] = sync(source, directory, directory.policy())
    if file.enabled and file.path is not None:
        syncs["file"] = sync(FileDirectory(file.path, name="file"), file, file.policy())
    return syncs


async def facts_of(syncs: Mapping[str, Sync], store: LinkStore) -> DirectoryFacts | None:
    """What the rules are told: of the Active Directory, or else of the file."""
    if not syncs:
        return None
    sync = syncs.get("ad") or next(iter(syncs.values()))
    return directory_facts(sync.name, await store.list_reports(20), sync.certificate_ends)


@dataclass(slots=True)
class Schedule:
    """Runs what is due; call `tick` every few seconds.

    A source runs by itself only after its first run was asked for, each time `every` after the
    last, with jitter; an automatic run never confirms a plan that a brake refused. Of several nodes
    the one that leads does it.
    """

    syncs: Mapping[str, Sync]
    settings: IntegrationSettings
    store: LinkStore
    now: Clock
    lead: Lead = field(default_factory=Lead)
    _due: dict[str, float] = field(default_factory=dict)

    async def tick(self) -> None:
        """Look at every source once."""
        if not self.lead.is_held:
            self._due.clear()
            return
        for name, sync in self.syncs.items():
            plan = self.settings.active_directory if name == "ad" else self.settings.file
            if not seconds(plan.schedule.every):
                continue
            if name not in self._due:
                age_s = await self._age_s(name)
                if age_s is not None:
                    self._due[name] = _next_due(plan, age_s)
            elif time.monotonic() >= self._due[name] and sync.running is None:
                self._due[name] = _next_due(plan)
                await self._run(sync)

    async def _age_s(self, name: str) -> float | None:
        """How long ago its last run began, at whatever node; None before the first."""
        reports = await self.store.list_reports(200)
        runs = [it.started_at for it in reports if it.source == name and not it.is_dry_run]
        return (self.now() - max(runs)).total_seconds() if runs else None

    async def _run(self, sync: Sync) -> None:
        try:
            await sync.run("schedule")
        except BadRequestError as error:
            _log.info("Directory sync not run now: %s", error)


def _next_due(plan: Plan, age_s: float = 0.0) -> float:
    jitter = random.uniform(0, seconds(plan.schedule.jitter))  # noqa: S311 - spreads load only
    return time.monotonic() + max(seconds(plan.schedule.every) - age_s, 0.0) + jitter
