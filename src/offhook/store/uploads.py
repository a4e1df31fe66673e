"""Files that phones PUT, kept in the database within bounds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select

from offhook.core.mac import Mac
from offhook.store.database import Database
from offhook.store.tables import uploads
from offhook.store.upsert import upsert
from offhook.store.values import from_us, storable, to_us

FILE_BYTES = 256 * 1024
FILES_A_DEVICE = 20
DEVICE_BYTES = 2 * 1024 * 1024
TOTAL_BYTES = 256 * 1024 * 1024
_NAME_BYTES = 255
_FILES_A_STATEMENT = 200
_DEVICES_A_STATEMENT = 500


class SqlUploadStore:
    """Uploads by MAC and file name; the oldest go when a bound is passed."""

    def __init__(self, database: Database, *, total_bytes: int = TOTAL_BYTES) -> None:
        self._database = database
        self._limit_bytes = total_bytes
        # On the database thread only. Files deleted with their device leave it too high, never
        # too low, so it is summed up again before anything goes for its sake.
        self._total_bytes: int | None = None

    async def put_upload(self, mac: Mac, file: str, body: bytes, at: datetime) -> bool:
        """Keep a file; False when body or name is larger than allowed. Raises StoreError."""
        if len(body) > FILE_BYTES or len(file.encode("utf-8", "replace")) > _NAME_BYTES:
            return False
        await self._database.run(self._put, mac.plain, storable(file), body, to_us(at))
        return True

    async def get_upload(self, mac: Mac, file: str) -> bytes | None:
        """Give a file back, or None."""
        return await self._database.run(_get, mac.plain, storable(file))

    async def list_uploads(self, mac: Mac) -> list[tuple[str, int, datetime]]:
        """Give name, size in bytes and moment of a device's files, newest first."""
        return await self._database.run(_list, mac.plain)

    async def names_of(self, macs: Collection[Mac]) -> list[tuple[Mac, str, datetime]]:
        """Give MAC, name and moment of the files of some devices, by MAC and name."""
        plain = [mac.plain for mac in macs]
        return await self._database.run(_names_of, plain)

    def _put(self, connection: Connection, mac: str, file: str, body: bytes, at_us: int) -> None:
        row = {"mac": mac, "file": file, "size_bytes": len(body), "at_us": at_us, "body": body}
        upsert(connection, uploads, [row])
        _trim_device(connection, mac, file, len(body))
        if self._total_bytes is None:
            self._total_bytes = _sum_bytes(connection)
        else:
            self._total_bytes += len(body)
        if self._total_bytes > self._limit_bytes:
            _trim_all(connection, _sum_bytes(connection) - self._limit_bytes, (mac, file))
            self._total_bytes = _sum_bytes(connection)


def _get(connection: Connection, mac: str, file: str) -> bytes | None:
    statement = select(uploads.c.body).where(uploads.c.mac == mac, uploads.c.file == file)
    return connection.execute(statement).scalar()


def _list(connection: Connection, mac: str) -> list[tuple[str, int, datetime]]:
    statement = (
        select(uploads.c.file, uploads.c.size_bytes, uploads.c.at_us)
        .where(uploads.c.mac == mac)
        .order_by(uploads.c.at_us.desc(), uploads.c.file)
    )
    return [(file, size, from_us(at_us)) for file, size, at_us in connection.execute(statement)]


def _names_of(connection: Connection, macs: Sequence[str]) -> list[tuple[Mac, str, datetime]]:
    found = []
    for begin in range(0, len(macs), _DEVICES_A_STATEMENT):
        statement = (
            select(uploads.c.mac, uploads.c.file, uploads.c.at_us)
            .where(uploads.c.mac.in_(macs[begin : begin + _DEVICES_A_STATEMENT]))
            .order_by(uploads.c.mac, uploads.c.file)
        )
        found += [
            (Mac(int(mac, 16)), file, from_us(at_us))
            for mac, file, at_us in connection.execute(statement)
        ]
    return found


def _sum_bytes(connection: Connection) -> int:
    return connection.execute(select(func.sum(uploads.c.size_bytes))).scalar() or 0


def _trim_device(connection: Connection, mac: str, newest: str, newest_bytes: int) -> None:
    """Keep the newest files of a device within number and size; the one just put stays."""
    room_bytes = DEVICE_BYTES - newest_bytes
    gone = []
    for number, (file, size) in enumerate(_sizes(connection, mac, newest), start=1):
        room_bytes -= size
        if number >= FILES_A_DEVICE or room_bytes < 0:
            gone.append((mac, file))
    _remove(connection, gone)


def _sizes(connection: Connection, mac: str, but: str) -> Sequence[tuple[str, int]]:
    statement = (
        select(uploads.c.file, uploads.c.size_bytes)
        .where(uploads.c.mac == mac, uploads.c.file != but)
        .order_by(uploads.c.at_us.desc(), uploads.c.file)
    )
    return [(file, size) for file, size in connection.execute(statement)]


def _trim_all(connection: Connection, excess_bytes: int, but: tuple[str, str]) -> None:
    """Remove the oldest files of all devices until the excess is gone."""
    statement = (
        select(uploads.c.mac, uploads.c.file, uploads.c.size_bytes)
        .where(_is_other(but))
        .order_by(uploads.c.at_us, uploads.c.mac, uploads.c.file)
        .limit(_FILES_A_STATEMENT)
    )
    while excess_bytes > 0 and (oldest := connection.execute(statement).all()):
        gone = []
        for mac, file, size in oldest:
            if excess_bytes <= 0:
                break
            excess_bytes -= size
            gone.append((mac, file))
        _remove(connection, gone)


def _is_other(but: tuple[str, str]) -> ColumnElement[bool]:
    mac, file = but
    return (uploads.c.mac != mac) | (uploads.c.file != file)


def _remove(connection: Connection, files: Sequence[tuple[str, str]]) -> None:
    if not files:
        return
    statement = delete(uploads).where(
        uploads.c.mac == bindparam("gone_mac"), uploads.c.file == bindparam("gone_file")
    )
    connection.execute(statement, [{"gone_mac": mac, "gone_file": file} for mac, file in files])
