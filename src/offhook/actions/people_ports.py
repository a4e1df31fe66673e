"""What actions need kept of people and programs that call: databases implement these."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from offhook.core.model import Token
from offhook.core.people import Admin, SignIn


class TokenStore(Protocol):
    """API tokens, hashed."""

    async def put_token(self, token: Token) -> None:
        """Insert or replace by name."""
        ...

    async def delete_token(self, name: str) -> bool:
        """Remove; False when there was none."""
        ...

    async def list_tokens(self) -> list[Token]:
        """All, by name."""
        ...

    async def note_token_used(self, digest: str, at: datetime) -> None:
        """Note a use; nothing happens when the token is gone, so none comes back by its use."""
        ...


class AdminStore(Protocol):
    """People who sign in, and their sessions."""

    async def put_admin(self, admin: Admin) -> None:
        """Insert or replace by name."""
        ...

    async def delete_admin(self, name: str) -> bool:
        """Remove with all sessions; False when there was none."""
        ...

    async def list_admins(self) -> list[Admin]:
        """All, by name."""
        ...

    async def put_sign_in(self, sign_in: SignIn) -> None:
        """Insert or replace by digest; those that have expired go."""
        ...

    async def get_sign_in(self, digest: str) -> SignIn | None:
        """One session, whether it has expired or not."""
        ...

    async def delete_sign_ins(self, *, digest: str = "", admin: str = "") -> None:
        """End one session, or all of an admin."""
        ...
