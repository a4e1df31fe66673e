"""Runs every scenario and prints the confusion table: `python -m tests.faultbench.run`."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faultbench.bench import benched
from tests.faultbench.scenario import SCENARIOS, Result, Scenario
from tests.faultbench.scenarios import load

AT_ONCE = 4
SLOWEST_SHOWN = 5
Outcome = tuple[Scenario, Result, Mapping[str, Any]]


async def run_one(scenario: Scenario, folder: Path) -> Outcome:
    """Run a scenario on a PBX of its own."""
    async with benched(folder, **scenario.settings) as bench:
        diagnosis = await bench.diagnosis(await scenario.act(bench))
    return scenario, scenario.judge(diagnosis), diagnosis


async def run_all(
    scenarios: Sequence[Scenario], took_s: dict[str, float] | None = None
) -> list[Outcome]:
    """Run a few at a time; `took_s` gets the seconds of each. A scenario that fails is broken."""
    places = asyncio.Semaphore(AT_ONCE)

    async def placed(scenario: Scenario) -> Outcome:
        async with places:
            began_s = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                try:
                    return await run_one(scenario, Path(folder))
                except Exception as error:  # the others must be heard
                    return scenario, Result.BROKEN, {"findings": [], "summary": repr(error)}
                finally:
                    if took_s is not None:
                        took_s[scenario.name] = time.monotonic() - began_s

    return list(await asyncio.gather(*map(placed, scenarios)))


def table(outcomes: Sequence[Outcome]) -> str:
    """Write the confusion table: a line per fault, one for the healthy, and the sum."""
    rows: dict[str, Counter[Result]] = {}
    for scenario, result, _ in outcomes:
        rows.setdefault(scenario.code or "healthy", Counter())[result] += 1
    heads = list(Result)
    lines = ["fault    " + "".join(f"{head.value:>16}" for head in heads)]
    for name, counts in sorted(rows.items()):
        lines.append(f"{name:9}" + "".join(f"{counts[head] or '':>16}" for head in heads))
    total = sum(rows.values(), Counter[Result]())
    lines.append(f"{'all':9}" + "".join(f"{total[head]:>16}" for head in heads))
    faults = sum(1 for scenario, _, _ in outcomes if scenario.code)
    share = 100 * total[Result.FIRST] / faults if faults else 0.0
    healthy = len(outcomes) - faults
    lines.append(
        f"{faults} faults: {share:.1f} % named first; "
        f"{healthy} healthy: {total[Result.FALSE_ALARM]} false alarms"
    )
    return "\n".join(lines)


def main() -> int:
    """Run them all; exit code 1 when a fault is not named first, or a healthy phone is blamed."""
    logging.disable(logging.CRITICAL)  # the scenarios make the PBX complain
    load()
    chosen = [item for item in SCENARIOS.values() if not sys.argv[1:] or item.name in sys.argv[1:]]
    took_s: dict[str, float] = {}
    outcomes = asyncio.run(run_all(chosen, took_s))
    for scenario, result, diagnosis in outcomes:
        if result not in (Result.FIRST, Result.SILENT):
            codes = [f"{it['code']} {it['name']}" for it in diagnosis["findings"]]
            print(f"{result.value}: {scenario.name} ({scenario.code}): {codes}")
            print(f"    {diagnosis['summary']}")
            for item in diagnosis["findings"][:3]:
                print(
                    *(f"    {item['code']}: {line['what']}" for line in item["evidence"]), sep="\n"
                )
    slowest = sorted(took_s.items(), key=lambda item: -item[1])[:SLOWEST_SHOWN]
    print("slowest:", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest))
    print(table(outcomes))
    return any(result not in (Result.FIRST, Result.SILENT) for _, result, _ in outcomes)


if __name__ == "__main__":
    raise SystemExit(main())
