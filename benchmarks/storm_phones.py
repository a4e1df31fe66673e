"""The phones of the boot storm, as a process of their own.

`python -m benchmarks.storm_phones URL COUNT` boots them all at once and prints the report as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys

from offhook.loops import loop_factory
from offhook.simulator.conduct import Conduct
from offhook.simulator.fleet import open_fleet, run_scenario
from offhook.simulator.scenarios.boot_storm import BootStorm
from offhook.simulator.site import planned

FIRST_NUMBER = 900_000
PATIENCE_S = 100


async def storm(url: str, count: int) -> dict[str, object]:
    """Boot all, and report."""
    fleet = await open_fleet(
        planned(count, FIRST_NUMBER), url, conduct=Conduct(patience_s=PATIENCE_S)
    )
    try:
        return (await run_scenario(BootStorm(within_s=0), fleet)).to_json()
    finally:
        await fleet.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        print(json.dumps(runner.run(storm(sys.argv[1], int(sys.argv[2])))))
