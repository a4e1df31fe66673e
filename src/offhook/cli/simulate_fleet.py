"""Many simulated phones: chooses or makes their devices, plays, reports, cleans up."""

from __future__ import annotations

import asyncio
import gc
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from offhook.cli.client import CannotRunError
from offhook.cli.screen import Screen
from offhook.cli.simulate_devices import Picks, clean, pick
from offhook.cli.simulate_screen import show_live, show_report
from offhook.cli.simulate_url import check_host, folder_url
from offhook.loops import loop_factory
from offhook.simulator.conduct import Conduct
from offhook.simulator.fleet import Fleet, Scenario, open_fleet, run_scenario
from offhook.simulator.http_link import find_place
from offhook.simulator.scenarios.boot_storm import BootStorm
from offhook.simulator.scenarios.junk import Junk
from offhook.simulator.scenarios.reprovision import Reprovision
from offhook.simulator.scenarios.steady import Steady
from offhook.simulator.site import Site, SiteError
from offhook.tasks import spawn


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
                fleet = await open_fleet(
                    await pick(site, picks, screen),
                    folder,
                    conduct=wanted.conduct(),
                    owns_network=owns_network,
                )
                code = await _play(wanted.make(site), fleet, screen)
            if picks.is_clean:
                await clean(site, picks, screen)
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
    if fleet.sockets_short > 0:
        screen.note(
            f"This system lets {fleet.sockets_short} of these phones have no connection while all "
            "others have one; ulimit -Hn is the limit"
        )
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
