"""The folder of a site's own templates as it is written: whole files, former versions kept.

Versions are `<folder>/.versions/<vendor>/<name>/<moment>.json`; the loader looks into no folder
whose name begins with a dot.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from offhook.actions.site_templates import Version
from offhook.errors import BadRequestError, StoreError
from offhook.store.templates import read_template

VERSIONS_KEPT = 50


class TemplateFolder:
    """Reads and writes one template at a time; its callers have checked the name."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str) -> str | None:
        """Give the site's own text, None without one. Raises ConfigError when it is unusable."""
        file = self._root / name
        return read_template(file, self._root.resolve()) if os.path.lexists(file) else None

    def stage(self, name: str, text: str) -> None:
        """Write a text beside its place, durably; nothing reads it yet. Raises StoreError."""
        with self._told(name):
            _write(self._staged(name), text)

    def put(self, name: str) -> None:
        """Move what was staged to its place at once. Raises StoreError."""
        with self._told(name):
            self._staged(name).replace(self._root / name)
            _sync_folder((self._root / name).parent)

    def drop(self, name: str) -> None:
        """Forget what was staged."""
        self._staged(name).unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Take the site's own text away. Raises StoreError."""
        with self._told(name):
            (self._root / name).unlink(missing_ok=True)

    def keep(self, name: str, version: Version) -> None:
        """Add a version; the oldest beyond `VERSIONS_KEPT` go. Raises StoreError."""
        folder = self._versions(name)
        body = {"at": version.at.isoformat(), "actor": version.actor, "text": version.text}
        with self._told(name):
            file = folder / f"{version.id}.json"
            _write(file.with_suffix(".new"), json.dumps(body, indent=1))
            file.with_suffix(".new").replace(file)
            for old in sorted(folder.glob("*.json"))[:-VERSIONS_KEPT]:
                old.unlink(missing_ok=True)

    def versions(self, name: str) -> list[Version]:
        """Give the versions kept, newest first; a file that cannot be read is left out."""
        folder = self._versions(name)
        files = sorted(folder.glob("*.json"), reverse=True) if folder.is_dir() else []
        return [found for file in files if (found := _version(file)) is not None]

    def _staged(self, name: str) -> Path:
        return self._root / f"{name}.new"

    def _versions(self, name: str) -> Path:
        return self._root / ".versions" / name

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Refuse a folder whose links lead elsewhere; say which file could not be written."""
        root = self._root.resolve()
        for place in ((self._root / name).parent, self._versions(name)):
            if not place.resolve().is_relative_to(root):
                raise BadRequestError(
                    "bad_folder", f"{place} is a link out of {root}", "make it a folder", status=409
                )
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"template {name} cannot be written to {root}: {error.strerror}",
                "let the user that the server runs as write into this folder",
            ) from None


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename durable where folders can be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _version(file: Path) -> Version | None:
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
        text = body["text"]
        return Version(
            id=file.stem,
            at=datetime.fromisoformat(body["at"]),
            actor=str(body["actor"]),
            text=None if text is None else str(text),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
