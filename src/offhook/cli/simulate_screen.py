"""How a fleet is shown: a bar and live figures, or lines when nobody looks; then the report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from offhook.cli.screen import Screen
from offhook.simulator.conduct import Stage
from offhook.simulator.fleet import Fleet, Scenario
from offhook.simulator.report import Report, Spread

LIVE_S = 0.25
LINE_S = 5.0


async def show_live(screen: Screen, scenario: Scenario, fleet: Fleet) -> None:
    """Show how it goes until cancelled; nothing with --json."""
    if screen.as_json:
        return
    began = time.monotonic()
    if not screen.out.is_terminal:
        while True:
            await asyncio.sleep(LINE_S)
            screen.say(figures_line(scenario, fleet, time.monotonic() - began))
    with Live(console=screen.out, transient=True, auto_refresh=False) as live:
        while True:
            live.update(_board(scenario, fleet, time.monotonic() - began), refresh=True)
            await asyncio.sleep(LIVE_S)


def figures_line(scenario: Scenario, fleet: Fleet, seconds: float) -> str:
    """The figures of this moment in one line."""
    stages, counts = fleet.stages, fleet.record.counts
    parts = [
        f"{seconds:.0f} s",
        f"{stages[Stage.UP]} of {len(fleet.phones)} up",
        f"{stages[Stage.FETCHING]} fetching",
        f"{stages[Stage.REGISTERING]} registering",
        f"{counts['fetch']} files",
        f"{counts['register']} registrations",
    ]
    if counts["calls"]:
        parts.append(f"{counts['calls']} calls")
    parts.append(f"{fleet.record.failed} failures")
    return f"{scenario.step}: " + ", ".join(parts)


def _board(scenario: Scenario, fleet: Fleet, seconds: float) -> Table:
    board = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=1.0, completed=scenario.progress(fleet), width=40)
    board.add_row(Text(scenario.name, style="bold"), bar, Text(f"{seconds:.0f} s"))
    below = Table.grid()
    below.add_row(board)
    below.add_row(Text(figures_line(scenario, fleet, seconds), style="dim"))
    return below


def show_report(screen: Screen, report: Report) -> None:
    """Print a report for people, or as JSON."""
    if screen.gave_data(report.to_json()):
        return
    ended = "" if report.is_whole else ", ended early"
    screen.say(f"{report.scenario}: {report.phones} phones, {report.seconds:.1f} s{ended}", "bold")
    screen.facts([(_words(name), f"{value:g}") for name, value in report.figures.items()])
    screen.say("")
    spreads = [(_words(name), *_cells(spread)) for name, spread in report.times_s.items()]
    screen.table(("seconds", "count", "p50", "p90", "p99", "max"), spreads)
    screen.say("")
    rates = [(_words(name), f"{value:.1f}") for name, value in report.rates.items()]
    screen.table(("a second", ""), rates)
    screen.say("")
    screen.table(("counted", ""), [(_words(name), count) for name, count in report.counts.items()])
    screen.say("")
    makers = [
        (row.maker, row.phones, row.right, row.boots, *_cells(row.boot_s)[1:])
        for row in report.makers
    ]
    head = ("maker", "phones", "right", "boots", "boot p50", "p90", "p99", "max")
    screen.table(head, makers)
    _show_failures(screen, report)


def _show_failures(screen: Screen, report: Report) -> None:
    for title, found in (
        ("Failed and tried again", report.retried),
        ("Failed for good", report.failures),
    ):
        if found:
            screen.say("")
            screen.say(title, "bold")
            for item in found:
                screen.say(
                    f"  {item.count} x {item.kind}" + (f" ({item.example})" * bool(item.example))
                )
                screen.say(
                    f"      {'; '.join(item.phones)}" + " …" * (item.count > len(item.phones))
                )
    if report.is_clean:
        screen.say("")
        screen.say("No failures", "green")


def _cells(spread: Spread) -> tuple[str, ...]:
    return (
        str(spread.count),
        *(f"{value:.3f}" for value in (spread.p50, spread.p90, spread.p99, spread.max)),
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def counter(screen: Screen, what: str, total: int) -> Callable[[int], None]:
    """Give what tells how much of a long piece of work is done, now and then."""
    told = time.monotonic()

    def tell(done: int) -> None:
        nonlocal told
        if done == total or time.monotonic() - told > LINE_S:
            told = time.monotonic()
            screen.say(f"{what}: {done} of {total}")

    return tell
