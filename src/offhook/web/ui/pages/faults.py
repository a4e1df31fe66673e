"""Faults: a manual page for each, and the phones that have one."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from offhook.core.mac import parse_mac
from offhook.diagnosis.pages import page_parts
from offhook.diagnosis.rule import Rule
from offhook.diagnosis.rules import rules
from offhook.errors import BadRequestError
from offhook.web.ui.page import page, services_of, show

SHOWN = 50
_FIELD = re.compile(r"\{([a-z_]+)\}")


async def list_faults(request: Request) -> Response:
    """All faults that can be named."""
    return page(request, "faults.html", {"faults": [it.fault for _, it in sorted(rules().items())]})


async def show_fault(request: Request) -> Response:
    """A fault's manual page: what one sees, why, what to do, and an example."""
    rule = _rule(request)
    summary, parts = page_parts(rule.page)
    values = {
        "fault": rule.fault,
        "summary": summary,
        "parts_of_page": parts,
        "steps": [_with_names(step) for step in rule.fault.steps],
        "message": _with_names(rule.fault.message),
        "example": next(iter(rule.check(rule.bad))),
    }
    return page(request, "fault.html", values)


def _with_names(text: str) -> str:
    """Show a text with its fields' names in place of values, its doubled braces as single ones."""
    return _FIELD.sub(r"<\1>", text).replace("{{", "{").replace("}}", "}")


async def show_problem(request: Request) -> Response:
    """Whom a fault concerns now."""
    services = services_of(request)
    rule = _rule(request)
    found = await services.fleet.findings_of(rule.fault.code)
    text = request.query_params.get("page", "1")
    pages = max(1, -(-len(found) // SHOWN))
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
    number = min(max(1, wanted), pages)
    shown = found[(number - 1) * SHOWN : number * SHOWN]
    known = services.state.devices
    macs = {item.subject: parse_mac(item.subject) for item in shown}
    values = {
        "fault": rule.fault,
        "count": len(found),
        "found": [
            (item, mac.plain if (mac := macs[item.subject]) in known and mac else "")
            for item in shown
        ],
        "number": number,
        "pages": pages,
    }
    return page(request, "problem.html", values)


def _rule(request: Request) -> Rule:
    found = rules().get(request.path_params["code"].upper())
    if found is None:
        raise BadRequestError(
            "unknown_fault", "there is no fault of this code", "all faults are under /faults", 404
        )
    return found


ROUTES = [
    show("/faults", list_faults),
    show("/faults/{code}", show_fault),
    show("/problems/{code}", show_problem),
]
