"""The parts of `sip` that decide, put together: registrar, proxy and subscriptions on one table."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offhook.engines.phones import note_of
from offhook.sip.auth import Authenticator, SecretOf
from offhook.sip.bindings import BindingTable
from offhook.sip.digest import MD5_ONLY, Algorithm
from offhook.sip.invite import TIMER_C_S
from offhook.sip.limits import FailureLimits
from offhook.sip.lost_watches import Tell
from offhook.sip.nonces import Nonces
from offhook.sip.proxy import Proxy
from offhook.sip.registrar import Registrar
from offhook.sip.server import Server
from offhook.sip.subscriptions import Subscriptions
from offhook.sip.transaction import AnswerCache
from offhook.sip.wanted import ExpiryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class SipPolicy:
    """What is granted to phones. `digest_algorithms` are the challenges of a 401, in order.

    MD5 alone is the default, because a second challenge can cost a phone its registration: baresip
    1.0.0 gives up ("Function not implemented") as soon as any of them is SHA-256.
    """

    realm: str
    min_expires_s: int = 60
    max_expires_s: int = 7200
    default_expires_s: int = 3600
    nonce_lifetime_s: int = 300
    max_contacts: int = 5
    digest_algorithms: Sequence[Algorithm] = MD5_ONLY
    failures_a_minute: int = 20
    ring_s: float = TIMER_C_S


@dataclass(frozen=True, slots=True, kw_only=True)
class SipCore:
    """The deciding parts; none of them does I/O."""

    table: BindingTable
    proxy: Proxy
    subscriptions: Subscriptions
    server: Server


def build_core(
    policy: SipPolicy,
    *,
    secret_of: SecretOf,
    host: str,
    port: Callable[[], int],
    tls_port: Callable[[], int],
    tell_watch: Tell = lambda _: None,
) -> SipCore:
    """Put the parts together; `host` and the ports are what phones know us by.

    `tell_watch` is told of subscriptions that are lost, and regained.
    """
    table = BindingTable(max_contacts=policy.max_contacts)
    authenticator = Authenticator(
        realm=policy.realm,
        secret_of=secret_of,
        nonces=Nonces(key=secrets.token_bytes(32), lifetime_s=policy.nonce_lifetime_s),
        limits=FailureLimits(),
        dummy_secret=secrets.token_hex(16),
        algorithms=policy.digest_algorithms,
        failures_a_minute=policy.failures_a_minute,
    )
    proxy = Proxy(
        authenticator=authenticator,
        table=table,
        secret_of=secret_of,
        realm=policy.realm,
        place=lambda: (host, port()),
        tls_port=tls_port,
        key=secrets.token_bytes(32),
        clock=time.monotonic,
        random_text=lambda: secrets.token_hex(8),
        ring_s=policy.ring_s,
    )
    subscriptions = Subscriptions(
        authenticator=authenticator,
        table=table,
        secret_of=secret_of,
        calls=proxy.calls,
        place=lambda transport: (host, tls_port() if transport == "tls" else port()),
        clock=time.monotonic,
        random_text=lambda: secrets.token_hex(8),
        tell=tell_watch,
    )
    expiry = ExpiryPolicy(
        min_s=policy.min_expires_s,
        max_s=policy.max_expires_s,
        default_s=max(policy.min_expires_s, min(policy.default_expires_s, policy.max_expires_s)),
    )
    server = Server(
        registrar=Registrar(
            authenticator=authenticator, table=table, policy=expiry, note_of=note_of
        ),
        proxy=proxy,
        subscriptions=subscriptions,
        answers=AnswerCache(),
        tag_key=secrets.token_bytes(32),
    )
    return SipCore(table=table, proxy=proxy, subscriptions=subscriptions, server=server)
