"""People who administer: who may sign in, and their sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from offhook.core.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """A person who may sign in to the pages; the password is kept as an argon2 hash."""

    name: str
    password_hash: Secret
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A session of an admin; `digest` is the SHA-256 of the cookie's text."""

    digest: str
    admin: str
    address: str
    began_at: datetime
    expires_at: datetime
