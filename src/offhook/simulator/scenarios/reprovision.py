"""Names change: exactly the phones of these extensions are told, fetch, and register again."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from offhook.simulator.fleet import Fleet
from offhook.simulator.fleet_phone import FleetPhone
from offhook.simulator.probing import probing
from offhook.simulator.scenarios.booted import Booted
from offhook.simulator.site import Site, SiteError

QUIET_S = 2.0
"""How long phones that are not concerned are watched after the last one that is."""


@dataclass(slots=True, kw_only=True)
class Reprovision(Booted):
    """`rename` extensions get a new name over the API, 0 for all; it waits `patience_s` for them.

    Figures: `renamed`; `done_s` from the first change until the last phone was registered again
    with its new name, there only if all were; `touched` phones were told or fetched although
    nothing changed for them.
    """

    site: Site
    rename: int = 1
    patience_s: float = 600.0
    name: str = "reprovision"

    async def play(self, fleet: Fleet) -> None:
        """Rename, wait for the phones, look at the others."""
        right = [phone for phone in fleet.phones if phone.is_right]
        changed = right[: self.rename or len(right)]
        before = {phone: (phone.told, phone.fetched) for phone in fleet.phones}
        self.step = "renaming"
        async with probing(fleet.phones[::-1], "fetch_meanwhile"):
            await self._change(fleet, changed, before)
            await asyncio.sleep(QUIET_S)
        self.figures["renamed"] = len(changed)
        self.figures["touched"] = _note_touched(fleet, set(changed), before)

    async def _change(
        self,
        fleet: Fleet,
        changed: Sequence[FleetPhone],
        before: dict[FleetPhone, tuple[int, int]],
    ) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self.site.each(self._rename(fleet, phone) for phone in changed)
        fleet.record.time("all_renamed", loop.time() - began)
        self.step = "phones take it over"
        waiting = list(changed)
        try:
            async with asyncio.timeout(self.patience_s):
                while waiting:
                    waiting = [phone for phone in waiting if not _is_done(phone, before)]
                    self.part = 1 - len(waiting) / max(len(changed), 1)
                    await asyncio.sleep(0.1)
        except TimeoutError:
            _note_waiting(fleet, waiting, before)
        else:
            self.figures["done_s"] = loop.time() - began

    async def _rename(self, fleet: Fleet, phone: FleetPhone) -> None:
        loop = asyncio.get_running_loop()
        name, began = f"Simulated {phone.spec.number} {secrets.token_hex(2)}", loop.time()
        phone.expected_name = name
        try:
            await self.site.rename(phone.spec.number, name)
        except SiteError as error:
            fleet.record.fail(f"rename: {error}", phone.label, error.hint)
        else:
            fleet.record.time("rename", loop.time() - began)


def _is_done(phone: FleetPhone, before: dict[FleetPhone, tuple[int, int]]) -> bool:
    return phone.fetched > before[phone][1] and phone.is_right


def _note_waiting(
    fleet: Fleet, waiting: Sequence[FleetPhone], before: dict[FleetPhone, tuple[int, int]]
) -> None:
    for phone in waiting:
        told, fetched = before[phone]
        kind = "reprovision: not told"
        if phone.told > told:
            kind = "reprovision: told, did not fetch"
        if phone.fetched > fetched:
            kind = f"reprovision: fetched, {phone.problem or 'not registered again'}"
        fleet.record.fail(kind, phone.label)


def _note_touched(
    fleet: Fleet, changed: set[FleetPhone], before: dict[FleetPhone, tuple[int, int]]
) -> int:
    touched = [
        phone
        for phone in fleet.phones
        if phone not in changed and (phone.told, phone.fetched) != before[phone]
    ]
    for phone in touched:
        fleet.record.fail("reprovision: touched although nothing changed for it", phone.label)
    return len(touched)
