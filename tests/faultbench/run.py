"""Runs every scenario and prints the confusion table: `python -m tests.faultbench.run`."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.faultbench.bench import benched
from tests.faultbench.scenario import SCENARIOS, Result, Scenario
from tests.faultbench.scenarios import load

AT_ONCE = 4
PROCESSES = 4
SLOWEST_SHOWN = 5
RIGHT = (Result.FIRST, Result.SILENT)
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
                except Exception:  # the others must be heard
                    told = {"findings": [], "summary": traceback.format_exc()}
                    return scenario, Result.BROKEN, told
                finally:
                    if took_s is not None:
                        took_s[scenario.name] = time.monotonic() - began_s

    return list(await asyncio.gather(*map(placed, scenarios)))


def run_shared(names: Sequence[str]) -> tuple[list[Outcome], dict[str, float]]:
    """Run scenarios by name in as many processes as there are processors; gives seconds as well."""
    load()
    count = max(1, min(os.cpu_count() or 1, PROCESSES, len(names)))
    outcomes: list[Outcome] = []
    took_s: dict[str, float] = {}
    # Not forked: what the caller has open and running stays its own.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        for told, seconds in pool.map(_run_share, [names[place::count] for place in range(count)]):
            outcomes += [(SCENARIOS[name], result, found) for name, result, found in told]
            took_s |= seconds
    return outcomes, took_s


def _run_share(
    names: Sequence[str],
) -> tuple[list[tuple[str, Result, Mapping[str, Any]]], dict[str, float]]:
    logging.disable(logging.CRITICAL)  # the scenarios make the PBX complain
    load()
    took_s: dict[str, float] = {}
    outcomes = asyncio.run(run_all([SCENARIOS[name] for name in names], took_s))
    return [(scenario.name, result, found) for scenario, result, found in outcomes], took_s


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
    load()
    outcomes, took_s = run_shared([name for name in SCENARIOS if name in (sys.argv[1:] or [name])])
    for scenario, result, diagnosis in outcomes:
        if result not in RIGHT:
            print(told(scenario, result, diagnosis))
    slowest = sorted(took_s.items(), key=lambda item: -item[1])[:SLOWEST_SHOWN]
    print("slowest:", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest))
    print(table(outcomes))
    return any(result not in RIGHT for _, result, _ in outcomes)


def told(scenario: Scenario, result: Result, diagnosis: Mapping[str, Any]) -> str:
    """Say what came of a scenario instead of what was expected."""
    lines = [f"{result.value}: {scenario.name} ({scenario.code})", f"    {diagnosis['summary']}"]
    lines += [
        f"    {item['code']}: {line['what']}"
        for item in diagnosis["findings"][:3]
        for line in item["evidence"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
