"""`offhook simulate`: one simulated phone, or thousands, against a running PBX."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from offhook.cli.client import CannotRunError, exit_code
from offhook.cli.screen import Screen

group = typer.Typer()

_ONE = "One phone"
_FLEET = "Many phones"
_WHICH = "Which devices many phones play"


class ScenarioName(StrEnum):
    """What many phones play."""

    BOOT_STORM = "boot-storm"
    STEADY = "steady"
    REPROVISION = "reprovision"
    JUNK = "junk"


class Connections(StrEnum):
    """How phones use HTTP connections."""

    MAKER = "maker"
    CLOSE = "close"
    KEEP_ALIVE = "keep-alive"


@group.command("simulate")
def simulate(
    count: Annotated[int | None, typer.Argument(help="how many phones", min=0)] = None,
    url: Annotated[
        str, typer.Option(help="URL the phones were given", show_default="this machine's PBX")
    ] = "",
    config: Annotated[
        Path | None, typer.Option(help="config.yml of the PBX", show_default="./config.yml")
    ] = None,
    token: Annotated[
        str, typer.Option(envvar="OFFHOOK_TOKEN", help="API token, if the PBX is remote")
    ] = "",
    owns_network: Annotated[
        bool, typer.Option("--i-own-this-network", help="allow a PBX on another machine")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON: a line for each act, or the report")
    ] = False,
    vendor: Annotated[
        str, typer.Option(help="maker, as offhook vendor list names it", rich_help_panel=_ONE)
    ] = "",
    model: Annotated[str, typer.Option(help="model, any spelling", rich_help_panel=_ONE)] = "",
    mac: Annotated[str, typer.Option(help="MAC address, any spelling", rich_help_panel=_ONE)] = "",
    is_once: Annotated[
        bool,
        typer.Option(
            "--once", help="stop after booting; do not wait for NOTIFY", rich_help_panel=_ONE
        ),
    ] = False,
    scenario: Annotated[
        ScenarioName, typer.Option(help="what they play", rich_help_panel=_FLEET)
    ] = ScenarioName.BOOT_STORM,
    within_s: Annotated[
        float,
        typer.Option("--within", min=0.0, help="seconds in which all boot", rich_help_panel=_FLEET),
    ] = 10.0,
    patience_s: Annotated[
        float,
        typer.Option(
            "--patience",
            min=1.0,
            help="seconds after which a boot is given up",
            rich_help_panel=_FLEET,
        ),
    ] = 120.0,
    seconds: Annotated[
        float,
        typer.Option(min=1.0, help="steady, junk: how long they play", rich_help_panel=_FLEET),
    ] = 30.0,
    calls: Annotated[
        float, typer.Option(min=0.0, help="steady: calls begun a second", rich_help_panel=_FLEET)
    ] = 0.0,
    talk_s: Annotated[
        float,
        typer.Option(
            "--talk", min=0.0, help="steady: seconds a call lasts", rich_help_panel=_FLEET
        ),
    ] = 2.0,
    speed: Annotated[
        float,
        typer.Option(
            min=0.01,
            help="steady: how many times faster phones register again and look for files",
            rich_help_panel=_FLEET,
        ),
    ] = 60.0,
    refetch_every_s: Annotated[
        float,
        typer.Option(
            "--refetch-every",
            min=0.0,
            help="steady: seconds between looks for files, 0 never",
            rich_help_panel=_FLEET,
        ),
    ] = 3600.0,
    rename: Annotated[
        int, typer.Option(min=0, help="reprovision: names to change, 0 all", rich_help_panel=_FLEET)
    ] = 1,
    rate: Annotated[
        float,
        typer.Option(
            min=0.0, help="junk: pieces a second, 0 for all that goes", rich_help_panel=_FLEET
        ),
    ] = 0.0,
    restart_s: Annotated[
        float,
        typer.Option(
            "--restart", min=0.0, help="seconds a phone takes to restart", rich_help_panel=_FLEET
        ),
    ] = 0.0,
    connections: Annotated[
        Connections, typer.Option(help="HTTP connections", rich_help_panel=_FLEET)
    ] = Connections.MAKER,
    is_existing: Annotated[
        bool,
        typer.Option(
            "--existing", help="the PBX's own, instead of those made for it", rich_help_panel=_WHICH
        ),
    ] = False,
    is_create: Annotated[
        bool, typer.Option("--create", help="add missing ones unasked", rich_help_panel=_WHICH)
    ] = False,
    first_number: Annotated[
        int, typer.Option(help="number of the first one added", rich_help_panel=_WHICH)
    ] = 900000,
    is_clean: Annotated[
        bool,
        typer.Option("--clean", help="remove what was added, at the end", rich_help_panel=_WHICH),
    ] = False,
    is_yes: Annotated[
        bool, typer.Option("--yes", help="remove without asking", rich_help_panel=_WHICH)
    ] = False,
) -> None:
    """Boot simulated phones: they fetch their files, register, and obey NOTIFY.

    One phone (--vendor, --model, --mac) tells each act until Ctrl-C. With a number as many play
    a scenario, and a report says how it went. They ask what their makers' phones ask, and know
    only what their files say.
    """
    screen = Screen(as_json=as_json)

    def play() -> int:
        if count is not None and (vendor or model or mac):
            raise CannotRunError(
                "--vendor, --model and --mac are of one phone",
                "many phones are of all makers: leave these out, or leave the number out",
            )
        if count is None and not is_clean:
            from offhook.cli.simulate_one import play_one

            _need({"--vendor": vendor, "--model": model, "--mac": mac})
            return play_one(
                vendor=vendor,
                model=model,
                mac=mac,
                url=url,
                config=config,
                is_once=is_once,
                owns_network=owns_network,
                screen=screen,
            )
        from offhook.cli.simulate_devices import Picks
        from offhook.cli.simulate_fleet import Play, play_fleet

        picks = Picks(
            count=count or 0,
            is_existing=is_existing,
            is_create=is_create,
            first_number=first_number,
            is_clean=is_clean,
            is_yes=is_yes,
        )
        wanted = Play(
            scenario=scenario.value,
            within_s=within_s,
            patience_s=patience_s,
            seconds=seconds,
            calls=calls,
            talk_s=talk_s,
            speed=speed,
            refetch_every_s=refetch_every_s,
            rename=rename,
            rate=rate,
            restart_s=restart_s,
            connections=connections.value,
        )
        return play_fleet(
            wanted,
            picks,
            url=url,
            config=config,
            token=token,
            owns_network=owns_network,
            screen=screen,
        )

    raise typer.Exit(exit_code(play, screen))


def _need(options: dict[str, str]) -> None:
    missing = [name for name, value in options.items() if not value]
    if missing:
        raise CannotRunError(
            f"{', '.join(missing)} missing",
            "one phone needs --vendor, --model and --mac; many need their number: "
            "offhook simulate 100",
        )
