"""API tokens: make, revoke, and recognise the one a caller shows."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from offhook.actions.changing import Changing
from offhook.actions.people_ports import TokenStore
from offhook.core.model import Token
from offhook.errors import BadRequestError
from offhook.tasks import spawn

PREFIX = "offhook_"
CACHE_S = 5.0
"""How long a token stays good after another process revoked it; our own revoking acts at once."""
_RELOAD_S = 1.0
_USE_NOTED_EVERY = timedelta(minutes=1)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}\Z")


def digest_of(text: str) -> str:
    """Give the SHA-256 of a token in hex: all that is kept of it.

    No slow hash is needed: a token is 256 random bits, not a password.
    """
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


@dataclass(slots=True)
class Tokens:
    """The verbs of tokens, with all tokens in memory: a call costs no database."""

    changing: Changing
    store: TokenStore
    monotonic: Callable[[], float] = time.monotonic
    _known: tuple[Token, ...] = ()
    _read_at_s: float = float("-inf")
    _noted: dict[str, datetime] = field(default_factory=dict)

    async def make_token(self, actor: str, name: str) -> tuple[Token, str]:
        """Make a token; its text is given here and never again. 409 when the name is taken."""
        if not _NAME.match(name):
            raise BadRequestError(
                "bad_name",
                f"name must be 1 to 64 letters, digits, . _ or -, got {name[:40]!r}",
                "name the program or person that will use the token",
            )
        text = PREFIX + secrets.token_urlsafe(32)
        token = Token(name=name, digest=digest_of(text), created_at=self.changing.now())
        async with self.changing.state.lock:
            if any(item.name == name for item in await self.store.list_tokens()):
                raise BadRequestError(
                    "token_exists",
                    f"token {name} exists",
                    f"choose another name, or revoke it with DELETE /api/tokens/{name}",
                    status=409,
                )
            # Told before it is done: a crash between the two leaves a row too many, never one
            # too few.
            row = self.changing.change(actor, "token", name, "created", None, {})
            await self.changing.commit([], [row])
            await self.store.put_token(token)
            self._read_at_s = float("-inf")
        return token, text

    async def revoke_token(self, actor: str, name: str) -> None:
        """Make a token worthless at once. 404 when there is none of that name."""
        async with self.changing.state.lock:
            if all(item.name != name for item in await self.store.list_tokens()):
                raise BadRequestError(
                    "unknown_token",
                    f"token {name[:64]!r} does not exist",
                    "list them with GET /api/tokens",
                    status=404,
                )
            row = self.changing.change(actor, "token", name, "deleted", {}, None)
            await self.changing.commit([], [row])
            await self.store.delete_token(name)
            self._read_at_s = float("-inf")
            self._known = tuple(item for item in self._known if item.name != name)

    def forget(self) -> None:
        """Read them anew at the next call: another node changed some."""
        self._read_at_s = float("-inf")

    async def list_tokens(self) -> list[Token]:
        """Give all, by name."""
        return await self.store.list_tokens()

    async def holder_of(self, text: str) -> str | None:
        """Give the name of the token whose text this is, or None. Raises StoreError."""
        age_s = self.monotonic() - self._read_at_s
        if age_s > CACHE_S:
            await self._read()
        token = self._find(text)
        if token is None and age_s > _RELOAD_S:
            # Another process (`offhook token create`) may have made it since.
            await self._read()
            token = self._find(text)
        if token is None:
            return None
        self._note_use(token)
        return token.name

    async def _read(self) -> None:
        self._read_at_s = self.monotonic()
        self._known = tuple(await self.store.list_tokens())

    def _find(self, text: str) -> Token | None:
        """Compare with every token, each in constant time, whichever matches."""
        digest = digest_of(text)
        found = None
        for token in self._known:
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found

    def _note_use(self, token: Token) -> None:
        moment = self.changing.now()
        last = self._noted.get(token.digest) or token.last_used_at
        if last is None or moment - last >= _USE_NOTED_EVERY:
            self._noted[token.digest] = moment
            spawn(self.store.note_token_used(token.digest, moment), f"note use of {token.name}")
