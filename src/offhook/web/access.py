"""Who may call the API: this host itself, networks named in the settings, or a token."""

from __future__ import annotations

import ipaddress
import logging
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from offhook.actions.throttle import Network, is_within
from offhook.actions.tokens import Tokens
from offhook.web.peer import (
    Scope,
    address_of,
    header_of,
    headers_of,
    is_forwarded,
    is_this_host,
    name_of_host,
)

LOCAL = "local"
WRONG_A_MINUTE = 10
_ADDRESSES_KEPT = 1024
_WINDOW_S = 60.0

_log = logging.getLogger("offhook.web.access")


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Why a call is refused, and what the caller can do."""

    status: int
    code: str
    message: str
    hint: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """Settings of access. `hosts` are the names, lower case, under which we may be called."""

    is_local_trusted: bool
    networks: tuple[Network, ...]
    hosts: frozenset[str]


def access_policy(
    trusted_networks: Sequence[str], allowed_hosts: Sequence[str], external_ip: str
) -> AccessPolicy:
    """Make the policy of `api.trusted_networks` and `api.allowed_hosts`."""
    return AccessPolicy(
        is_local_trusted=LOCAL in trusted_networks,
        networks=tuple(ipaddress.ip_network(item) for item in trusted_networks if item != LOCAL),
        hosts=host_names(external_ip, *allowed_hosts),
    )


def host_names(*names: str) -> frozenset[str]:
    """Give the names of this server, lower case: its host name, and those it is told."""
    known = {"localhost", socket.gethostname(), *names}
    return frozenset(name.lower().rstrip(".") for name in known if name)


@dataclass(slots=True)
class Access:
    """Decides about each call of the API; gives the actor that its changes are noted under."""

    policy: AccessPolicy
    tokens: Tokens
    monotonic: Callable[[], float] = time.monotonic
    _wrong: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict)

    async def actor_of(self, scope: Scope) -> str | Denied:
        """Give `local`, `address …` or `token NAME`, or the refusal. Raises StoreError."""
        shown = headers_of(scope, b"authorization")
        if shown:
            return await self._holder(scope, shown[0])
        actor = self._trusted(scope)
        if not actor:
            return _no_token()
        return self._own_page_only(scope) or actor

    async def _holder(self, scope: Scope, header: str) -> str | Denied:
        """A token that is shown counts even where none is needed; a wrong one is refused there."""
        scheme, _, text = header.partition(" ")
        name = await self.tokens.holder_of(text.strip()) if scheme.lower() == "bearer" else None
        if name is not None:
            return f"token {name}"
        return self._count_wrong(address_of(scope))

    def _trusted(self, scope: Scope) -> str:
        if self.policy.is_local_trusted and is_this_host(scope):
            return LOCAL
        address = address_of(scope)
        if is_within(address, self.policy.networks) and not is_forwarded(scope):
            return f"address {address}"
        return ""

    def _own_page_only(self, scope: Scope) -> Denied | None:
        """Refuse what a page of another site makes a browser on a trusted machine ask.

        A foreign name in `Host` is DNS rebinding; `Sec-Fetch-Site` and `Origin` tell the rest.
        """
        hosts = headers_of(scope, b"host")
        host = hosts[0] if hosts else ""
        if len(hosts) > 1 or (host and not is_our_name(self.policy, host)):
            return Denied(
                status=403,
                code="host_not_allowed",
                message=f"this server is not called {name_of_host(host)[:80]!r}",
                hint="use its IP address, add the name to api.allowed_hosts, or show a token",
            )
        origin = header_of(scope, b"origin")
        is_foreign = header_of(scope, b"sec-fetch-site") in ("cross-site", "same-site")
        if is_foreign or (origin and urlsplit(origin).netloc.lower() != host.lower()):
            return Denied(
                status=403,
                code="cross_site",
                message="a page of another site may not call the API",
                hint="call it from the command line or a program, or show a token",
            )
        return None

    def _count_wrong(self, address: str) -> Denied:
        """Refuse a wrong token. Right ones always pass, so nobody is locked out by a neighbour."""
        now_s = self.monotonic()
        began_s, count = self._wrong.get(address, (now_s, 0))
        if now_s - began_s >= _WINDOW_S:
            began_s, count = now_s, 0
        self._wrong[address] = (began_s, count + 1)
        self._wrong.move_to_end(address)
        if len(self._wrong) > _ADDRESSES_KEPT:
            self._wrong.popitem(last=False)
        if count == 0:
            _log.warning("API call with a wrong token from %s", address)
        if count < WRONG_A_MINUTE:
            return _wrong_token()
        return Denied(
            status=429,
            code="too_many_wrong_tokens",
            message="too many wrong tokens from this address",
            hint="wait a minute, then show a right one",
            headers=((b"retry-after", b"60"),),
        )


def is_our_name(policy: AccessPolicy, host: str) -> bool:
    """Say whether a Host header is a name of ours or an address: no rebound DNS name."""
    name = name_of_host(host)
    if name in policy.hosts:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _no_token() -> Denied:
    return Denied(
        status=401,
        code="token_missing",
        message="calls from other machines need a token",
        hint="on the PBX: offhook token create NAME; then send: Authorization: Bearer <token>",
        headers=((b"www-authenticate", b'Bearer realm="offhook"'),),
    )


def _wrong_token() -> Denied:
    return Denied(
        status=401,
        code="token_wrong",
        message="this token is not known",
        hint="make one on the PBX: offhook token create NAME; it may have been revoked",
        headers=((b"www-authenticate", b'Bearer realm="offhook", error="invalid_token"'),),
    )
