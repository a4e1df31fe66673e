"""Who holds a port of this machine, as far as /proc tells. proc(5): /proc/net, /proc/PID/fd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_TABLES = ("tcp", "tcp6", "udp", "udp6")
_TCP_LISTENS, _UDP_OPEN = "0A", "07"


def port_holders(port: int, proc: Path = Path("/proc")) -> tuple[str, ...]:
    """Name the programs that listen on a port: `nginx (process 812)`; empty when /proc is mute.

    Programs of other users are seen by root only.
    """
    inodes = set(_listening(port, proc))
    if not inodes:
        return ()
    found = set()
    for process in proc.glob("[0-9]*"):
        if inodes & set(_sockets_of(process)):
            found.add(f"{_name_of(process)} (process {process.name})")
    return tuple(sorted(found))


def _listening(port: int, proc: Path) -> Iterator[str]:
    for table in _TABLES:
        try:
            lines = (proc / "net" / table).read_text("ascii", "replace").splitlines()[1:]
        except OSError:
            continue
        state = _TCP_LISTENS if table.startswith("tcp") else _UDP_OPEN
        for row in (line.split() for line in lines):
            if len(row) > 9 and row[3] == state and row[1].endswith(f":{port:04X}"):
                yield row[9]


def _sockets_of(process: Path) -> Iterator[str]:
    try:
        entries = list((process / "fd").iterdir())
    except OSError:  # another user's, or gone
        return
    for entry in entries:
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1]


def _name_of(process: Path) -> str:
    try:
        name = (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "a program"
    return "".join(char if char.isprintable() else "?" for char in name) or "a program"
