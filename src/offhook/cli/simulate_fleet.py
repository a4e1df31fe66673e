"""Many simulated phones: chooses or makes their devices, plays, reports, cleans up."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import typer

from offhook.cli.client import CannotRunError
from offhook.cli.screen import Screen
from offhook.cli.simulate_screen import counter, show_live, show_report
from offhook.cli.simulate_url import check_host, folder_url
from offhook.loops import loop_factory
from offhook.simulator.conduct import Conduct, PhoneSpec
from offhook.simulator.fleet import Fleet, Scenario, open_fleet, run_scenario
from offhook.simulator.http_link import find_place
from offhook.simulator.scenarios.boot_storm import BootStorm
from offhook.simulator.scenarios.junk import Junk
from offhook.simulator.scenarios.reprovision import Reprovision
from offhook.simulator.scenarios.steady import Steady
from offhook.simulator.site import Site, SiteError, planned
from offhook.tasks import spawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """Which devices are played, how missing ones come to be, and what becomes of them."""

    count: int
    is_existing: bool
    is_create: bool
    first_number: int
    is_clean: bool
    is_yes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What is played, as the options say it."""

    scenario: str
    within_s: float
    patience_s: float
    seconds: float
    calls: float
    talk_s: float
    speed: float
    refetch_every_s: float
    rename: int
    rate: float
    restart_s: float
    connections: str

    def conduct(self) -> Conduct:
        """How the phones behave: only steady ones hurry."""
        is_steady = self.scenario == "steady"
        return Conduct(
            patience_s=self.patience_s,
            restart_s=self.restart_s,
            connections=self.connections,
            speed=self.speed if is_steady else 1.0,
            refetch_every_s=self.refetch_every_s if is_steady else 0.0,
        )

    def make(self, site: Site) -> Scenario:
        """Make the scenario."""
        match self.scenario:
            case "steady":
                return Steady(
                    within_s=self.within_s,
                    seconds=self.seconds,
                    calls=self.calls,
                    talk_s=self.talk_s,
                )
            case "reprovision":
                return Reprovision(site=site, within_s=self.within_s, rename=self.rename)
            case "junk":
                return Junk(within_s=self.within_s, seconds=self.seconds, rate=self.rate)
            case _:
                return BootStorm(within_s=self.within_s)


def play_fleet(
    wanted: Play,
    picks: Picks,
    *,
    url: str,
    config: Path | None,
    token: str,
    owns_network: bool,
    screen: Screen,
) -> int:
    """Play a scenario; 0 when nothing failed, 1 when something did. Raises CannotRunError."""
    folder = folder_url(url, config)
    check_host(folder, owns_network=owns_network)
    if picks.is_existing and wanted.scenario == "reprovision":
        raise CannotRunError(
            "reprovision renames extensions, which are people's where devices are real",
            "leave --existing out: it plays devices made for it",
        )

    async def play() -> int:
        site = Site(await find_place(folder), token)
        try:
            code = 0
            if picks.count:
                specs = await _pick(site, picks, screen)
                fleet = await open_fleet(
                    specs, folder, conduct=wanted.conduct(), owns_network=owns_network
                )
                code = await _play(wanted.make(site), fleet, screen)
            if picks.is_clean:
                await _clean(site, picks, screen)
        finally:
            site.close()
        return code

    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(play())
    except SiteError as error:
        raise CannotRunError(str(error), error.hint) from None
    except OSError as error:
        raise CannotRunError(f"{folder}: {error.strerror or error}", "check --url") from None


async def _play(scenario: Scenario, fleet: Fleet, screen: Screen) -> int:
    gc.collect()
    gc.freeze()  # looking through thousands of phones again and again would stop them all
    stop = _stop_signal()
    showing = spawn(show_live(screen, scenario, fleet), "show the fleet")
    try:
        report = await run_scenario(scenario, fleet, stop=stop)
    finally:
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing
        await fleet.close()
    show_report(screen, report)
    return 0 if report.is_clean else 1


def _stop_signal() -> asyncio.Event:
    """Set by the first Ctrl-C or SIGTERM; a second one ends the process as it always does."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        stop.set()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ask)
    return stop


async def _pick(site: Site, picks: Picks, screen: Screen) -> list[PhoneSpec]:
    if picks.is_existing:
        found = await site.own_devices(picks.count)
        if len(found) < picks.count:
            raise CannotRunError(
                f"the PBX has only {len(found)} devices of its own",
                f"offhook simulate {len(found)} --existing, or leave --existing out",
            )
        return found
    marked = [item.spec for item in await site.marked() if item.spec is not None]
    if len(marked) < picks.count:
        marked += await _added(site, picks, marked, screen)
    return marked[: picks.count]


async def _added(
    site: Site, picks: Picks, marked: Sequence[PhoneSpec], screen: Screen
) -> list[PhoneSpec]:
    """Add what is missing, once a person or an option has said yes."""
    taken = {spec.mac for spec in marked} | {spec.number for spec in marked}
    plan = planned(picks.count + len(marked), picks.first_number)
    missing = [spec for spec in plan if not {spec.mac, spec.number} & taken]
    missing = missing[: picks.count - len(marked)]
    question = (
        f"Add {len(missing)} extensions from {missing[0].number} on and as many devices "
        "for simulated phones?"
    )
    if not picks.is_create and not _asked(question, screen):
        raise CannotRunError(
            f"the PBX has {len(marked)} devices for simulated phones, {picks.count} are needed",
            "--create adds the missing ones, --existing plays the PBX's own devices",
        )
    await site.add(missing, counter(screen, "Added", len(missing)))
    return missing


async def _clean(site: Site, picks: Picks, screen: Screen) -> None:
    marked = await site.marked()
    question = f"Remove {len(marked)} extensions and devices of simulated phones?"
    if marked and (picks.is_yes or _asked(question, screen)):
        await site.remove(marked, counter(screen, "Removed", len(marked)))
    elif marked:
        screen.note("Nothing removed; --yes removes without asking")


def _asked(question: str, screen: Screen) -> bool:
    """Ask a person, where there is one."""
    if screen.as_json or not sys.stdin.isatty():
        return False
    return typer.confirm(question)
