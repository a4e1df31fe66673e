"""Log: what happens as it happens, what phones asked for before, and who changed what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from offhook.actions.ports import AttemptQuery
from offhook.core.mac import parse_mac
from offhook.core.model import Attempt, Change
from offhook.web.ports import Services
from offhook.web.ui.live import Line, Live
from offhook.web.ui.page import is_fragment, page, services_of, show

PAGE = 50
LINES_SHOWN = 200
SEARCHED_MAX = 5000
"""A word is looked for in so many of the newest entries; a MAC or a subject in all of them."""

KINDS = {"request": "requests", "sip": "SIP", "reboot": "reboots", "change": "changes"}
_CHUNK = 1000
_TEXT_MAX = 200
_Row = TypeVar("_Row")
_Read = Callable[[int, int], Awaitable[Sequence[_Row]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """What is wanted; `mac` is the text in plain digits when it is a MAC."""

    text: str = ""
    kind: str = ""
    is_failed: bool = False
    number: int = 1

    @property
    def mac(self) -> str:
        """The text as a MAC, or empty."""
        found = parse_mac(self.text)
        return found.plain if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page of rows; `is_cut` when only the newest entries were searched."""

    rows: Sequence[Any]
    has_more: bool
    is_cut: bool = False


async def show_live(request: Request) -> Response:
    """The newest lines; only them when htmx asks."""
    live: Live = request.app.state.live
    query = query_of(request.query_params)
    kept = live.lines
    fitting = (line for line in kept if line_fits(query, line))
    values = {
        "query": query,
        "lines": list(islice(fitting, LINES_SHOWN)),
        "kept": len(kept),
        "kinds": KINDS,
        "macs": _known(services_of(request)),
        "here": _url("/log", query),
    }
    return page(request, "log_lines.html" if is_fragment(request) else "log.html", values)


async def show_requests(request: Request) -> Response:
    """What phones asked for, page by page."""
    services, query = services_of(request), query_of(request.query_params)
    mac = parse_mac(query.text)

    async def read(limit: int, offset: int) -> Sequence[Attempt]:
        wanted = AttemptQuery(
            limit=limit, offset=offset, mac=mac, is_success=False if query.is_failed else None
        )
        return (await services.journal.attempts(wanted))[1]

    text = "" if mac else query.text.casefold()
    found = await _found(read, lambda item: text in _words_of(item), query.number, text)
    return _answer(request, "log_requests", query, found)


async def show_changes(request: Request) -> Response:
    """Who changed what, page by page."""
    services, query = services_of(request), query_of(request.query_params)
    subject = query.mac or query.text
    if subject and not await services.inventory.list_changes(1, 0, subject):
        subject = ""

    async def read(limit: int, offset: int) -> Sequence[Change]:
        return await services.inventory.list_changes(limit, offset, subject)

    text = "" if subject else query.text.casefold()
    found = await _found(read, lambda item: text in _change_words(item), query.number, text)
    return _answer(request, "log_changes", query, found)


def query_of(parameters: Mapping[str, str]) -> LogQuery:
    """Read a query from a URL; what cannot be used is as if it were not there."""
    kind, number = parameters.get("kind", ""), parameters.get("page", "1")
    is_number = number.isascii() and number.isdigit() and len(number) < 7
    return LogQuery(
        text=parameters.get("q", "").strip()[:_TEXT_MAX],
        kind=kind if kind in KINDS else "",
        is_failed=parameters.get("failed") == "1",
        number=max(1, int(number)) if is_number else 1,
    )


def line_fits(query: LogQuery, line: Line) -> bool:
    """Say whether a line of the live log is wanted."""
    if query.kind and line.kind != query.kind:
        return False
    if query.is_failed and not line.has_failed:
        return False
    if query.mac:
        return line.mac == query.mac
    words = f"{line.what} {line.mac} {line.extension} {line.fault}".casefold()
    return query.text.casefold() in words


def rows_of(change: Change) -> list[tuple[str, str, str]]:
    """What a change altered: name, before, after; what stayed as it was is left out."""
    before, after = change.before or {}, change.after or {}
    rows = [
        (name, _shown(before.get(name)), _shown(after.get(name)))
        for name in dict.fromkeys((*before, *after))
    ]
    return [(name, was, is_now) for name, was, is_now in rows if was != is_now]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_shown, value)))
    if isinstance(value, Mapping):
        shown = ((name, _shown(item)) for name, item in value.items())
        return ", ".join(f"{name} {text}" for name, text in shown if text)
    return "" if value is None else str(value)


async def _found(read: _Read[_Row], fits: Callable[[_Row], bool], number: int, text: str) -> Found:
    """Give one page of what fits; without a text the store pages by itself."""
    first = (number - 1) * PAGE
    if not text:
        rows = await read(PAGE + 1, first)
        return Found(rows=rows[:PAGE], has_more=len(rows) > PAGE)
    fitting: list[_Row] = []
    for offset in range(0, SEARCHED_MAX, _CHUNK):
        rows = await read(_CHUNK, offset)
        fitting += filter(fits, rows)
        is_end = len(rows) < _CHUNK
        if is_end or len(fitting) > first + PAGE:
            break
    page_of = fitting[first : first + PAGE]
    has_more = len(fitting) > first + PAGE
    return Found(rows=page_of, has_more=has_more, is_cut=not is_end and not has_more)


def _words_of(item: Attempt) -> str:
    named = (item.path, item.address, item.extension, item.user_agent, item.fault, item.error)
    return " ".join((item.mac_text, *named, item.vendor, item.model)).casefold()


def _change_words(item: Change) -> str:
    values = f"{dict(item.before or {})} {dict(item.after or {})}"
    return f"{item.actor} {item.noun} {item.subject} {item.action} {values}".casefold()


def _answer(request: Request, name: str, query: LogQuery, found: Found) -> Response:
    path = request.url.path
    values = {
        "query": query,
        "found": found,
        "searched": SEARCHED_MAX,
        "rows_of": rows_of,
        "macs": _known(services_of(request)),
        "here": _url(path, query, query.number),
        "newer": _url(path, query, query.number - 1) if query.number > 1 else "",
        "older": _url(path, query, query.number + 1) if found.has_more else "",
    }
    return page(request, f"{name}_piece.html" if is_fragment(request) else f"{name}.html", values)


def _known(services: Services) -> Callable[[str], bool]:
    """Say of a MAC in plain digits whether it has a page of its own."""
    devices = services.state.devices

    def is_known(plain: str) -> bool:
        mac = parse_mac(plain)
        return mac is not None and mac in devices

    return is_known


def _url(path: str, query: LogQuery, number: int = 1) -> str:
    wanted = {
        "q": query.text,
        "kind": query.kind,
        "failed": "1" if query.is_failed else "",
        "page": str(number) if number > 1 else "",
    }
    text = urlencode({name: value for name, value in wanted.items() if value})
    return f"{path}?{text}" if text else path


ROUTES = [
    show("/log", show_live),
    show("/log/requests", show_requests),
    show("/log/changes", show_changes),
]
