"""Writes the archive of a backup: a copy of an SQLite database, and files beside it."""

from __future__ import annotations

import os
import sqlite3
import tarfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from offhook.store.failures import store_error

ELSEWHERE = "elsewhere"
"""Folder in the archive for what is not below the base folder, by its whole path."""

_LEVEL = 1
"""Of compression: history is so much alike that more gains little and takes a core for longer."""


def write_archive(file: Path, base: Path, database: Path | None, kept: Iterable[Path]) -> list[str]:
    """Make a tar.gz, mode 0600, that appears whole or not at all; gives the names in it.

    Files and folders are named by their place below `base`. Raises OSError, StoreError.
    """
    with TemporaryDirectory(prefix=".offhook-backup-", dir=file.parent) as aside:
        part = Path(aside, "archive")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            with tarfile.open(
                fileobj=stream, mode="w:gz", compresslevel=_LEVEL, dereference=True
            ) as tar:
                archive = _Archive(tar, base)
                if database is not None:
                    copy = Path(aside, "database")
                    _copy(database, copy)
                    archive.add_database(database, copy)
                for path in kept:
                    archive.add(path)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(file)
    return archive.names


def _copy(database: Path, copy: Path) -> None:
    """Copy a database as of one moment: all pages in one step, which holds no writer up.

    In many steps, as the program sqlite3 does it, each commit of the server begins it anew
    (sqlite.org/c3ref/backup_finish.html): while phones ask it would never end.
    """
    try:
        with (
            closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except sqlite3.Error as error:
        raise store_error(error, f"{database}, copied to {copy.parent}") from error


class _Archive:
    """Names what goes into a tar file."""

    def __init__(self, tar: tarfile.TarFile, base: Path) -> None:
        self._tar = tar
        self._base = base
        self._folders: set[Path] = set()
        self.names: list[str] = []

    def add(self, path: Path) -> None:
        """Add a file, or a folder with all that is in it."""
        self._tar.add(path, self._name(path))

    def add_database(self, path: Path, copy: Path) -> None:
        """Add a copy under the name, owner and rights of the database.

        The empty log replaces one that a crash left where this is restored: SQLite would play that
        onto the restored database (sqlite.org/howtocorrupt.html section 1.4).
        """
        found = self._tar.gettarinfo(path, self._name(path))
        found.size = copy.stat().st_size
        with copy.open("rb") as stream:
            self._tar.addfile(found, stream)
        found.name, found.size = f"{found.name}-wal", 0
        self._tar.addfile(found)

    def _name(self, path: Path) -> str:
        name = Path(ELSEWHERE, *path.parts[1:])
        if path.is_relative_to(self._base):
            name = path.relative_to(self._base)
            self._add_folders(name)
        self.names.append(str(name))
        return str(name)

    def _add_folders(self, name: Path) -> None:
        """Add the folders on the way to a file: who restores it as root keeps their owner."""
        for folder in reversed(name.parents[:-1]):
            if folder not in self._folders:
                self._folders.add(folder)
                self._tar.add(self._base / folder, str(folder), recursive=False)
