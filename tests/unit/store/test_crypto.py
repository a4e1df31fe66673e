from __future__ import annotations

import base64
import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from offhook.errors import StoreError
from offhook.store import tables
from offhook.store.crypto import Cipher, open_cipher

KEY = bytes(range(32))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        tables.metadata.create_all(opened)
        yield opened
    engine.dispose()


def add_secret(connection: Connection, cipher: Cipher) -> None:
    connection.execute(
        tables.devices.insert(),
        {
            "mac": "001565123456",
            "vendor": "yealink",
            "model": "t46s",
            "admin_password": cipher.encrypt("pw", table="devices", row="001565123456"),
            "created_us": 0,
            "updated_us": 0,
        },
    )


@given(TEXTS, TEXTS)
@settings(max_examples=100)
def test_secret_round_trips(text: str, row: str) -> None:
    cipher = Cipher(KEY)
    stored = cipher.encrypt(text, table="extensions", row=row)
    assert stored.startswith("v1:")
    assert cipher.decrypt(stored, table="extensions", row=row) == text


def test_equal_secrets_are_stored_differently() -> None:
    cipher = Cipher(KEY)
    assert len({cipher.encrypt("same", table="t", row="1") for _ in range(100)}) == 100


@pytest.mark.parametrize(("table", "row"), [("extensions", "1002"), ("devices", "1001")])
def test_secret_of_another_row_is_refused(table: str, row: str) -> None:
    stored = Cipher(KEY).encrypt("pw", table="extensions", row="1001")
    with pytest.raises(StoreError, match=f"secret of {table} {row} cannot be decrypted") as caught:
        Cipher(KEY).decrypt(stored, table=table, row=row)
    assert "key file" in caught.value.hint


def test_secret_of_another_key_is_refused() -> None:
    stored = Cipher(KEY).encrypt("pw", table="extensions", row="1001")
    with pytest.raises(StoreError, match="another key"):
        Cipher(bytes(32)).decrypt(stored, table="extensions", row="1001")


@given(st.data())
@settings(max_examples=100)
def test_altered_secret_is_refused(data: st.DataObject) -> None:
    sealed = bytearray(base64.b64decode(Cipher(KEY).encrypt("pw", table="t", row="1")[3:]))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(StoreError):
        Cipher(KEY).decrypt("v1:" + base64.b64encode(sealed).decode(), table="t", row="1")


@pytest.mark.parametrize("stored", ["v1:", "v1:AAAA", "v1:***", "v1:ü"])
def test_stored_text_that_is_no_secret_is_refused(stored: str) -> None:
    with pytest.raises(StoreError, match="cannot be decrypted"):
        Cipher(KEY).decrypt(stored, table="t", row="1")


def test_form_of_a_later_version_is_named() -> None:
    with pytest.raises(StoreError, match="does not know") as caught:
        Cipher(KEY).decrypt("v2:AAAA", table="t", row="1")
    assert "newer" in caught.value.hint


def test_key_is_made_once_for_its_owner_alone(connection: Connection, tmp_path: Path) -> None:
    key_file = tmp_path / "new" / "folder" / "secret.key"
    first = open_cipher(connection, key_file)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert len(base64.b64decode(key_file.read_bytes())) == 32
    stored = first.encrypt("pw", table="t", row="1")
    assert open_cipher(connection, key_file).decrypt(stored, table="t", row="1") == "pw"
    assert [found.name for found in key_file.parent.iterdir()] == ["secret.key"]


def test_leftover_of_a_killed_start_does_not_hinder(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getpid", lambda: 4711)
    (tmp_path / "secret.key.4711.new").write_bytes(b"half")
    open_cipher(connection, tmp_path / "secret.key")
    assert [found.name for found in tmp_path.iterdir()] == ["secret.key"]


def test_missing_key_is_fatal_only_while_secrets_exist(
    connection: Connection, tmp_path: Path
) -> None:
    key_file = tmp_path / "secret.key"
    cipher = open_cipher(connection, key_file)
    add_secret(connection, cipher)
    key_file.unlink()
    with pytest.raises(StoreError, match=r"secret\.key is missing") as caught:
        open_cipher(connection, key_file)
    assert "same backup" in caught.value.hint
    assert not key_file.exists()
    connection.execute(tables.devices.delete())
    open_cipher(connection, key_file)
    assert key_file.exists()


def test_wrong_key_is_told_at_start(connection: Connection, tmp_path: Path) -> None:
    add_secret(connection, Cipher(KEY))
    key_file = tmp_path / "secret.key"
    key_file.write_bytes(base64.b64encode(bytes(32)))
    key_file.chmod(0o600)
    with pytest.raises(StoreError, match="does not fit the database"):
        open_cipher(connection, key_file)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe", base64.b64encode(bytes(16))])
def test_file_that_holds_no_key_is_refused_and_kept(
    connection: Connection, tmp_path: Path, content: bytes
) -> None:
    key_file = tmp_path / "secret.key"
    key_file.write_bytes(content)
    key_file.chmod(0o600)
    with pytest.raises(StoreError, match="does not hold a key"):
        open_cipher(connection, key_file)
    assert key_file.read_bytes() == content


def test_key_that_others_can_read_is_warned_of(
    connection: Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key_file = tmp_path / "secret.key"
    open_cipher(connection, key_file)
    key_file.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        open_cipher(connection, key_file)
    assert "chmod 600" in caplog.text


def test_key_file_that_is_a_link_to_nothing_is_told(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "secret.key").symlink_to(tmp_path / "not-mounted" / "secret.key")
    with pytest.raises(StoreError, match="leads nowhere"):
        open_cipher(connection, tmp_path / "secret.key")


def test_folder_that_takes_no_key_is_told(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getpid", lambda: 4711)
    (tmp_path / "secret.key.4711.new").mkdir()
    with pytest.raises(StoreError, match=r"key file .*secret\.key: "):
        open_cipher(connection, tmp_path / "secret.key")


def test_key_that_cannot_be_made_is_a_store_error(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="key file") as caught:
        open_cipher(connection, tmp_path / "file" / "secret.key")
    assert caught.value.hint
