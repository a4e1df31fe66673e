"""The `offhook` command: its groups put together."""

from __future__ import annotations

from typing import Annotated

import typer

from offhook import __version__
from offhook.cli import (
    admin,
    backup,
    calls,
    device,
    diagnose,
    doctor,
    engine,
    explain,
    extension,
    reboot,
    requests,
    serve,
    simulate,
    sync,
    template,
    token,
    unknown,
    vendor,
)

app = typer.Typer(
    name="offhook",
    help="Offhook provisions desk phones and explains what goes wrong.",
    epilog="Exit codes: 0 done, 1 refused or problems found, 2 cannot run.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for single in (serve, doctor, diagnose, calls, reboot, sync, requests, explain, simulate, backup):
    app.add_typer(single.group)
for named in (device, extension, template, vendor, unknown, token, admin, engine):
    app.add_typer(named.group, name=named.__name__.rpartition(".")[2])


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"offhook {__version__}")
        raise typer.Exit


@app.callback()
def root(
    is_version_asked: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="print the version and exit"
        ),
    ] = False,
) -> None:
    """Offhook provisions desk phones and explains what goes wrong."""


def run() -> int:
    """Run the command line of this process; gives the exit code."""
    try:
        app(prog_name="offhook")
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0
