"""Backup and restore as docs/scaling.md says, while phones ask: everything is there again."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from offhook.settings import load_settings
from tests.e2e.kept import FILES, MACS, TEMPLATE, Kept
from tests.e2e.page import command, commands, done
from tests.e2e.server import OFFHOOK, ROOT, Server, wait_for
from tests.e2e.site import Phone, until
from tests.integration.kamailio import free_ports
from tests.store_records import fresh_url

CHAPTER = "Backup and restore"


@asynccontextmanager
async def registered(kept: Kept) -> AsyncIterator[Phone]:
    """A phone that is registered, for the length of a block."""
    phone = Phone(MACS[0], "1001", kept.secrets["1001"], [kept.server])
    await phone.register(kept.server.sip_port)
    try:
        yield phone
    finally:
        await phone.close()


async def _told_to_fetch(kept: Kept, phone: Phone) -> None:
    """Have all phones restart as the page says; the one that is registered fetches its file."""
    line = command(CHAPTER, "offhook reboot --all")
    assert "1 phone" in await asyncio.to_thread(done, line, kept.folder)
    await until(lambda: phone.answers == ["north"], kept.server.log)
    assert phone.notifies == 1
    assert phone.body.decode() == kept.files[FILES[0]]


@contextmanager
def stopped_at_the_end(*servers: Server) -> Iterator[None]:
    try:
        yield
    finally:
        for server in servers:
            if server.process is not None:
                server.stop()


def _is_saved(file: Path) -> bool:
    with closing(sqlite3.connect(file)) as database:
        return database.execute("SELECT count(*) FROM registrations").fetchone() == (1,)


# --- SQLite --------------------------------------------------------------------------------------


async def test_an_sqlite_site_is_back_after_its_folder_was_lost(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "site")
    server = kept.server
    with stopped_at_the_end(server):
        await asyncio.to_thread(kept.fill)
        async with registered(kept) as phone:
            await until(partial(_is_saved, kept.folder / "data" / "offhook.db"), server.log)
            archive = await asyncio.to_thread(_backed_up, kept, tmp_path)
            await asyncio.to_thread(server.add, "1999", "After the backup")
            await asyncio.to_thread(_restored, kept, archive)
            await asyncio.to_thread(kept.check)
            await _told_to_fetch(kept, phone)


def _backed_up(kept: Kept, folder: Path) -> Path:
    """Make the archive while phones ask, and move it off the machine."""
    with kept.asking() as asking:
        asking.wait_more(20)
        printed = done(command(CHAPTER, "offhook backup offhook.tar.gz"), kept.folder)
        asking.wait_more(20)
    assert "data/offhook.db, config.yml" in printed
    archive = kept.folder / "offhook.tar.gz"
    assert archive.stat().st_mode & 0o777 == 0o600
    assert not list(kept.folder.glob(".offhook-backup-*"))
    return archive.rename(folder / archive.name)


def _restored(kept: Kept, archive: Path) -> None:
    """Restore twice: beside what a crash left, and where nothing is left at all."""
    line = command(
        CHAPTER,
        "tar -xzf offhook.tar.gz -C /var",
        {"offhook.tar.gz": str(archive), "/var/lib/offhook": "."},
    )
    kept.server.kill()
    assert (kept.folder / "data" / "offhook.db-wal").stat().st_size
    done(line, kept.folder)
    kept.server.start()
    kept.check()
    kept.server.kill()
    shutil.rmtree(kept.folder)
    kept.folder.mkdir()
    done(line, kept.folder)
    (kept.folder / "data" / "secret.key").rename(kept.folder / "lost")
    _refused_without_key(kept)
    (kept.folder / "lost").rename(kept.folder / "data" / "secret.key")
    kept.server.start()


def _refused_without_key(kept: Kept) -> None:
    refused = subprocess.run(
        [OFFHOOK, "serve", "--config", kept.server.config],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told = refused.stdout + refused.stderr
    assert refused.returncode == 2, told
    assert "is missing, and the database holds secrets made with it" in told
    assert "put back the key file" in told
    assert "Traceback" not in told


# --- PostgreSQL ----------------------------------------------------------------------------------


@pytest.mark.needs("postgres")
async def test_a_postgresql_site_is_back_in_another_database(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with (
        fresh_url(request, "postgresql", tmp_path) as url,
        fresh_url(request, "postgresql", tmp_path) as other,
    ):
        kept = Kept(tmp_path / "site", url)
        with stopped_at_the_end(kept.server):
            await asyncio.to_thread(kept.fill)
            async with registered(kept) as phone:
                await until(partial(_is_in, kept), kept.server.log)
                await asyncio.to_thread(_dumped, kept, url, tmp_path)
                await asyncio.to_thread(kept.server.add, "1999", "After the backup")
                await asyncio.to_thread(_brought_back, kept, other, tmp_path)
                await asyncio.to_thread(kept.check)
                await _told_to_fetch(kept, phone)
                # The node of the dump had this one's name: it is this one.
                [node] = kept.server.status()["nodes"]
                assert (node["name"], node["alive"]) == ("north", True)


def _is_in(kept: Kept) -> bool:
    return bool(kept.server.status()["registered"] == 1)


def _environ(url: str) -> dict[str, str]:
    """What PostgreSQL's programs need to find this test's server."""
    parts = urlsplit(url)
    return {
        "PGHOST": str(parts.hostname),
        "PGPORT": str(parts.port),
        "PGUSER": str(parts.username),
        "PGPASSWORD": str(parts.password),
    }


def _name(url: str) -> str:
    return urlsplit(url).path[1:]


def _dumped(kept: Kept, url: str, folder: Path) -> None:
    """Make archive and dump while the node runs and phones ask."""
    environ = _environ(url)
    places = {"offhook.dump offhook": f"offhook.dump {_name(url)}"}
    with kept.asking() as asking:
        asking.wait_more(20)
        printed = done(_nightly(kept, folder), folder)
        done(command(CHAPTER, "pg_dump", places), kept.folder, environ)
        asking.wait_more(20)
    (kept.folder / "offhook.dump").rename(folder / "offhook.dump")
    [archive] = folder.glob("offhook-20*-*-*.tar.gz")
    archive.rename(folder / "offhook.tar.gz")
    # The archive holds no database, and says how to dump it without telling the password.
    names = done("tar -tzf offhook.tar.gz", folder).split()
    assert {"config.yml", "data/secret.key", f"templates/{TEMPLATE}"} < set(names)
    assert not [name for name in names if name.endswith((".db", ".db-wal"))]
    assert "The database is not in it" in printed
    assert environ["PGPASSWORD"] not in printed
    done(printed.splitlines()[-1], kept.folder, {"PGPASSWORD": environ["PGPASSWORD"]})
    assert (kept.folder / "offhook.dump").stat().st_size


def _nightly(kept: Kept, folder: Path) -> str:
    places = {"/var/backups": str(folder), "/var/lib/offhook": str(kept.folder)}
    return command(CHAPTER, 'offhook backup "', places)


def _brought_back(kept: Kept, other: str, folder: Path) -> None:
    """Lose the machine, and start from archive and dump with another database."""
    kept.server.kill()
    shutil.rmtree(kept.folder)
    kept.folder.mkdir()
    environ = _environ(other)
    done(f"dropdb {_name(other)}", folder, environ)
    done(
        command(CHAPTER, "createdb", {"offhook offhook": f"offhook {_name(other)}"}),
        folder,
        environ,
    )
    places = {"dbname offhook": f"dbname {_name(other)}"}
    done(command(CHAPTER, "pg_restore", places), folder, environ)
    done(
        command(CHAPTER, "tar -xzf offhook.tar.gz -C /var", {"/var/lib/offhook": str(kept.folder)}),
        folder,
    )
    place = {"postgresql://offhook:PASSWORD@192.168.1.5/offhook_try": other}
    setting = command(CHAPTER, "export OFFHOOK_STORE__URL", place)
    kept.server.command = ("/bin/sh", "-c", f'{setting}; exec "$0" "$@"', str(OFFHOOK))
    kept.server.start()
    wait_for(kept.server.is_leading, 60, kept.server.log)


# --- Trying a backup -----------------------------------------------------------------------------


async def test_a_backup_is_tried_beside_the_site_and_reaches_no_phone(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "site")
    tried = Server(_empty(tmp_path / "copy"))
    with stopped_at_the_end(kept.server, tried):
        await asyncio.to_thread(kept.fill)
        async with registered(kept) as phone:
            await until(partial(_is_saved, kept.folder / "data" / "offhook.db"), kept.server.log)
            await asyncio.to_thread(_tried, kept, tried)
            assert phone.notifies == 0
        await asyncio.to_thread(kept.check)


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _tried(kept: Kept, tried: Server) -> None:
    """Start the copy on other ports, look at it, and try to reach a phone from it."""
    done(command(CHAPTER, "offhook backup offhook.tar.gz"), kept.folder)
    done(command(CHAPTER, "mkdir"), kept.folder)
    done(command(CHAPTER, "tar -xzf offhook.tar.gz -C try"), kept.folder)
    _move_phone_to_another_machine(kept.folder / "try" / "data" / "offhook.db")
    http, sip = free_ports(2)
    exports = [it for it in commands(CHAPTER) if it.startswith("export") and "STORE__URL" not in it]
    settings = "; ".join(exports).replace("8089", str(http)).replace("5089", str(sip))
    # It listens at all addresses of the machine, but for the page's settings.
    config = kept.folder / "try" / "config.yml"
    config.write_text(
        config.read_text("utf-8").replace("bind: 127.0.0.1", "bind: 0.0.0.0"), "utf-8"
    )
    assert command(CHAPTER, "offhook serve").endswith("serve --config try/config.yml")
    tried.command = ("/bin/sh", "-c", f'{settings}; exec "$0" "$@"', str(OFFHOOK))
    tried.config = config
    tried.start()
    assert (tried.http_port, tried.sip_port) == (http, sip)
    listed = done(command(CHAPTER, "offhook device list", {"8089": str(http)}), kept.folder)
    assert all(mac in listed.lower().replace(":", "") for mac in (*MACS, "000b82000003"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", http), 10).close()
    ordered = tried.api("POST", "/api/phones/reboot", {})
    wait_for(lambda: tried.reboot_step(ordered["reboots"][0]["id"]) == "failed", 60, tried.log)


def _move_phone_to_another_machine(database: Path) -> None:
    """Have the phone registered from 192.0.2.10, as phones are from elsewhere (RFC 5737)."""
    with closing(sqlite3.connect(database)) as opened, opened:
        for column in ("source", "contact"):
            opened.execute(
                f"UPDATE registrations SET {column} = replace({column}, '127.0.0.1', '192.0.2.10')"
            )


def test_a_copy_of_a_site_with_kamailio_leaves_its_kamailio_alone(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    shutil.copy(ROOT / "deploy" / "config" / "nodes.yml", config)
    assert load_settings(config, {}).sip.engine == "kamailio"
    words = " ".join(it for it in commands(CHAPTER) if it.startswith("export")).split()
    settings = load_settings(config, dict(it.split("=", 1) for it in words if "=" in it))
    assert settings.sip.engine == "embedded"
    assert (settings.server.bind, settings.server.workers) == ("127.0.0.1", 1)
    assert settings.store.url.endswith("/offhook_try")


def test_every_command_of_the_page_is_run_here() -> None:
    known = (
        *("offhook backup", "offhook reboot --all", "offhook serve", "offhook device list"),
        *("pg_dump", "pg_restore", "createdb", "tar -xzf offhook.tar.gz -C ", "mkdir try"),
        *("export OFFHOOK_", "systemctl stop offhook", "systemctl start offhook"),  # started here
    )
    assert [line for line in commands(CHAPTER) if not line.startswith(known)] == []
