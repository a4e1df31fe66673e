"""Build every object once, start them in order, stop them in the reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from offhook import __version__
from offhook.actions.admins import Admins
from offhook.actions.changing import Changing
from offhook.actions.delivered import Delivered
from offhook.actions.devices import Devices
from offhook.actions.diagnose import Diagnose
from offhook.actions.extensions import Extensions
from offhook.actions.files import Files
from offhook.actions.fleet import Fleet
from offhook.actions.free_settings import FreeSettings
from offhook.actions.links import Links
from offhook.actions.measures import Measures
from offhook.actions.nodes import NodeList
from offhook.actions.overrides import Overrides
from offhook.actions.phone_answer import PhonePolicy
from offhook.actions.phone_list import PhoneList
from offhook.actions.phones import Phones
from offhook.actions.ports import Clock, SipEngine
from offhook.actions.probes import Probes
from offhook.actions.publish import Events
from offhook.actions.reboots import RebootPolicy, Reboots
from offhook.actions.sip_history import SipHistory
from offhook.actions.state import State
from offhook.actions.sync import Sync
from offhook.actions.throttle import phone_networks
from offhook.actions.tokens import Tokens
from offhook.configuration import base_url, config_facts
from offhook.core.events import AttemptRecorded, Changed, PhoneRegistered
from offhook.core.file_values import ServerValues
from offhook.core.inventory import FileSource
from offhook.core.render import Templates
from offhook.core.tls_ports import HTTPS, SIP_TLS, TlsPort
from offhook.diagnosis.facts import ConfigFacts
from offhook.directories import Schedule, build_syncs, facts_of
from offhook.joining import join_nodes
from offhook.nodes import Beat, node_name, take_part
from offhook.probes.look import Look
from offhook.settings import Settings
from offhook.sip_engine import StartedEngine, start_engine
from offhook.store.open import Store, open_store
from offhook.store.templates import load_templates, own_names
from offhook.tasks import every, running
from offhook.telling import Teller
from offhook.template_watch import TEMPLATE_SCAN_S, watched
from offhook.vendors import load_profiles
from offhook.web.access import host_names

_log = logging.getLogger("offhook.app")
SWEEP_S = 1.0
SCHEDULE_S = 5.0
JUDGE_S = 0.5


def utc_now() -> datetime:
    """The moment, aware."""
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Pbx:
    """The running product: what API, pages and command line act on."""

    settings: Settings
    config: ConfigFacts
    store: Store
    state: State
    files: Files
    events: Events
    engine: SipEngine
    reboots: Reboots
    phones: Phones
    extensions: Extensions
    devices: Devices
    free_settings: FreeSettings
    changing: Changing
    diagnose: Diagnose
    fleet: Fleet
    phone_list: PhoneList
    delivered: Delivered
    probes: Probes
    measures: Measures
    links: Links
    admins: Admins
    tokens: Tokens
    nodes: NodeList
    syncs: Mapping[str, Sync]
    sip_port: int
    now: Clock
    started_at: datetime
    version: str = __version__
    _stops: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    _rest: Callable[[], Awaitable[None]] | None = None

    async def begin(self) -> None:
        """Take up what files do not depend on: what was seen, registrations, orders. Call once.

        Phones may be served their files before and meanwhile. Raises as `open_pbx`.
        """
        rest, self._rest = self._rest, None
        if rest is not None:
            with _without_collector():
                await rest()

    async def stop(self) -> None:
        """Stop everything; idempotent; what was acknowledged is on disk already."""
        while self._stops:
            await self._stops.pop()()


async def start_pbx(
    settings: Settings, http_port: int, now: Clock = utc_now, *, https_port: int = 0
) -> Pbx:
    """Open the store, bind SIP, take up where the last run ended. The ports are the bound ones.

    Raises StoreError, or OSError when the SIP port is taken.
    """
    pbx = await open_pbx(settings, http_port, now, https_port=https_port)
    try:
        await pbx.begin()
    except BaseException:
        await pbx.stop()
        raise
    return pbx


async def open_pbx(
    settings: Settings, http_port: int, now: Clock = utc_now, *, https_port: int = 0
) -> Pbx:
    """Do as `start_pbx` until phones can be served their files; `begin` does the rest."""
    stops: list[Callable[[], Awaitable[None]]] = []
    try:
        with _without_collector():
            return await _open(settings, http_port, https_port, stops, now)
    except BaseException:
        while stops:
            await stops.pop()()
        raise


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Nearly all that is made within stays: looking for rings in it takes seconds.

    Nor is it looked at afterwards, as each full collection would.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


async def _open(
    settings: Settings,
    http_port: int,
    https_port: int,
    stops: list[Callable[[], Awaitable[None]]],
    now: Clock,
) -> Pbx:
    key_file = settings.store.key_file or Path("secret.key")
    store = await open_store(
        settings.store.url,
        key_file=key_file,
        keep_days=settings.journal.keep_days,
        keep_rows=settings.journal.keep_rows,
        keep_changes_days=settings.journal.keep_changes_days,
        now=now,
    )
    stops.append(store.close)
    events = Events()
    sources, revision = await asyncio.to_thread(load_templates, settings.provisioning.templates)
    state = State(store=store.inventory, source=_source(settings, http_port, https_port, sources))
    beat = await take_part(settings, store, state, node_name(settings, http_port))
    if beat is not None:
        stops.append(beat.end)
    await state.load_inventory()
    state.links.update((link.guid, link) for link in await store.links.load_links())
    if beat is not None:
        await beat.start()
    started = await start_engine(settings, state, store.registrations, events, now, store.lead)
    stops.append(started.engine.stop)
    server = replace(state.source.server, sip_port=started.port, tls_port=started.tls_port)
    state.source = replace(state.source, server=server)
    nodes = beat.listed if beat is not None else NodeList(name=node_name(settings, http_port))
    pbx = _assemble(
        settings, http_port, https_port, store, state, started.engine, events, now, nodes
    )
    pbx._stops = stops
    pbx._rest = partial(_begin, pbx, beat, started, revision)
    stops.append(pbx.reboots.stop)
    stops.append(running(pbx.measures.probe_lag(), "probe loop lag"))
    pbx.phones.hold()
    await pbx.admins.load()
    return pbx


async def _begin(pbx: Pbx, beat: Beat | None, started: StartedEngine, revision: str) -> None:
    settings, store, stops = pbx.settings, pbx.store, pbx._stops
    await pbx.state.prove_secrets()
    await pbx.state.load_seen()
    await pbx.phones.catch_up()
    await started.serve()
    await pbx.reboots.load()
    if beat is not None:
        stops += join_nodes(pbx, beat, started)
    stops.append(every(SWEEP_S, "sweep reboots", _swept(pbx)))
    stops.append(every(JUDGE_S, "judge phones", pbx.fleet.tick))
    if pbx.syncs:
        pbx.diagnose.directory = partial(facts_of, pbx.syncs, store.links)
        schedule = Schedule(pbx.syncs, settings.integrations, store.links, pbx.now, store.lead)
        stops.append(every(SCHEDULE_S, "run directory syncs", schedule.tick))
    gc.set_threshold(10_000, 20, 20)  # records of requests wait for the journal; they are no rings
    folder = settings.provisioning.templates
    scan = watched(folder, revision, pbx.state, pbx.diagnose, pbx.free_settings)
    stops.append(every(TEMPLATE_SCAN_S, "watch templates", scan))


def _source(
    settings: Settings, http_port: int, https_port: int, sources: dict[str, str]
) -> FileSource:
    return FileSource(
        templates=Templates(sources, own_names(sources)),
        server=ServerValues(
            address=settings.server.external_ip or "127.0.0.1",
            sip_port=settings.server.sip_port,
            http_port=http_port,
            base=base_url(settings, http_port, https_port),
        ),
        prefs=settings.preferences,
        profiles={profile.name: profile for profile in load_profiles()},
        extensions={},
        settings={},
    )


def _assemble(
    settings: Settings,
    http_port: int,
    https_port: int,
    store: Store,
    state: State,
    engine: SipEngine,
    events: Events,
    now: Clock,
    nodes: NodeList,
) -> Pbx:
    files = Files(state)
    reboots = Reboots(
        state=state,
        engine=engine,
        store=store.reboots,
        publish=events.publish,
        now=now,
        new_id=lambda: secrets.token_hex(8),
        policy=RebootPolicy(
            per_second=settings.reboot.per_second,
            answer_timeout_s=settings.reboot.answer_timeout_s,
            fetch_timeout_s=settings.reboot.fetch_timeout_s,
            register_timeout_s=settings.reboot.register_timeout_s,
            is_restart=settings.provisioning.on_change == "reboot",
        ),
        lead=store.lead,
        node=nodes.own,
        publish_elsewhere=events.publish_elsewhere,
    )
    phones = Phones(
        state=state,
        files=files,
        journal=store.journal,
        uploads=store.uploads,
        publish=events.publish,
        policy=PhonePolicy(
            is_enabled=settings.provisioning.enabled,
            networks=phone_networks(settings.provisioning.allowed_networks),
            unknown_per_minute=settings.provisioning.unknown_per_minute,
            hosts=host_names(
                settings.server.external_ip,
                urlsplit(state.source.server.base).hostname or "",
                *settings.api.allowed_hosts,
            ),
        ),
        is_awaited=reboots.is_awaited,
    )
    told = state.source.server
    config = config_facts(settings, http_port, told.sip_port, told.tls_port, https_port)
    changing = Changing(state=state, files=files, reboots=reboots, publish=events.publish, now=now)
    measures = Measures()
    files.on_rendered = measures.render_s.observe
    changing.on_converged = measures.converged.observe
    diagnose = Diagnose(
        state=state,
        files=files,
        reboots=reboots,
        engine=engine,
        journal=store.journal,
        config=config,
        now=now,
        overrides=Overrides(state, files, store.uploads),
        nodes=nodes,
    )
    server = f"{told.address}:{told.sip_port}"
    fleet = Fleet(state=state, diagnose=diagnose)
    phone_list = PhoneList(state=state, fleet=fleet)
    delivered = Delivered(state=state, files=files)
    look = _look(settings, config, now)
    probes = Probes(state=state, config=config, prober=look, now=now)
    diagnose.probes = probes.facts
    history = SipHistory(state=state, journal=store.journal, lead=store.lead)
    for listener in (Teller(server, time.monotonic).on_event, measures.on_event, history.on_event):
        events.subscribe(listener)
    events.subscribe(look.on_event, AttemptRecorded)
    events.subscribe(reboots.on_event, AttemptRecorded, PhoneRegistered, hears_others=True)
    events.subscribe(delivered.on_event, AttemptRecorded, hears_others=True)
    events.subscribe(phone_list.on_event, Changed, hears_others=True)
    for picture in (diagnose.on_event, fleet.on_event):
        events.subscribe(picture, hears_others=True)
    return Pbx(
        settings=settings,
        config=config,
        store=store,
        state=state,
        files=files,
        events=events,
        engine=engine,
        reboots=reboots,
        phones=phones,
        extensions=Extensions(changing, engine),
        devices=Devices(changing),
        free_settings=FreeSettings(changing),
        changing=changing,
        diagnose=diagnose,
        fleet=fleet,
        phone_list=phone_list,
        delivered=delivered,
        probes=probes,
        measures=measures,
        links=Links(changing),
        admins=Admins(changing, store.admins),
        tokens=Tokens(changing=changing, store=store.tokens),
        nodes=nodes,
        syncs=build_syncs(
            settings.integrations,
            changing=changing,
            reboots=reboots,
            engine=engine,
            store=store.links,
            leases=store.several.leases if store.several else None,
        ),
        sip_port=told.sip_port,
        now=now,
        started_at=now(),
    )


def _look(settings: Settings, config: ConfigFacts, now: Clock) -> Look:
    return Look(
        config=config,
        ntp_server=settings.preferences.ntp_server,
        now=now,
        sip_agent="offhook" if settings.sip.engine == "embedded" else "",
        files=_tls_files(settings),
    )


def _tls_files(settings: Settings) -> dict[TlsPort, tuple[Path, Path]]:
    """Certificate and key of the TLS ports that are this process's own."""
    server, sip = settings.server, settings.sip
    own = {HTTPS: (server.tls_certificate, server.tls_key)}
    if sip.engine == "embedded":
        own[SIP_TLS] = (sip.tls_certificate, sip.tls_key)
    return {of: (file, key or file) for of, (file, key) in own.items() if file is not None}


def _swept(pbx: Pbx) -> Callable[[], Awaitable[None]]:
    async def sweep() -> None:
        pbx.reboots.sweep()

    return sweep
