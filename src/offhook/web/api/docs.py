"""The API's manual: the OpenAPI document, and a page made from it that needs no other server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from offhook.web.answer import HTML, JSON, json_bytes
from offhook.web.api.answers import HEADERS

router = APIRouter(include_in_schema=False)

_PAGES = Environment(
    loader=PackageLoader("offhook.web", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    )
}


@router.get("/api/openapi.json")
async def get_openapi(request: Request) -> Response:
    """Give the OpenAPI document."""
    document = await asyncio.to_thread(request.app.openapi)
    return Response(json_bytes(document), 200, HEADERS, JSON)


@router.get("/api/docs")
async def get_docs(request: Request) -> Response:
    """Give the page."""
    page = await asyncio.to_thread(lambda: _page(request.app.openapi()))
    return Response(page.encode(), 200, {**HEADERS, **_POLICY}, HTML)


def _page(document: Mapping[str, Any]) -> str:
    return _PAGES.get_template("api_docs.html.j2").render(
        document=document, groups=_groups(document), fields=_fields(document)
    )


def _groups(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str, Mapping[str, Any]]]]:
    """Operations by tag: (method, path, operation)."""
    groups: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append((method.upper(), path, operation))
    return groups


def _fields(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    """Fields of each record: (name, type, description)."""
    schemas = document.get("components", {}).get("schemas", {})
    return {
        name: [
            (field, _type_of(schema), schema.get("description", ""))
            for field, schema in record.get("properties", {}).items()
        ]
        for name, record in schemas.items()
    }


def _type_of(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type_of(item) for item in schema["anyOf"]))
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type_of(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map to {_type_of(schema['additionalProperties'])}"
    return str(schema.get("format", kind))
