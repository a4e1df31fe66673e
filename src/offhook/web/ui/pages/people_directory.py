"""Directories that extensions come from: state, runs with their differences, links to decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from offhook.actions.directory_ports import SyncReport
from offhook.actions.links import OVERRIDABLE
from offhook.actions.sync import Sync
from offhook.core.directory import Link, LinkState
from offhook.core.directory_plan import ZERO_PEOPLE
from offhook.core.mac import Mac
from offhook.diagnosis.rules import fault
from offhook.errors import BadRequestError
from offhook.web.ports import Services
from offhook.web.ui.page import act, actor_of, go, is_fragment, page, services_of, show, text_of

HERE = "/people-directory"
RUNS = 20
PAGE = 50
SHOWN = 500
UNDECIDED = "decide"
STATUSES = {
    "ok": ("ok", "done"),
    "unchanged": ("ok", "nothing to change"),
    "partial": ("warning", "done in part"),
    "refused": ("error", "stopped by a brake"),
    "failed": ("error", "failed"),
    "dry_run": ("info", "dry run"),
}
_MEANINGS = {
    LinkState.ACTIVE: "in the directory",
    LinkState.DISABLED: "account off: its extension is off",
    LinkState.MISSING: "gone from the directory: its extension is off",
    LinkState.CONFLICT: "its number is taken by somebody else",
    LinkState.IGNORED: "no extension is made",
}


async def show_directories(request: Request) -> Response:
    """All directories; of a single one its own page."""
    services = services_of(request)
    if len(services.syncs) == 1:
        return go(request, f"{HERE}/{next(iter(services.syncs))}")
    return page(request, "people_directories.html", {"sources": tuple(services.syncs)})


async def show_directory(request: Request) -> Response:
    """One directory: what runs, the last runs, the links."""
    return await _directory(request, {})


async def run(request: Request, form: FormData) -> Response:
    """Run once: dry, or for real; leads to its report."""
    services = services_of(request)
    sync = _sync(services, request)
    try:
        report = await sync.run(
            actor_of(request),
            is_dry_run=text_of(form, "do") != "apply",
            confirm=text_of(form, "confirm"),
        )
    except BadRequestError as error:
        return await _directory(request, _problem(error), error.status)
    return go(request, f"{HERE}/{sync.name}/runs/{report.id}")


async def test(request: Request, _: FormData) -> Response:
    """Connect, sign in and count."""
    try:
        found = await _sync(services_of(request), request).test()
    except BadRequestError as error:
        return await _directory(request, _problem(error), error.status)
    return await _directory(request, {"tested": found})


async def show_run(request: Request) -> Response:
    """The report of a run."""
    services = services_of(request)
    sync = _sync(services, request)
    report = await services.link_store.get_report(request.path_params["report"])
    if report is None or report.source != sync.name:
        raise BadRequestError(
            "unknown_report",
            "this run is not kept any more",
            "the page of the directory lists those that are",
            status=404,
        )
    return page(request, "people_run.html", _report_values(services, report))


async def change_link(request: Request, form: FormData) -> Response:
    """Decide about a person's link."""
    services = services_of(request)
    sync = _sync(services, request)
    guid, action = text_of(form, "guid"), text_of(form, "action")
    try:
        link = services.state.links.get(guid)
        known = guid if link is not None and link.source == sync.name else ""
        link = await services.links.change_link(actor_of(request), known, action, _fields(form))
    except BadRequestError as error:
        return await _directory(request, _problem(error), error.status)
    return await _directory(request, {"told": f"{link.login}: {action} is noted."})


def _fields(form: FormData) -> frozenset[str]:
    return frozenset(it for it in form.getlist("field") if it in OVERRIDABLE)


