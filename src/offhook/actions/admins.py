"""People who sign in to the pages: passwords, sessions, and the code of the first visit."""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from offhook.actions.changing import Changing
from offhook.actions.people_ports import AdminStore
from offhook.actions.tokens import digest_of
from offhook.core.people import Admin, SignIn
from offhook.core.secret import Secret
from offhook.errors import BadRequestError
from offhook.tasks import spawn

SESSION = timedelta(hours=12)
"""A session ends this long after it began, whatever was done in it."""

SHORTEST_PASSWORD = 10
TRIES_A_MINUTE = 5
_REMEMBERED = 1024
_CACHED = timedelta(seconds=10)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@\-]{0,63}\Z")
_HASHER = PasswordHasher()


@cache
def _nobody() -> str:
    """Give what is verified for a name that does not exist, so that its refusal takes as long."""
    return _HASHER.hash(secrets.token_hex(16))


@dataclass(slots=True)
class Admins:
    """The verbs of admins. `setup_code` opens the first visit while there is no admin."""

    changing: Changing
    store: AdminStore
    setup_code: str = ""
    _tries: OrderedDict[str, list[datetime]] = field(default_factory=OrderedDict)
    _known: dict[str, tuple[SignIn, datetime]] = field(default_factory=dict)

    async def load(self) -> None:
        """Make a setup code when nobody can sign in yet."""
        is_set_up = bool(await self.store.list_admins())
        self.setup_code = "" if is_set_up else self.setup_code or secrets.token_urlsafe(18)

    def forget(self) -> None:
        """Know nobody's session any more, nor whether there is an admin: another node has news."""
        self._known.clear()
        spawn(self.load(), "look for admins")

    async def list_admins(self) -> list[Admin]:
        """Give all, by name."""
        return await self.store.list_admins()

    async def put_admin(self, actor: str, name: str, password: str) -> Admin:
        """Make an admin or give one a new password, which ends all their sessions."""
        if not _NAME.match(name):
            raise BadRequestError(
                "bad_name",
                f"name must be 1 to 64 letters, digits, . _ @ or -, got {name[:40]!r}",
                "choose the name to sign in with",
            )
        if not SHORTEST_PASSWORD <= len(password) <= 1024:
            raise BadRequestError(
                "bad_password",
                f"a password needs {SHORTEST_PASSWORD} to 1024 characters",
                "choose a longer one: a few words are easy to remember",
            )
        hashed = await asyncio.to_thread(_HASHER.hash, password)
        admin = Admin(name=name, password_hash=Secret(hashed), created_at=self.changing.now())
        async with self.changing.state.lock:
            known = {item.name for item in await self.store.list_admins()}
            action = "changed" if name in known else "created"
            changed: dict[str, object] = {"password": "changed"}
            row = self.changing.change(actor, "admin", name, action, {}, changed)
            await self.changing.commit([], [row])
            await self.store.put_admin(admin)
            await self.store.delete_sign_ins(admin=name)
        self._known.clear()
        self.setup_code = ""
        return admin

    async def delete_admin(self, actor: str, name: str) -> None:
        """Remove an admin and end their sessions. 404 when there is none of that name."""
        async with self.changing.state.lock:
            if all(item.name != name for item in await self.store.list_admins()):
                raise BadRequestError(
                    "unknown_admin",
                    f"admin {name[:64]!r} does not exist",
                    "list them with offhook admin list",
                    status=404,
                )
            row = self.changing.change(actor, "admin", name, "deleted", {}, None)
            await self.changing.commit([], [row])
            await self.store.delete_admin(name)
        self._known.clear()

    async def set_up(self, code: str, name: str, password: str, address: str) -> str:
        """Make the first admin of a visitor who has the code, and sign them in."""
        self._slow_down(address)
        if not self.setup_code or not hmac.compare_digest(code.encode(), self.setup_code.encode()):
            raise BadRequestError(
                "wrong_code",
                "this link is not valid, or was used already",
                "on the PBX: offhook admin create NAME",
                status=403,
            )
        await self.put_admin(f"first visit from {address}", name, password)
        return await self.sign_in(name, password, address)

    async def sign_in(self, name: str, password: str, address: str) -> str:
        """Begin a session; gives the text of its cookie, kept nowhere. 403 or 429 when refused."""
        self._slow_down(address)
        found = next((it for it in await self.store.list_admins() if it.name == name), None)
        nobody = await asyncio.to_thread(_nobody)  # for known names too: as long for everybody
        hashed = found.password_hash.reveal() if found else nobody
        if not await asyncio.to_thread(_is_password, hashed, password) or found is None:
            raise BadRequestError(
                "wrong_password",
                "name or password is wrong",
                "forgotten? On the PBX: offhook admin create NAME gives a new password",
                status=403,
            )
        self._tries.pop(address, None)
        text = secrets.token_urlsafe(32)
        now = self.changing.now()
        await self.store.put_sign_in(
            SignIn(
                digest=digest_of(text),
                admin=name,
                address=address,
                began_at=now,
                expires_at=now + SESSION,
            )
        )
        return text

    async def admin_of(self, text: str) -> str:
        """Give whose session a cookie is of; empty when it is of none. Raises StoreError."""
        if not text:
            return ""
        digest, now = digest_of(text), self.changing.now()
        kept = self._known.get(digest)
        if kept is None or now - kept[1] >= _CACHED:
            found = await self.store.get_sign_in(digest)
            if found is None:
                self._known.pop(digest, None)
                return ""
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[digest] = kept = (found, now)
        return kept[0].admin if kept[0].expires_at > now else ""

    async def sign_out(self, text: str) -> None:
        """End a session."""
        digest = digest_of(text)
        self._known.pop(digest, None)
        await self.store.delete_sign_ins(digest=digest)

    def _slow_down(self, address: str) -> None:
        """Refuse an address that tried too often in the last minute."""
        now = self.changing.now()
        recent = [at for at in self._tries.get(address, ()) if now - at < timedelta(minutes=1)]
        if len(recent) >= TRIES_A_MINUTE:
            raise BadRequestError(
                "too_many_tries",
                "too many tries from this address",
                "wait a minute, then try again",
                status=429,
            )
        self._tries[address] = [*recent, now]
        self._tries.move_to_end(address)
        if len(self._tries) > _REMEMBERED:
            self._tries.popitem(last=False)


def _is_password(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
