"""`offhook backup`: all that must be kept, in one archive, while the PBX runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offhook.cli.client import CannotRunError, exit_code
from offhook.cli.screen import Screen

if TYPE_CHECKING:
    from pydantic import BaseModel

    from offhook.settings import Settings

group = typer.Typer()


@group.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="archive to make, such as offhook.tar.gz")],
    config: Annotated[
        Path | None, typer.Option(help="settings", show_default="./config.yml if it is there")
    ] = None,
) -> None:
    """Write database, secret.key, config.yml and templates into one archive, mode 0600.

    The PBX may run: the database is taken as of one moment. A PostgreSQL is left to pg_dump.
    `tar -xzf FILE -C FOLDER` restores it. Exit code 2 when it cannot be made; then nothing is left.
    """
    screen = Screen()
    raise typer.Exit(exit_code(lambda: _backup(screen, file, config), screen))


def _backup(screen: Screen, file: Path, config: Path | None) -> None:
    # Here, because only this command and the server need them: the others start faster.
    from sqlalchemy import URL, make_url

    from offhook.settings import load_settings
    from offhook.store.archive import write_archive

    if config is None and Path("config.yml").is_file():
        config = Path("config.yml")
    settings = load_settings(config)
    url = make_url(settings.store.url)
    is_sqlite = url.get_backend_name() == "sqlite"
    if file.exists():
        raise CannotRunError(f"{file} exists, and is not replaced", "give another name")
    base = config.parent.resolve() if config else Path.cwd()
    kept = [*([base / config.name] if config else []), *_kept(settings)]
    database = _plain(Path(url.database or "")) if is_sqlite else None
    try:
        names = write_archive(file, base, database, map(_plain, dict.fromkeys(kept)))
    except OSError as error:
        raise CannotRunError(
            f"{error.filename or file}: {(error.strerror or str(error)).lower()}",
            "run it as the user that offhook runs as, or as root, with room for the database "
            "twice in the folder of the archive",
        ) from None
    screen.say(f"{file}: {', '.join(names)}")
    if not is_sqlite:
        place = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
        screen.say("The database is not in it. Keep this with it:", "yellow")
        screen.say(f"  pg_dump --format custom --file offhook.dump {place.render_as_string()}")


def _kept(settings: Settings) -> Iterator[Path]:
    """Give what the settings name: key, templates, certificates and so on; all but the log.

    The key must be there; what else is missing is left out.
    """
    for path in _paths(settings):
        if path == settings.store.key_file or (path != settings.logging.file and path.exists()):
            yield path


def _paths(section: BaseModel) -> Iterator[Path]:
    for _, value in section:
        if isinstance(value, Path):
            yield value
        elif hasattr(value, "model_fields_set"):
            yield from _paths(value)


def _plain(path: Path) -> Path:
    """Take `..` out of a path, but follow no link: what it is called is what is restored."""
    return Path(os.path.normpath(path))
