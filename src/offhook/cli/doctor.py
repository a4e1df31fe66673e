"""`offhook doctor`: the guide's five checks, the same as scripts/troubleshoot_provisioning.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offhook.cli.troubleshoot.bundle import write_bundle
from offhook.cli.troubleshoot.run import Options, run

group = typer.Typer()


@group.command("doctor")
def doctor(
    mac: Annotated[str, typer.Option(help="test this phone as well; any spelling")] = "",
    host: Annotated[str, typer.Option(help="address of the PBX", show_default="this machine")] = "",
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="HTTP port", show_default="config.yml's, else 8080"),
    ] = None,
    token: Annotated[
        str, typer.Option(envvar="OFFHOOK_TOKEN", help="API token, needed from another machine")
    ] = "",
    config: Annotated[
        Path | None, typer.Option(help="the PBX's config.yml", show_default="./config.yml")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for programs")] = False,
    is_probing: Annotated[
        bool, typer.Option("--probe", help="also let the PBX probe its ports, names and clock")
    ] = False,
    with_dhcp: Annotated[
        bool, typer.Option("--dhcp", help="also ask the site's DHCP; the PBX needs root for it")
    ] = False,
    bundle: Annotated[
        Path | None,
        typer.Option(help="write a support bundle to this file, every secret masked, and end"),
    ] = None,
    interface: Annotated[
        str, typer.Option(help="network interface for --dhcp", show_default="the PBX's own")
    ] = "",
) -> None:
    """Find out why phones are not provisioned: settings, API, devices, requests, one phone.

    Exit code 0: no problems. 1: problems found. 2: the checks could not be made. With --bundle the
    checks are not made: the file is written, and 2 says that it could not be.
    """
    options = Options(
        mac=mac,
        host=host,
        port=port,
        token=token,
        config=config,
        as_json=as_json,
        is_probing=is_probing,
        with_dhcp=with_dhcp,
        interface=interface,
    )
    if bundle is not None:
        raise typer.Exit(write_bundle(options, bundle))
    raise typer.Exit(run(options))