async def _directory(request: Request, more: Mapping[str, Any], status: int = 200) -> Response:
    services = services_of(request)
    sync = _sync(services, request)
    reports = [
        it for it in await services.link_store.list_reports(RUNS * 3) if it.source == sync.name
    ]
    own = services.links.of_source(sync.name)
    values = {
        "sync": sync,
        "reports": reports[:RUNS],
        "statuses": STATUSES,
        "counts": Counter(it.state for it in own),
        "undecided": sum(_is_undecided(it) for it in own),
        "overridable": sorted(OVERRIDABLE),
        "meanings": _MEANINGS,
        "states": tuple(LinkState),
        "sources": tuple(services.syncs),
        "people_total": len(own),
        **_links(request, sync.name, own),
        "tested": None,
        "told": "",
        "message": "",
        "hint": "",
        **more,
    }
    is_piece = is_fragment(request) and request.method == "GET"
    template = "people_directory_state.html" if is_piece else "people_directory.html"
    return page(request, template, values, status)


def _links(request: Request, source: str, own: list[Link]) -> dict[str, Any]:
    """The links asked for, a page of them."""
    asked, text = request.query_params.get("state", UNDECIDED), request.query_params.get("q", "")
    text = text.strip()[:100]
    wanted = text.casefold()
    found = [
        it
        for it in own
        if (_is_undecided(it) if asked == UNDECIDED else asked in ("", it.state.value))
        and wanted in f"{it.login}\n{it.name}\n{it.number}".casefold()
    ]
    number = request.query_params.get("page", "1")
    pages = max(1, -(-len(found) // PAGE))
    at = min(max(1, int(number)) if number.isascii() and number.isdigit() else 1, pages)

    def url(to: int) -> str:
        query = {"state": asked, "q": text, "page": str(to)}
        return f"{HERE}/{source}?{urlencode(query)}#links"

    return {
        "links": found[(at - 1) * PAGE : at * PAGE],
        "links_found": len(found),
        "asked": asked,
        "text": text,
        "number": at,
        "pages": pages,
        "before": url(at - 1) if at > 1 else "",
        "after": url(at + 1) if at < pages else "",
    }


def _is_undecided(link: Link) -> bool:
    """Whether somebody should look: no run will settle it by itself."""
    if link.is_ignored_by_hand:
        return False
    return link.state in (LinkState.CONFLICT, LinkState.MISSING) or bool(link.overrides)


def _report_values(services: Services, report: SyncReport) -> dict[str, Any]:
    found = services.state.devices
    is_empty = any(it["name"] == ZERO_PEOPLE for it in report.brakes)
    return {
        "report": report,
        "statuses": STATUSES,
        "changes": report.changes[:SHOWN],
        "changes_left": max(0, len(report.changes) - SHOWN),
        "problems": report.problems[:SHOWN],
        "problems_left": max(0, len(report.problems) - SHOWN),
        "phones": [
            it for text in report.would_reboot[:SHOWN] if (it := found.get(Mac(int(text, 16))))
        ],
        "can_apply": bool(report.plan_id) and not is_empty,
        "is_apply_due": report.status in ("dry_run", "refused") and bool(report.changes),
        "steps": fault(report.fault).steps if report.fault else (),
        "sources": tuple(services.syncs),
    }


def _sync(services: Services, request: Request) -> Sync:
    found = services.syncs.get(request.path_params["source"])
    if found is None:
        raise BadRequestError(
            "directory_disabled",
            f"the directory {request.path_params['source'][:40]!r} is not set up",
            "set integrations.active_directory or integrations.file in config.yml",
            status=404,
        )
    return found


def _problem(error: BadRequestError) -> dict[str, str]:
    return {"message": str(error), "hint": error.hint}


ROUTES = [
    show(HERE, show_directories),
    show(f"{HERE}/{{source:str}}", show_directory),
    act(f"{HERE}/{{source:str}}/run", run),
    act(f"{HERE}/{{source:str}}/test", test),
    act(f"{HERE}/{{source:str}}/links", change_link),
    show(f"{HERE}/{{source:str}}/runs/{{report:str}}", show_run),
]
