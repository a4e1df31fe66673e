"""People who sign in and their sessions: statements and row mapping."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from offhook.core.people import Admin, SignIn
from offhook.core.secret import Secret
from offhook.store.database import Database
from offhook.store.shared import Shared, note_kind
from offhook.store.tables import admins, sign_ins
from offhook.store.upsert import upsert
from offhook.store.values import from_us, storable, to_us


class SqlAdminStore:
    """Admins by name, sessions by the digest of their cookie."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_admin(self, admin: Admin) -> None:
        """Insert or replace by name. Raises StoreError."""
        await self._database.run(_put_admin, admin, self._database.shared)

    async def delete_admin(self, name: str) -> bool:
        """Remove with all sessions; False when there was none."""
        return await self._database.run(_delete_admin, name, self._database.shared)

    async def list_admins(self) -> list[Admin]:
        """Give all, by name."""
        return await self._database.run(_list_admins)

    async def put_sign_in(self, sign_in: SignIn) -> None:
        """Insert or replace by digest; those expired by then go. Raises StoreError."""
        await self._database.run(_put_sign_in, sign_in)

    async def get_sign_in(self, digest: str) -> SignIn | None:
        """Give one session, whether it has expired or not."""
        return await self._database.run(_get_sign_in, digest)

    async def delete_sign_ins(self, *, digest: str = "", admin: str = "") -> None:
        """End one session, or all of an admin."""
        await self._database.run(_end_sign_ins, digest, admin, self._database.shared)


def _put_admin(connection: Connection, admin: Admin, shared: Shared | None) -> None:
    row = {
        "name": admin.name,
        "password_hash": admin.password_hash.reveal(),
        "created_us": to_us(admin.created_at),
    }
    upsert(connection, admins, [row])
    note_kind(connection, shared, "admin")


def _delete_admin(connection: Connection, name: str, shared: Shared | None) -> bool:
    _delete_sign_ins(connection, "", name)
    gone = connection.execute(delete(admins).where(admins.c.name == name)).rowcount > 0
    note_kind(connection, shared, "admin")
    return gone


def _list_admins(connection: Connection) -> list[Admin]:
    statement = select(admins.c.name, admins.c.password_hash, admins.c.created_us)
    return [
        Admin(name=name, password_hash=Secret(password_hash), created_at=from_us(created_us))
        for name, password_hash, created_us in connection.execute(statement.order_by(admins.c.name))
    ]


def _put_sign_in(connection: Connection, sign_in: SignIn) -> None:
    began_us = to_us(sign_in.began_at)
    connection.execute(delete(sign_ins).where(sign_ins.c.expires_us < began_us))
    row = {
        "digest": sign_in.digest,
        "admin": sign_in.admin,
        "address": storable(sign_in.address),
        "began_us": began_us,
        "expires_us": to_us(sign_in.expires_at),
    }
    upsert(connection, sign_ins, [row])


def _get_sign_in(connection: Connection, digest: str) -> SignIn | None:
    found = connection.execute(select(sign_ins).where(sign_ins.c.digest == digest)).first()
    if found is None:
        return None
    return SignIn(
        digest=found.digest,
        admin=found.admin,
        address=found.address,
        began_at=from_us(found.began_us),
        expires_at=from_us(found.expires_us),
    )


def _end_sign_ins(connection: Connection, digest: str, admin: str, shared: Shared | None) -> None:
    _delete_sign_ins(connection, digest, admin)
    note_kind(connection, shared, "admin")


def _delete_sign_ins(connection: Connection, digest: str, admin: str) -> None:
    if digest:
        connection.execute(delete(sign_ins).where(sign_ins.c.digest == digest))
    if admin:
        connection.execute(delete(sign_ins).where(sign_ins.c.admin == admin))
