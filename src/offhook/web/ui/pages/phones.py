"""Phones: the table of all, searched, filtered, sorted and paged; its URL says how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from offhook.actions.phone_list import PAGE, SORTS, STANDINGS, PhoneQuery
from offhook.diagnosis.rules import rules
from offhook.diagnosis.verdict import LADDER
from offhook.web.ports import Services
from offhook.web.ui.page import is_fragment, page, services_of, show
from offhook.web.ui.phone_rows import STANDINGS as STANDING_WORDS
from offhook.web.ui.phone_rows import phone_rows

_TEXT_MAX = 200
_COLUMNS = (
    ("standing", "State"),
    ("name", "User"),
    ("extension", "Extension"),
    ("model", "Model"),
    ("mac", "MAC"),
    ("firmware", "Firmware"),
    ("", "Config"),
    ("contact", "Last contact"),
    ("", "Registered since"),
)


async def show_phones(request: Request) -> Response:
    """The table; only the table when htmx asks."""
    services = services_of(request)
    query = query_of(request.query_params)
    found = await services.phone_list.find(query)
    pages = max(1, -(-len(found) // PAGE))
    number = min(_number(request.query_params.get("page", "1")), pages)
    values: dict[str, Any] = {
        "rows": await phone_rows(services, found[(number - 1) * PAGE : number * PAGE]),
        "query": query,
        "found": len(found),
        "total": len(services.state.devices),
        "first": (number - 1) * PAGE + 1,
        "number": number,
        "pages": pages,
        "columns": _columns(query),
        "here": url_of(query, number),
        "before": url_of(query, number - 1) if number > 1 else "",
        "after": url_of(query, number + 1) if number < pages else "",
        "asked": urlencode(parameters_of(query)),
        "makers": services.state.source.profiles,
    }
    if is_fragment(request):
        answer = page(request, "phones_table.html", values)
        if request.headers.get("hx-trigger") == "filters":
            answer.headers["HX-Push-Url"] = url_of(query, number)
        return answer
    return page(request, "phones.html", {**values, **await _choices(services)})


def query_of(parameters: Mapping[str, str]) -> PhoneQuery:
    """Read a query from a URL; what cannot be used is as if it were not there."""
    standing, sort = parameters.get("state", ""), parameters.get("sort", "")
    stage = parameters.get("stage", "")
    return PhoneQuery(
        text=parameters.get("q", "").strip()[:_TEXT_MAX],
        standing=standing if standing in STANDINGS else "",
        stage=stage if stage in ("setup", *(item.value for item in LADDER)) else "",
        vendor=parameters.get("vendor", "")[:_TEXT_MAX],
        model=parameters.get("model", "")[:_TEXT_MAX],
        problem=parameters.get("problem", "")[:8],
        sort=sort if sort in SORTS else SORTS[0],
        is_descending=parameters.get("order") == "down",
    )


def parameters_of(query: PhoneQuery) -> dict[str, str]:
    """Write a query for a URL; what is usual is left out."""
    found = {
        "q": query.text,
        "state": query.standing,
        "stage": query.stage,
        "vendor": query.vendor,
        "model": query.model,
        "problem": query.problem,
        "sort": query.sort if query.sort != SORTS[0] else "",
        "order": "down" if query.is_descending else "",
    }
    return {name: text for name, text in found.items() if text}


def url_of(query: PhoneQuery, number: int = 1, **others: str) -> str:
    """The address of a page of the table, some parameters replaced."""
    paged = {"page": str(number)} if number > 1 else {}
    wanted = {**parameters_of(query), **paged, **others}
    text = urlencode({name: value for name, value in wanted.items() if value})
    return f"/phones?{text}" if text else "/phones"


def _columns(query: PhoneQuery) -> list[dict[str, str]]:
    """Headings with the link that sorts by each: once more, and it sorts the other way."""
    columns = []
    for sort, title in _COLUMNS:
        is_now = bool(sort) and sort == query.sort
        turns = is_now and not query.is_descending
        target = {"sort": sort if sort != SORTS[0] else "", "order": "down" if turns else ""}
        columns.append(
            {
                "title": title,
                "url": url_of(query, 1, **target) if sort else "",
                "order": ("descending" if query.is_descending else "ascending") if is_now else "",
            }
        )
    return columns


async def _choices(services: Services) -> dict[str, Any]:
    """What the filters offer."""
    found = await services.phone_list.choices()
    titles = {code: rule.fault.title for code, rule in rules().items()}
    return {
        "standings": [
            (name, STANDING_WORDS[name][1], found.standings.get(name, 0)) for name in STANDINGS
        ],
        "vendors": found.vendors,
        "models": found.models,
        "problems": [
            (code, titles.get(code, code), count) for code, count in found.problems.items()
        ],
        "stages": [item.value for item in LADDER],
    }


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1


ROUTES = [show("/phones", show_phones)]
