"""The beginning of scenarios: every phone is up before anything else happens."""

from __future__ import annotations

import abc
from dataclasses import dataclass, field

from offhook.simulator.fleet import Fleet
from offhook.simulator.scenarios.boot_storm import boot_all, note_wrong


@dataclass(slots=True, kw_only=True)
class Booted(abc.ABC):
    """All boot within `within_s`, then the scenario is played; `part` of it is over."""

    within_s: float = 10.0
    name: str
    step: str = "booting"
    figures: dict[str, float] = field(default_factory=dict)
    part: float = 0.0

    async def run(self, fleet: Fleet) -> None:
        """Boot, and play."""
        await boot_all(fleet, self.within_s)
        note_wrong(fleet)
        await self.play(fleet)

    @abc.abstractmethod
    async def play(self, fleet: Fleet) -> None:
        """Do what the scenario is about."""

    def progress(self, fleet: Fleet) -> float:
        """The part that is over."""
        return self.part
