"""A private PostgreSQL for the tests: its own cluster in a temporary folder, on loopback."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAMS = os.pathsep.join(str(path) for path in Path("/usr/lib/postgresql").glob("*/bin"))
"""Where Debian keeps the server's programs, which are not on the usual path."""

TRIES = 5

# Offhook is killed in tests, the database never: it need not wait for the disk.
_OPTIONS = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off"


def find_program(name: str) -> str | None:
    """Find a program on the path or among PostgreSQL's own."""
    return shutil.which(name) or shutil.which(name, path=PROGRAMS)


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start a cluster; gives the URL of its database `postgres`. Ended afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="offhook-postgres-"))
    data = folder / "data"
    try:
        password = secrets.token_hex(16)
        asked = folder / "password"
        asked.write_text(password, encoding="ascii")
        if os.geteuid() == 0:
            for path in (folder, asked):
                shutil.chown(path, "postgres", "postgres")
        _run(
            folder,
            *("initdb", "--pgdata", str(data), "--username", "offhook", "--pwfile", str(asked)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"),
            # As offices have it: its order of texts is not that of bytes.
            *("--locale-provider", "icu", "--icu-locale", "en-US"),
        )
        port = _started(folder, data)
        try:
            yield f"postgresql://offhook:{password}@127.0.0.1:{port}/postgres"
        finally:
            _run(folder, "pg_ctl", "--pgdata", str(data), "--mode", "immediate", "--wait", "stop")
    finally:
        shutil.rmtree(folder)


def _started(folder: Path, data: Path) -> int:
    """Start the server on a free port; it takes no port 0, so that another may be quicker."""
    log = folder / "log"
    for _ in range(TRIES):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 {_OPTIONS}"
        started = _run(
            folder,
            *("pg_ctl", "--pgdata", str(data), "--log", str(log), "--wait", "start"),
            *("--options", options),
            is_checked=False,
        )
        if started.returncode == 0:
            return port
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))


def _run(
    folder: Path, program: str, *arguments: str, is_checked: bool = True
) -> subprocess.CompletedProcess[str]:
    found = find_program(program)
    assert found, f"{program} is not installed"
    # The server refuses to run as root; the package has made a user for it.
    owner: dict[str, Any] = {}
    if os.geteuid() == 0:
        owner = {"user": "postgres", "group": "postgres", "extra_groups": []}
    # The server inherits what it writes to: a pipe would never end.
    with (folder / "said").open("w+", encoding="utf-8") as said:
        done = subprocess.run(
            [found, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=os.environ | {"LC_ALL": "C"},
            check=False,
            text=True,
            **owner,
        )
        said.seek(0)
        assert not is_checked or done.returncode == 0, said.read()
    return done
