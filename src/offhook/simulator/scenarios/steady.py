"""An office at work: phones register again, look for new files, and call each other."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from offhook.simulator.conduct import Stage
from offhook.simulator.fleet import Fleet
from offhook.simulator.fleet_phone import FleetPhone
from offhook.simulator.scenarios.booted import Booted

CALL_ENDS_WITHIN_S = 40.0
"""After the last call's talk: as long as an unanswered BYE is repeated, and a little more."""
TRIES = 20


@dataclass(slots=True, kw_only=True)
class Steady(Booted):
    """Once all are up they work for `seconds`; `calls` begin each second and talk `talk_s`.

    Figures: `lost` phones were up before and are not afterwards; `calls_skipped` found no two
    phones that were free.
    """

    seconds: float = 60.0
    calls: float = 0.0
    talk_s: float = 2.0
    name: str = "steady"
    _calling: set[asyncio.Task[None]] = field(default_factory=set)

    async def play(self, fleet: Fleet) -> None:
        """Work, wait for the last call."""
        up = [phone for phone in fleet.phones if phone.stage is Stage.UP]
        self.step = "working"
        await self._work(fleet)
        self.step = "hanging up"
        if self._calling:
            await asyncio.wait(tuple(self._calling), timeout=CALL_ENDS_WITHIN_S)
        self.figures["calls_unended"] = len(self._calling)
        self.figures["lost"] = sum(phone.stage is Stage.FAILED for phone in up)

    async def _work(self, fleet: Fleet) -> None:
        loop, chance = asyncio.get_running_loop(), random.Random(2)  # noqa: S311 - who calls whom
        began, begun = loop.time(), 0
        self.figures["calls_skipped"] = 0
        while (gone_s := loop.time() - began) < self.seconds:
            self.part = gone_s / self.seconds
            while begun < gone_s * self.calls:
                begun += 1
                self._begin_call(fleet, chance)
            await asyncio.sleep(0.02 if self.calls else 0.2)

    def _begin_call(self, fleet: Fleet, chance: random.Random) -> None:
        pair = find_pair(fleet, chance)
        if pair is None:
            self.figures["calls_skipped"] += 1
            return
        call = fleet.spawn(pair[0].call(pair[1], self.talk_s), "call of a simulated phone")
        self._calling.add(call)
        call.add_done_callback(self._calling.discard)


def find_pair(fleet: Fleet, chance: random.Random) -> tuple[FleetPhone, FleetPhone] | None:
    """Choose two phones that can talk; None when a few tries find none."""
    if len(fleet.phones) < 2:
        return None
    for _ in range(TRIES):
        one, other = chance.sample(fleet.phones, 2)
        if one.can_talk and other.can_talk:
            return one, other
    return None
