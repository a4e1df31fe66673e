"""`offhook backup`: what is in the archive, and that nothing is left of one that failed."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.commands import Result, offhook_now

OFFHOOK = Path(sys.executable).with_name("offhook")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder as `offhook serve` leaves it."""
    folder = tmp_path / "site"
    return filled(folder, folder / "data", "sqlite:///data/offhook.db")


def filled(folder: Path, data: Path, url: str, more: str = "") -> Path:
    for place in (folder / "logs", folder / "templates" / "yealink", data):
        place.mkdir(parents=True)
    (folder / "config.yml").write_text(f"store: {{url: '{url}'}}\n{more}", encoding="utf-8")
    (folder / "logs" / "pbx.log").write_text("x", encoding="utf-8")
    (folder / "templates" / "yealink" / "main.cfg.j2").write_text("own", encoding="utf-8")
    (data / "secret.key").write_text("A" * 43 + "=", encoding="ascii")
    (data / "secret.key").chmod(0o600)
    data.chmod(0o750)
    with closing(sqlite3.connect(data / "offhook.db")) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE numbers AS SELECT 1001 AS number")
        database.execute("CREATE TABLE history AS SELECT randomblob(100000) AS body")
    (data / "offhook.db").chmod(0o600)
    return folder


def backup(site: Path, file: Path) -> Result:
    return offhook_now("backup", str(file), "--config", str(site / "config.yml"))


def members(file: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(file) as tar:
        return {item.name: item for item in tar}


def test_holds_what_must_be_kept_with_its_rights_and_no_log(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.tar.gz"
    result = backup(site, file)
    assert (result.code, result.err) == (0, "")
    found = members(file)
    assert set(found) == {
        *("config.yml", "data", "data/offhook.db", "data/offhook.db-wal", "data/secret.key"),
        *("templates", "templates/yealink", "templates/yealink/main.cfg.j2"),
    }
    assert {oct(found[f"data/{name}"].mode) for name in ("offhook.db", "secret.key")} == {"0o600"}
    assert (found["data"].mode, found["data/offhook.db-wal"].size) == (0o750, 0)
    assert file.stat().st_mode & 0o777 == 0o600


def test_is_as_of_one_moment_while_somebody_writes(site: Path, tmp_path: Path) -> None:
    # What is not committed is not in it, and who writes is not waited for.
    with closing(sqlite3.connect(site / "data" / "offhook.db", isolation_level=None)) as writer:
        writer.execute("INSERT INTO numbers VALUES (1002)")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO numbers VALUES (1003)")
        assert backup(site, tmp_path / "a.tar.gz").code == 0
        writer.execute("COMMIT")
    assert numbers_in(tmp_path / "a.tar.gz", tmp_path / "restored") == [1001, 1002]


def numbers_in(file: Path, folder: Path) -> list[int]:
    with tarfile.open(file) as tar:
        tar.extractall(folder, filter="data")
    with closing(sqlite3.connect(folder / "data" / "offhook.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in database.execute("SELECT number FROM numbers ORDER BY 1")]


def test_what_is_kept_elsewhere_is_named_by_its_whole_path(tmp_path: Path) -> None:
    data = tmp_path / "srv"
    certificate = tmp_path / "certificates" / "pbx.pem"
    certificate.parent.mkdir()
    certificate.write_text("chain", encoding="ascii")
    (tmp_path / "live.pem").symlink_to(certificate)  # as certbot has it
    more = f"server: {{tls_certificate: ../{tmp_path.name}/live.pem, tls_key: missing.key}}\n"
    folder = tmp_path / "site" / "etc"
    filled(folder, data, f"sqlite:///{data}/offhook.db", more.replace("../", "../../../"))
    assert backup(folder, tmp_path / "a.tar.gz").code == 0
    found = members(tmp_path / "a.tar.gz")
    elsewhere = f"elsewhere{tmp_path}"
    for name in ("srv/offhook.db", "srv/secret.key", "live.pem"):
        assert found[f"{elsewhere}/{name}"].isfile()
    assert found["config.yml"].isfile()


# --- Refused, and nothing left -------------------------------------------------------------------


def refused(site: Path, file: Path, words: str) -> None:
    result = backup(site, file)
    assert result.code == 2
    assert words in result.err
    assert "hint: " in result.err
    assert not result.out
    assert not list(file.parent.glob(".offhook-backup-*"))


def test_never_replaces_a_file(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.tar.gz"
    file.write_text("of yesterday", encoding="ascii")
    refused(site, file, "exists, and is not replaced")
    assert file.read_text(encoding="ascii") == "of yesterday"


@pytest.mark.parametrize("name", ["secret.key", "offhook.db"])
def test_is_refused_without_what_makes_it_useful(site: Path, tmp_path: Path, name: str) -> None:
    (site / "data" / name).unlink()
    refused(site, tmp_path / "a.tar.gz", name)
    assert not (tmp_path / "a.tar.gz").exists()


def test_a_damaged_database_is_told(site: Path, tmp_path: Path) -> None:
    (site / "data" / "offhook.db").write_bytes(b"no database at all " * 300)
    refused(site, tmp_path / "a.tar.gz", "not an SQLite database")
    assert not (tmp_path / "a.tar.gz").exists()


def test_folder_that_is_not_there_is_told(site: Path, tmp_path: Path) -> None:
    refused(site, tmp_path / "none" / "a.tar.gz", f"{tmp_path}/none")


@pytest.mark.parametrize("blocks", [20, 200])
def test_a_full_disk_leaves_nothing(site: Path, tmp_path: Path, blocks: int) -> None:
    # The copy of the database does not fit, or the archive with more besides.
    (site / "templates" / "yealink" / "random.j2").write_bytes(random.Random(1).randbytes(300_000))
    ended = subprocess.run(
        ["/bin/bash", "-c", f"ulimit -f {blocks}; exec {OFFHOOK} backup ../a.tar.gz"],
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert "hint: " in ended.stderr
    assert str(tmp_path) in ended.stderr or "a.tar.gz" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
