"""`offhook serve`: run the PBX."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

group = typer.Typer()


@group.command("serve")
def serve(
    config: Annotated[
        Path | None,
        typer.Option(help="settings", show_default="./config.yml if it is there"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="processes on the one port", show_default="server.workers"
        ),
    ] = None,
    worker: Annotated[int, typer.Option(hidden=True)] = 0,
    listen_fd: Annotated[list[int] | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the PBX: HTTP for phones and API, SIP for registrations, until SIGTERM or Ctrl-C.

    Exit code 2 when it cannot start: each reason is printed with its fault code and mend.
    """
    # Here, because only this command needs the server's libraries: the others start faster.
    gc.disable()  # all of them stay: looking for rings among them takes a tenth of the time
    from offhook.cli.running import run_server
    from offhook.cli.screen import Screen
    from offhook.cli.workers import take_place

    gc.enable()

    place = take_place(worker, listen_fd or ()) if worker else None
    raise typer.Exit(run_server(config, Screen(), workers=workers, place=place))
