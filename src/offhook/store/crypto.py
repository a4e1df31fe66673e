"""Secrets at rest: AES-256-GCM under a key in a file beside the database.

A stored secret is `v1:` and the base64 of a random 96-bit nonce and the ciphertext with its tag
(NIST SP 800-38D). Table and row are associated data, so a secret copied into another row does
not decrypt there. The key file protects copies of the database, not a machine already taken.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import stat
from binascii import a2b_base64
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, insert, select

from offhook.core.secret import Secret
from offhook.errors import StoreError
from offhook.store.failures import file_error
from offhook.store.tables import devices, extensions, key_checks

_log = logging.getLogger(__name__)

_VERSION = "v1:"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_RESTORE = (
    "put back the key file that belongs to this database, from the same backup or from another "
    "node that runs on it. If it is lost, "
    "its SIP secrets and admin passwords are lost too: move the database file away, start anew "
    "and add extensions and devices again"
)


class Cipher:
    """Encrypts and decrypts the secrets of rows."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def encrypt(self, text: str, *, table: str, row: str) -> str:
        """Give the text to store for a secret of this row."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._aead.encrypt(nonce, text.encode("utf-8"), _place(table, row))
        return _VERSION + base64.b64encode(nonce + sealed).decode("ascii")

    def decrypt(self, stored: str, *, table: str, row: str) -> str:
        """Give a secret back. Raises StoreError when key, row or text do not belong together."""
        return self.opener(table)(stored, row)

    def opener(self, table: str) -> Callable[[str, str], str]:
        """Give what decrypts a secret of a row of this table, many times: a start has 200,000."""
        decrypt, start = self._aead.decrypt, len(_VERSION)

        def opened(stored: str, row: str) -> str:
            try:
                if stored[:start] != _VERSION:
                    raise _foreign_form(table, row)
                sealed = a2b_base64(stored[start:], strict_mode=True)
                nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
                return decrypt(nonce, rest, f"{table}/{row}".encode()).decode()
            except (ValueError, InvalidTag) as error:
                raise StoreError(
                    f"the secret of {table} {row} cannot be decrypted: it was written with another "
                    "key, or altered outside offhook",
                    _RESTORE,
                ) from error

        return opened

    def secrets_of(self, table: str) -> Callable[[str, str], Secret]:
        """Give what makes secrets of rows of this table, each decrypted when it is first used."""
        opened = self.opener(table)
        return lambda stored, row: Secret(_Sealed(opened, stored, row))


class _Sealed:
    """A stored secret; called, it is decrypted."""

    __slots__ = ("_opened", "_row", "_stored")

    def __init__(self, opened: Callable[[str, str], str], stored: str, row: str) -> None:
        self._opened, self._stored, self._row = opened, stored, row

    def __call__(self) -> str:
        return self._opened(self._stored, self._row)


def _foreign_form(table: str, row: str) -> StoreError:
    return StoreError(
        f"the secret of {table} {row} is of a form this version does not know",
        "start the version of offhook that wrote it, or a newer one",
    )


def _place(table: str, row: str) -> bytes:
    # Table names have no slash, so no two places give the same bytes.
    return f"{table}/{row}".encode()


def open_cipher(connection: Connection, key_file: Path, *, is_shared: bool = False) -> Cipher:
    """Read the key, or make one for a database that has no secrets yet, and prove that it fits.

    Raises StoreError when secrets exist and the key is missing or another one. A database that
    others may share gets a secret at once: its second node is refused without the first one's key.
    """
    cipher = _proved(_any_secret(connection), key_file)
    if is_shared and connection.execute(select(key_checks.c.id)).first() is None:
        sealed = cipher.encrypt("offhook", table=key_checks.name, row="1")
        connection.execute(insert(key_checks).values(id=1, sample=sealed))
    return cipher


def _proved(sample: tuple[str, str, str] | None, key_file: Path) -> Cipher:
    key = _read_key(key_file)
    if key is None:
        if sample is not None:
            raise StoreError(
                f"key file {key_file} is missing, and the database holds secrets made with it",
                _RESTORE,
            )
        key = _create_key(key_file)
    cipher = Cipher(key)
    if sample is not None:
        table, row, stored = sample
        try:
            cipher.decrypt(stored, table=table, row=row)
        except StoreError as error:
            raise StoreError(
                f"key file {key_file} does not fit the database: {error}", error.hint
            ) from error
    return cipher


def _any_secret(connection: Connection) -> tuple[str, str, str] | None:
    for table, row, secret in (
        (key_checks, key_checks.c.id, key_checks.c.sample),
        (extensions, extensions.c.number, extensions.c.secret),
        (devices, devices.c.mac, devices.c.admin_password),
    ):
        found = connection.execute(select(row, secret).limit(1)).first()
        if found is not None:
            return table.name, str(found[0]), found[1]
    return None


def _read_key(key_file: Path) -> bytes | None:
    try:
        text = key_file.read_bytes()
        mode = stat.S_IMODE(key_file.stat().st_mode)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise file_error(error, f"key file {key_file}") from error
    if mode & 0o077:
        _log.warning("key file %s can be read by other users: chmod 600 it", key_file)
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise StoreError(f"key file {key_file} does not hold a key of 256 bits", _RESTORE)
    return key


def _create_key(key_file: Path) -> bytes:
    """Make the key file whole or not at all: written aside, forced to disk, then linked."""
    aside = key_file.with_name(f"{key_file.name}.{os.getpid()}.new")
    try:
        key_file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(os.urandom(_KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # A link never replaces a key that somebody made in between.
        with contextlib.suppress(FileExistsError):
            os.link(aside, key_file)
        aside.unlink()
        _sync_folder(key_file.parent)
    except OSError as error:
        raise file_error(error, f"key file {key_file}") from error
    key = _read_key(key_file)
    if key is None:
        raise StoreError(
            f"key file {key_file} is a link that leads nowhere",
            "mount what it points to, or remove the link",
        )
    return key


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
