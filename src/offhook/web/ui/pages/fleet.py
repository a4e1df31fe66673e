"""Fleet, the first page: the one sentence, what needs somebody, how far phones get."""

from __future__ import annotations

from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from offhook.actions.fleet import FleetVerdict
from offhook.diagnosis.finding import Stage
from offhook.diagnosis.verdict import LADDER
from offhook.web.ports import Services
from offhook.web.ui.live import Live
from offhook.web.ui.page import is_fragment, page, services_of, show

FIRMWARES_SHOWN = 8
_FUNNEL = (
    ("created", None),
    ("seen", Stage.SEEN),
    ("delivered", Stage.DELIVERED),
    ("registered", Stage.REGISTERED),
)


async def show_fleet(request: Request) -> Response:
    """The whole fleet at a glance; a fragment of it when something happened."""
    services = services_of(request)
    verdict = await services.fleet.verdict()
    live: Live = request.app.state.live
    values = {
        "verdict": verdict,
        "funnel": funnel(verdict),
        "contacts": live.contacts(),
        "firmware": firmware(services),
        "unknown": len(services.state.unknown),
        "calls": len(services.engine.calls()),
        "syncs": await syncs(services),
    }
    return page(request, "fleet_piece.html" if is_fragment(request) else "fleet.html", values)


def funnel(verdict: FleetVerdict) -> list[tuple[str, int, int]]:
    """Count the phones that got at least so far: name, count, percent of all."""
    rows = []
    for name, stage in _FUNNEL:
        count = verdict.total
        if stage is not None:
            reached = LADDER[LADDER.index(stage) :]
            count = sum(number for it, number in verdict.reached.items() if it in reached)
        rows.append((name, count, round(100 * count / verdict.total) if verdict.total else 0))
    return rows


def firmware(services: Services) -> list[tuple[str, str, int]]:
    """Count phones by maker and firmware, the most frequent first."""
    devices = services.state.devices
    counts = Counter(
        (devices[mac].vendor, seen.firmware)
        for mac, seen in services.state.sightings.items()
        if seen.firmware and mac in devices
    )
    return [(vendor, name, count) for (vendor, name), count in counts.most_common(FIRMWARES_SHOWN)]


async def syncs(services: Services) -> list[dict[str, Any]]:
    """Give the newest run of each directory."""
    reports = await services.link_store.list_reports(20) if services.syncs else []
    return [
        {"source": name, "report": next((it for it in reports if it.source == name), None)}
        for name in services.syncs
    ]


ROUTES = [show("/", show_fleet)]
