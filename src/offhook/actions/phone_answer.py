"""What a phone is answered, and the settings of serving."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.actions.basis import Basis
from offhook.actions.throttle import Network
from offhook.core.model import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back to the phone, and its record; `body` is that of a GET, empty for 304.

    With a `basis`, `Phones.repeat` tells whether an equal request would get the same.
    """

    status: int
    body: bytes
    content_type: str
    attempt: Attempt
    etag: str = ""
    retry_after_s: int = 0
    basis: Basis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePolicy:
    """Settings of serving."""

    is_enabled: bool
    networks: tuple[Network, ...]
    unknown_per_minute: int
    hosts: frozenset[str] = frozenset()
    """Names under which phones may ask, lower case; every IP address is right as well."""
