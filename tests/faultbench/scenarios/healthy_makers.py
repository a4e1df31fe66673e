"""Nothing is wrong: phones of each maker that boot, register and obey."""

from __future__ import annotations

from tests.faultbench.bench import PROFILES, Bench
from tests.faultbench.scenario import Act, healthy


def _boots(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        return (await bench.well(vendor)).mac.colons

    act.__name__ = f"{vendor}_phone_boots_and_registers"
    return act


for _vendor in PROFILES:
    healthy()(_boots(_vendor))
