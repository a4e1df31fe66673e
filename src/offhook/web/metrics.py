"""What `/metrics` shows: counters of this run, levels of now, and the last directory runs."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from offhook.actions.directory_ports import SyncReport
from offhook.actions.measures import Measures
from offhook.errors import StoreError
from offhook.web.exposition import Exposition
from offhook.web.ports import Services

# What engines tell that may fall again; all else that they count only grows.
SIP_LEVELS = frozenset(
    {
        "registrations",
        "calls",
        "subscriptions",
        "transactions",
        "nodes",
        "nodes_up",
        "tcp_connections",
        "udp_buffer_bytes",
    }
)
REPORTS_READ = 50
_FAILED = ("failed", "refused")


async def metrics_text(services: Services) -> str:
    """Write all metrics. A database that cannot be read is shown as one, not an error."""
    page = Exposition()
    reports: Sequence[SyncReport] = ()
    is_readable = True
    if services.syncs:
        try:
            reports = await services.link_store.list_reports(REPORTS_READ)
        except StoreError:
            is_readable = False
    _write_process(page, services)
    _write_phones(page, services.measures)
    _write_inventory(page, services)
    _write_sip(page, services)
    _write_nodes(page, services)
    page.gauge(
        "offhook_journal_queue", "Records that wait to be written.", services.journal.waiting
    )
    page.counter("offhook_journal_dropped_total", "Records lost.", services.journal.dropped)
    _write_syncs(page, services, reports, is_readable=is_readable)
    return page.text()


def _write_process(page: Exposition, services: Services) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    page.gauges("offhook_info", "This program.", ("version",), {(services.version,): 1})
    page.counter("process_cpu_seconds_total", "CPU time used.", used.ru_utime + used.ru_stime)
    page.gauge("process_peak_memory_bytes", "Most memory held so far.", used.ru_maxrss * 1024)
    page.gauge("process_start_time_seconds", "When it started.", services.started_at.timestamp())
    page.histogram(
        "offhook_loop_lag_seconds",
        "How much later than asked the event loop came back, each second.",
        services.measures.lag_s,
    )


def _write_phones(page: Exposition, measures: Measures) -> None:
    page.counters(
        "offhook_requests_total",
        "Requests of phones, by how they ended and the fault they were refused for.",
        ("outcome", "fault"),
        measures.requests,
    )
    page.histogram(
        "offhook_request_seconds", "From a request of a phone to its answer.", measures.fetch_s
    )
    page.histogram(
        "offhook_render_seconds", "Making a file that was not kept ready.", measures.render_s
    )
    page.histogram("offhook_converge_phones", "Phones concerned by one change.", measures.converged)
    page.counters(
        "offhook_changes_total",
        "Changes by people and syncs.",
        ("noun",),
        _by_one(measures.changes),
    )
    page.counters(
        "offhook_reboots_total",
        "Reboots that reached a step.",
        ("step",),
        _by_one(measures.reboots),
    )
    page.gauge("offhook_reboots_waiting", "Reboots that wait to be sent.", measures.pending_reboots)


def _write_inventory(page: Exposition, services: Services) -> None:
    state = services.state
    page.gauge("offhook_devices", "Devices registered.", len(state.devices))
    page.gauge("offhook_extensions", "Extensions.", len(state.extensions))
    page.gauge("offhook_unknown_phones", "Phones seen that are no device.", len(state.unknown))


def _write_sip(page: Exposition, services: Services) -> None:
    measures, health = services.measures, services.engine.health()
    page.gauge("offhook_sip_up", "1 while the SIP engine works.", health.is_up)
    levels = {name: health.counters.get(name, 0) for name in ("registrations", "calls")}
    page.gauge("offhook_registrations", "Registrations that live now.", levels["registrations"])
    page.gauge("offhook_calls", "Calls now.", levels["calls"])
    page.gauges(
        "offhook_sip_level",
        "What the SIP engine holds now.",
        ("kind",),
        {(name,): value for name, value in health.counters.items() if name in SIP_LEVELS},
    )
    page.counters(
        "offhook_sip_total",
        "What the SIP engine counted.",
        ("kind",),
        {(name,): value for name, value in health.counters.items() if name not in SIP_LEVELS},
    )
    page.gauge(
        "offhook_sip_parts_down",
        "Parts of the SIP engine outside this program that do not work.",
        sum(not part.is_up for part in health.parts),
    )
    page.counters(
        "offhook_registers_total",
        "REGISTERs answered, by outcome; not each phone's usual first one.",
        ("outcome",),
        _by_one(measures.registers),
    )
    page.counters(
        "offhook_registers_refused_total",
        "Phones refused, each at most once a minute.",
        ("reason",),
        _by_one(measures.refused_registers),
    )
    page.counters(
        "offhook_bindings_total",
        "Bindings made, refreshed, removed and expired.",
        ("event",),
        _by_one(measures.bindings),
    )
    page.counter("offhook_calls_failed_total", "Calls that a phone failed.", measures.failed_calls)
    page.counter(
        "offhook_subscriptions_lost_total", "Busy lamps gone dark.", measures.lost_subscriptions
    )


def _write_nodes(page: Exposition, services: Services) -> None:
    others = services.nodes.others
    page.gauge(
        "offhook_leading",
        "1 while this node sends orders to phones and runs synchronisations.",
        services.lead.is_held,
    )
    page.gauge(
        "offhook_other_nodes_up",
        "Other nodes on the same database that live.",
        sum(node.is_alive for node in others),
    )
    page.gauge(
        "offhook_other_nodes_silent",
        "Other nodes that stopped without being told to.",
        sum(not node.is_alive for node in others),
    )


def _write_syncs(
    page: Exposition, services: Services, reports: Sequence[SyncReport], *, is_readable: bool
) -> None:
    now = services.now()
    kept = [report for report in reports if not report.is_dry_run]
    last = {name: next((r for r in kept if r.source == name), None) for name in services.syncs}
    done = {
        name: next((r for r in kept if r.source == name and r.status not in _FAILED), None)
        for name in services.syncs
    }
    page.gauge("offhook_store_readable", "0 when the database refused this scrape.", is_readable)
    page.gauges(
        "offhook_sync_running",
        "1 while a directory is synchronised.",
        ("source",),
        {(name,): sync.running is not None for name, sync in services.syncs.items()},
    )
    page.gauges(
        "offhook_sync_last",
        "How a directory's last run ended.",
        ("source", "status"),
        {(name, report.status): 1 for name, report in last.items() if report is not None},
    )
    page.gauges(
        "offhook_sync_age_seconds",
        "Since the last run of a directory that did its work began.",
        ("source",),
        {(name,): _age_s(report, now) for name, report in done.items() if report is not None},
    )


def _age_s(report: SyncReport, now: datetime) -> float:
    return (now - report.started_at).total_seconds()


def _by_one(counted: Counter[str]) -> Mapping[tuple[str, ...], int]:
    return {(key,): value for key, value in counted.items()}
