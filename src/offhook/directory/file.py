"""A file of people as a directory: read whole in a thread, or refused with the line named."""

from __future__ import annotations

import asyncio
import stat
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Never

from offhook.actions.directory_ports import DirectoryError, DirectoryTest, Progress
from offhook.core.directory import DirectoryEntry, DirectoryRead
from offhook.directory.file_rows import KNOWN, Row, RowsError, parse_rows, quoted

MAX_BYTES = 32 * 1024 * 1024
MAX_PEOPLE = 200_000
_SHOWN = 5
_ENABLED = {
    "": True,
    **dict.fromkeys(("true", "yes", "1", "on"), True),
    **dict.fromkeys(("false", "no", "0", "off"), False),
}
# Makes the ids of a file's people: RFC 9562 §5.5, the same name gives the same UUID for ever.
_NAMESPACE = uuid.UUID("b7a1f0c2-5a54-4c0e-9b0f-0d6f0f5e6c11")


class FileDirectory:
    """A DirectorySource on a CSV or JSON file (columns: see `file_rows.KNOWN`).

    A person is known by `id` (or `login`) without regard to capitals; who is not in the file is
    gone. The entries have the attributes login, sAMAccountName (the same), name, number, email.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str = "file",
        max_bytes: int = MAX_BYTES,
        max_people: int = MAX_PEOPLE,
        timeout_s: float = 60.0,
    ) -> None:
        self.name = name
        self._path = path
        self._max_bytes = max_bytes
        self._max_people = max_people
        self._timeout_s = timeout_s

    async def read(self, progress: Progress) -> DirectoryRead:
        """Everybody in the file. Raises DirectoryError: P501 not readable, P507 not usable."""
        progress("reading", 0)
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await asyncio.to_thread(self._load)
        except TimeoutError:
            self._unreachable(f"not read within {self._timeout_s:g} s")
        progress("reading", len(found.entries))
        return found

    async def still_there(self, guids: Sequence[str]) -> Mapping[str, bool]:
        """Nobody: a file has nothing out of scope."""
        return dict.fromkeys(guids, False)

    async def test(self) -> DirectoryTest:
        """Read the file and count. Raises DirectoryError."""
        found = await self.read(_silent)
        return DirectoryTest(
            server=found.server,
            base_dn=(),
            count=len(found.entries),
            people=tuple((_text(it, "login"), _text(it, "name")) for it in found.entries[:_SHOWN]),
        )

    def _load(self) -> DirectoryRead:
        try:
            rows = parse_rows(self._bytes())
            entries = self._entries(rows.rows)
        except RowsError as error:
            self._unusable(str(error))
        warnings: tuple[str, ...] = ()
        if rows.unknown:
            names = ", ".join(quoted(name) for name in rows.unknown[:_SHOWN])
            warnings = (f"columns without a meaning here: {names}; known: {', '.join(KNOWN)}",)
        return DirectoryRead(server=str(self._path), entries=entries, warnings=warnings)

    def _bytes(self) -> bytes:
        try:
            before = self._path.stat()
            if not stat.S_ISREG(before.st_mode):
                self._unreachable("it is no ordinary file")
            with self._path.open("rb") as file:
                data = file.read(self._max_bytes + 1)
            after = self._path.stat()
        except OSError as error:
            self._unreachable((error.strerror or type(error).__name__).lower())
        if len(data) > self._max_bytes:
            raise RowsError(f"the file is larger than {self._max_bytes} bytes; is it the right one")
        if (before.st_size, before.st_mtime_ns, before.st_ino) != (
            after.st_size,
            after.st_mtime_ns,
            after.st_ino,
        ) or len(data) != after.st_size:
            raise RowsError("the file was written meanwhile; write another and rename it")
        return data

    def _entries(self, rows: Sequence[Row]) -> tuple[DirectoryEntry, ...]:
        if len(rows) > self._max_people:
            raise RowsError(f"the file has more than {self._max_people} people")
        places: dict[str, str] = {}
        entries = []
        for row in rows:
            key = row.cells.get("id") or row.cells.get("login", "")
            if not key:
                raise RowsError(f"{row.place} has no id; every person needs one that stays")
            earlier = places.setdefault(key.casefold(), row.place)
            if earlier != row.place:
                raise RowsError(
                    f"{row.place} has the id {quoted(key)} of {earlier}; delete one of them"
                )
            entries.append(self._entry(key, row))
        return tuple(entries)

    def _entry(self, key: str, row: Row) -> DirectoryEntry:
        enabled = row.cells.get("enabled", "")
        if enabled.lower() not in _ENABLED:
            raise RowsError(f"{row.place} has enabled {quoted(enabled)}; write yes or no")
        login = row.cells.get("login") or key
        texts = {"login": login, "samaccountname": login}
        texts |= {name: row.cells.get(name, "") for name in ("name", "number", "email")}
        return DirectoryEntry(
            guid=str(uuid.uuid5(_NAMESPACE, f"{self.name}\n{key.casefold()}")),
            dn=key,
            is_enabled=_ENABLED[enabled.lower()],
            # A lone surrogate, which JSON can spell, becomes bad UTF-8: that person's problem.
            values={
                name: (text.encode("utf-8", "surrogatepass"),)
                for name, text in texts.items()
                if text
            },
        )

    def _unreachable(self, problem: str) -> Never:
        server = str(self._path)
        raise DirectoryError("P501", f"{server}: {problem}", {"server": server, "problem": problem})

    def _unusable(self, problem: str) -> Never:
        server = str(self._path)
        raise DirectoryError(
            "P507",
            f"{server}: {problem}",
            {"server": server, "problem": f"{self._path.name}: {problem}"},
        )


def _text(entry: DirectoryEntry, name: str) -> str:
    return entry.values.get(name, (b"",))[0].decode("utf-8", "replace")


def _silent(_doing: str, _count: int) -> None:
    """A test tells no progress."""
