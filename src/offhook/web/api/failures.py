"""Failures of the API in their one shape."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from offhook.errors import BadRequestError, StoreError
from offhook.web.access import Denied
from offhook.web.answer import JSON, error_bytes
from offhook.web.api.answers import HEADERS
from offhook.web.api.context import REQUEST_ID

_CODES = {"missing": "missing_field", "json_invalid": "bad_json", "unknown_field": "unknown_field"}
_TYPES = {
    "string_type": "must be a text in quotes",
    "model_attributes_type": "must be an object: {…}",
    "dict_type": "must be an object: {…}",
    "list_type": "must be a list: […]",
    "bool_parsing": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
}
FAILED = "API request %s failed: %s"
"""How the log tells of a mistake of ours: id of the call, path."""

_DOCS = "GET /api/docs lists the calls with their fields"


def add_handlers(api: FastAPI) -> None:
    """Give every kind of failure its answer."""
    api.add_exception_handler(RequestValidationError, _on_bad_fields)
    api.add_exception_handler(HTTPException, _on_http)
    api.add_exception_handler(BadRequestError, _on_refused)
    api.add_exception_handler(StoreError, _on_store)
    api.add_exception_handler(Exception, _on_defect)


def store_failed(error: StoreError) -> Denied:
    """Word a failure of the database."""
    return Denied(
        status=503,
        code="store_failed",
        message=str(error),
        hint=error.hint or "nothing was changed; see the log",
    )


def _answer(
    status: int, code: str, message: str, hint: str, headers: Mapping[str, str] | None = None
) -> Response:
    body = error_bytes(code, message, hint)
    return Response(body, status, {**HEADERS, **(headers or {})}, JSON)


def refused(error: BadRequestError) -> Response:
    """Answer what cannot be done."""
    return _answer(error.status, error.code, str(error), error.hint)


def store_refused(error: StoreError) -> Response:
    """Answer a failure of the database."""
    denied = store_failed(error)
    return _answer(denied.status, denied.code, denied.message, denied.hint)


async def _on_refused(_request: Request, error: Exception) -> Response:
    return refused(cast(BadRequestError, error))


async def _on_store(_request: Request, error: Exception) -> Response:
    return store_refused(cast(StoreError, error))


async def _on_defect(request: Request, _error: Exception) -> Response:
    return defect(request.scope)


def defect(scope: Mapping[str, Any]) -> Response:
    """Answer a mistake of ours."""
    request_id = scope[REQUEST_ID]
    return _answer(
        500,
        "internal_error",
        f"the request failed inside offhook, request {request_id}",
        f"this is a defect; the log has its details under {request_id}",
    )


async def _on_bad_fields(_request: Request, error: Exception) -> Response:
    problems = cast(RequestValidationError, error).errors()
    first = problems[0]
    code = _CODES.get(first["type"], "bad_query" if first["loc"][0] == "query" else "bad_field")
    message = "; ".join(dict.fromkeys(_sentence(problem) for problem in problems[:10]))
    return _answer(400, code, message, _DOCS)


def _sentence(problem: Mapping[str, Any]) -> str:
    kind = problem["type"]
    name = ".".join(str(part)[:60] for part in problem["loc"][1:]) or "the body"
    if kind == "json_invalid":
        return f"the body is not JSON: {problem['ctx']['error']} at character {name}"
    if kind == "unknown_field":
        return str(problem["msg"])
    if kind == "missing":
        return f"{name} is missing"
    text = _TYPES.get(kind) or problem["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"{name} {text}"


async def _on_http(request: Request, error: Exception) -> Response:
    failed = cast(HTTPException, error)
    path = request.url.path[:100]
    if failed.status_code == 405:
        methods = await asyncio.to_thread(_allowed, request.app, request.url.path)
        allowed = ", ".join(methods) or "nothing"
        message = f"{request.method} is not allowed at {path}; allowed: {allowed}"
        return _answer(405, "method_not_allowed", message, _DOCS, {"Allow": allowed})
    if failed.status_code == 404:
        return _answer(404, "not_found", f"there is nothing at {path}", _DOCS)
    return _answer(failed.status_code, "bad_json", "the body cannot be read as JSON", _DOCS)


def _allowed(api: FastAPI, path: str) -> list[str]:
    """Every method of a path; the framework names only those of the first route that fits."""
    methods: set[str] = set()
    for template, operations in api.openapi()["paths"].items():
        if _pattern(template).fullmatch(path):
            methods |= {method.upper() for method in operations}
    return sorted(methods)


@lru_cache(maxsize=256)
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template)))
