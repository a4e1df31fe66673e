"""`offhook engine`: the SIP engine that runs beside Offhook."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from offhook.cli.screen import Screen

group = typer.Typer(
    help="Kamailio, the SIP engine for more than one machine.", no_args_is_help=True
)

Config = Annotated[
    Path | None, typer.Option(help="settings", show_default="./config.yml if it is there")
]


@group.command("kamailio-config")
def kamailio_config(
    config: Config = None,
    node: Annotated[int, typer.Option(min=1, help="which of sip.kamailio.nodes, from 1")] = 1,
    output: Annotated[
        Path | None,
        typer.Option(help="write it there, readable by this user only, and make its databases"),
    ] = None,
) -> None:
    """Print the complete configuration of a Kamailio 5.6, made from our settings.

    Exit code 2 when the settings cannot be used. With a PostgreSQL password or several nodes it
    holds a secret: `--output` writes it with mode 0600.
    """
    raise typer.Exit(_kamailio_config(Screen(), config, node, output))


def _kamailio_config(screen: Screen, config: Path | None, number: int, output: Path | None) -> int:
    # Here, because only this command needs the server's libraries: the others start faster.
    from sqlalchemy.exc import SQLAlchemyError

    from offhook.engines.kamailio_config import database_url, render_kamailio
    from offhook.engines.kamailio_database import open_tables
    from offhook.errors import OffhookError
    from offhook.kamailio_settings import cluster_of
    from offhook.settings import load_settings

    path = config
    if path is None and Path("config.yml").is_file():
        path = Path("config.yml")
    try:
        cluster = cluster_of(load_settings(path))
        text = render_kamailio(cluster, number)
        if output is None:
            sys.stdout.write(text)
            return 0
        write_private(output, text)
        open_tables(database_url(cluster.database)).dispose()
    except OffhookError as error:
        screen.error(str(error), error.hint)
        return 2
    except (OSError, SQLAlchemyError, ImportError) as error:
        cause = getattr(error, "orig", None) or error
        screen.error(str(cause).splitlines()[0], "look at --output and sip.kamailio.database")
        return 2
    screen.say(f"Written: {output}, mode 0600. Check it with: kamailio -c -f {output}")
    return 0


def write_private(path: Path, text: str) -> None:
    """Replace a file at once by one that only this user can read. Raises OSError."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
