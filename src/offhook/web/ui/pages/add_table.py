"""Many phones from a table: a verdict on each row first, then all in one change; and the export."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from offhook.actions.phone_csv import decode, export_table, parse_table
from offhook.actions.wanted import Fate, Judged, mark
from offhook.errors import BadRequestError
from offhook.web.ui.adding import adopting
from offhook.web.ui.page import act, actor_of, page, services_of, show, text_of
from offhook.web.ui.pages.add import add_page

SHOWN = 300
_ORDER = (Fate.WRONG, Fate.CHANGED, Fate.NEW, Fate.SAME)


async def show_verdicts(request: Request, form: FormData) -> Response:
    """What would become of each row; nothing is written yet."""
    text = await _table_of(form)
    try:
        return await _verdicts(request, text)
    except BadRequestError as error:
        return add_page(request, {"table": text, "table_error": error}, error.status)


async def do_table(request: Request, form: FormData) -> Response:
    """Write all rows that can be used, at once; look again when something changed meanwhile."""
    text = str(form.get("table") or "")
    try:
        rows = parse_table(text).rows
        done = await adopting(services_of(request)).put(
            actor_of(request), rows, text_of(form, "mark") or "none"
        )
    except BadRequestError as error:
        if error.code == "changed_meanwhile":
            return await _verdicts(request, text, error)
        return add_page(request, {"table": text, "table_error": error}, error.status)
    return page(
        request, "add_done.html", {"done": done, "left": len(rows) - done.added - done.changed}
    )


async def export(request: Request) -> Response:
    """Give all phones as a table that can be read in again."""
    state = services_of(request).state
    headers = {"content-disposition": 'attachment; filename="phones.csv"'}
    parts = export_table(state.devices, state.extensions)
    return StreamingResponse(parts, headers=headers, media_type="text/csv; charset=utf-8")


async def _verdicts(request: Request, text: str, error: BadRequestError | None = None) -> Response:
    table = parse_table(text)
    found = await adopting(services_of(request)).judge(table.rows)
    counts = {fate.value: sum(it.fate is fate for it in found) for fate in Fate}
    values: dict[str, Any] = {
        "rows": _worst_first(found)[:SHOWN],
        "left_out": max(0, len(found) - SHOWN),
        "counts": counts,
        "useful": counts["new"] + counts["changed"],
        "extensions": sum(len(it.made) for it in found if it.refusal is None),
        "noted": sum(bool(it.notes) for it in found),
        "ignored": table.ignored,
        "table": text,
        "mark": mark(found),
        "error": error,
    }
    return page(request, "add_verdicts.html", values, error.status if error else 200)


def _worst_first(found: list[Judged]) -> list[Judged]:
    return sorted(found, key=lambda it: (_ORDER.index(it.fate), not it.notes, it.wanted.row))


async def _table_of(form: FormData) -> str:
    """The uploaded file when there is one, else what was pasted."""
    file = form.get("file")
    if isinstance(file, UploadFile) and file.size:
        return decode(await file.read())
    return str(form.get("table") or "")


ROUTES = [
    act("/add/table", show_verdicts),
    act("/add/table/do", do_table),
    show("/add/phones.csv", export),
]
