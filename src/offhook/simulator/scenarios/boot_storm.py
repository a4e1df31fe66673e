"""A power cut is over: every phone boots within seconds, and none may be lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from offhook.simulator.conduct import Stage
from offhook.simulator.fleet import Fleet


def boot_moments(count: int, within_s: float, seed: int = 0) -> Sequence[float]:
    """Spread boots evenly at random over a time, in order; the same every time."""
    chance = random.Random(seed)  # noqa: S311 - spreads boots
    return sorted(chance.uniform(0.0, within_s) for _ in range(count))


@dataclass(slots=True, kw_only=True)
class BootStorm:
    """Every phone boots once within `within_s`; it ends when all are up or have given up.

    Figure `all_right_s` is when the last one was up, there only if all came up right.
    """

    within_s: float = 10.0
    name: str = "boot-storm"
    step: str = "booting"
    figures: dict[str, float] = field(default_factory=dict)

    async def run(self, fleet: Fleet) -> None:
        """Power on, and wait for all."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await boot_all(fleet, self.within_s)
        took_s = loop.time() - began
        if note_wrong(fleet) == 0:
            self.figures["all_right_s"] = took_s

    def progress(self, fleet: Fleet) -> float:
        """How many are up or have given up."""
        return fleet.settled / max(len(fleet.phones), 1)


async def boot_all(fleet: Fleet, within_s: float) -> None:
    """Power all phones on within a time, makers mixed, and wait until they are up or gave up."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    phones = random.Random(1).sample(fleet.phones, len(fleet.phones))  # noqa: S311 - spreads boots
    for phone, moment in zip(phones, boot_moments(len(phones), within_s), strict=True):
        pause_s = began + moment - loop.time()
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        phone.power_on()
    await fleet.until_settled()


def note_wrong(fleet: Fleet) -> int:
    """Note phones that are up with what they should not have; gives how many are not right."""
    wrong = [phone for phone in fleet.phones if not phone.is_right]
    for phone in wrong:
        if phone.problem and phone.stage is not Stage.FAILED:
            fleet.record.fail(phone.problem, phone.label, f"extension {phone.spec.number}")
    return len(wrong)
