"""API tokens, hashed: statements and row mapping."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from offhook.core.model import Token
from offhook.store.database import Database
from offhook.store.shared import Shared, note_kind
from offhook.store.tables import tokens
from offhook.store.upsert import upsert
from offhook.store.values import from_us, from_us_or_none, to_us, to_us_or_none


class SqlTokenStore:
    """Tokens by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_token(self, token: Token) -> None:
        """Insert or replace by name. Raises StoreError."""
        await self._database.run(_put, token, self._database.shared)

    async def delete_token(self, name: str) -> bool:
        """Remove; False when there was none."""
        return await self._database.run(_delete, name, self._database.shared)

    async def list_tokens(self) -> list[Token]:
        """Give all, by name."""
        return await self._database.run(_list)

    async def note_token_used(self, digest: str, at: datetime) -> None:
        """Note a use; nothing happens when the token is gone. Raises StoreError."""
        await self._database.run(_note_used, digest, at)


def _put(connection: Connection, token: Token, shared: Shared | None) -> None:
    row = {
        "name": token.name,
        "digest": token.digest,
        "created_us": to_us(token.created_at),
        "last_used_us": to_us_or_none(token.last_used_at),
    }
    upsert(connection, tokens, [row])
    note_kind(connection, shared, "token")


def _delete(connection: Connection, name: str, shared: Shared | None) -> bool:
    gone = connection.execute(delete(tokens).where(tokens.c.name == name)).rowcount > 0
    note_kind(connection, shared, "token")
    return gone


def _note_used(connection: Connection, digest: str, at: datetime) -> None:
    connection.execute(
        update(tokens).where(tokens.c.digest == digest).values(last_used_us=to_us(at))
    )


def _list(connection: Connection) -> list[Token]:
    statement = select(
        tokens.c.name, tokens.c.digest, tokens.c.created_us, tokens.c.last_used_us
    ).order_by(tokens.c.name)
    return [
        Token(
            name=name,
            digest=digest,
            created_at=from_us(created_us),
            last_used_at=from_us_or_none(used_us),
        )
        for name, digest, created_us, used_us in connection.execute(statement)
    ]
