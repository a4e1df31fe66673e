"""Build the SIP engine that the settings name, and tell what phones need to know of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from offhook.actions.lead import Lead
from offhook.actions.ports import Clock, RegistrationStore, SipEngine
from offhook.actions.publish import Events
from offhook.actions.state import State
from offhook.certificate import Certificate
from offhook.core.events import Changed
from offhook.core.secret import Secret
from offhook.engines.core import SipPolicy
from offhook.engines.embedded import EmbeddedEngine
from offhook.engines.kamailio import KamailioEngine
from offhook.engines.kamailio_config import database_url
from offhook.engines.kamailio_credentials import KamailioCredentials
from offhook.engines.kamailio_node import NodeAddress
from offhook.kamailio_settings import cluster_of
from offhook.settings import Settings
from offhook.sip.digest import BEST_FIRST, MD5_FIRST, MD5_ONLY

_DIGESTS = {"md5": MD5_ONLY, "md5-first": MD5_FIRST, "sha256-first": BEST_FIRST}


async def _nothing() -> None:
    """One engine writes nothing for Kamailio, the other serves without us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedEngine:
    """An engine, and the ports phones reach it at; `tls_port` 0 is none.

    It takes what phones send once `serve` was called; until then whoever comes waits.
    Call `on_lead` when this node begins to lead, or one that led may have written something old;
    `on_lost` waits until nothing is written here any more.
    """

    engine: SipEngine
    port: int
    tls_port: int
    serve: Callable[[], Awaitable[None]] = _nothing
    on_lead: Callable[[], None] = lambda: None
    on_lost: Callable[[], Awaitable[None]] = _nothing


async def start_engine(
    settings: Settings,
    state: State,
    store: RegistrationStore,
    events: Events,
    now: Clock,
    lead: Lead | None = None,
) -> StartedEngine:
    """Make the engine of `sip.engine`. Raises OSError when a port of ours is taken.

    With Kamailio no SIP port is bound here: phones are told the configured one.
    """
    if settings.sip.engine == "kamailio":
        credentials = _credentials(settings, state, lead)
        events.subscribe(credentials.on_event, Changed, hears_others=True)
        kamailio = _kamailio(settings, credentials, events, now)
        await kamailio.start()
        return StartedEngine(
            engine=kamailio,
            port=settings.server.sip_port,
            tls_port=settings.sip.tls_port if settings.sip.tls_certificate else 0,
            on_lead=credentials.mark_all,
            on_lost=credentials.wait_written,
        )
    embedded = _embedded(settings, state, store, events, now)
    await embedded.bind()
    return StartedEngine(
        engine=embedded,
        port=embedded.port,
        tls_port=embedded.tls_port,
        serve=embedded.serve,
    )


def _credentials(settings: Settings, state: State, lead: Lead | None) -> KamailioCredentials:
    def enabled() -> dict[str, Secret]:
        return {
            number: extension.secret
            for number, extension in state.extensions.items()
            if extension.is_enabled
        }

    cluster = cluster_of(settings)
    return KamailioCredentials(
        database_url(cluster.database), realm=cluster.realm, secrets=enabled, lead=lead
    )


def _kamailio(
    settings: Settings, credentials: KamailioCredentials, events: Events, now: Clock
) -> KamailioEngine:
    nodes = [
        NodeAddress(name=f"node {node.number}", sip=node.sip, rpc=node.rpc, events=node.events)
        for node in cluster_of(settings).nodes
    ]
    return KamailioEngine(nodes, credentials=credentials, publish=events.publish, now=now)


def _embedded(
    settings: Settings, state: State, store: RegistrationStore, events: Events, now: Clock
) -> EmbeddedEngine:
    def credentials(number: str) -> Secret | None:
        extension = state.extensions.get(number)
        return extension.secret if extension and extension.is_enabled else None

    return EmbeddedEngine(
        bind=settings.server.bind,
        port=settings.server.sip_port,
        external_ip=settings.server.external_ip or "127.0.0.1",
        policy=SipPolicy(
            realm=settings.sip.realm,
            digest_algorithms=_DIGESTS[settings.sip.digest],
            min_expires_s=settings.sip.min_expires_s,
            max_expires_s=settings.sip.max_expires_s,
            nonce_lifetime_s=settings.sip.nonce_lifetime_s,
            max_contacts=settings.sip.max_contacts,
        ),
        credentials=credentials,
        publish=events.publish,
        store=store,
        now=now,
        tls_port=settings.sip.tls_port,
        certificate=Certificate(settings.sip.tls_certificate, settings.sip.tls_key)
        if settings.sip.tls_certificate
        else None,
    )
