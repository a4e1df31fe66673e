"""The manual of the API: every call is in it, with fields, answer and the shape of its errors."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from tests.integration.running import client, running_pbx

CALLS = {
    "GET /api/status",
    "GET /api/extensions",
    "POST /api/extensions",
    "POST /api/extensions/bulk",
    "POST /api/provisioning/devices/bulk",
    "GET /api/extensions/{number}",
    "PUT /api/extensions/{number}",
    "PATCH /api/extensions/{number}",
    "DELETE /api/extensions/{number}",
    "GET /api/extensions/{number}/secret",
    "GET /api/provisioning/devices",
    "POST /api/provisioning/devices",
    "GET /api/provisioning/devices/{mac}",
    "PATCH /api/provisioning/devices/{mac}",
    "DELETE /api/provisioning/devices/{mac}",
    "GET /api/provisioning/devices/{mac}/config",
    "GET /api/provisioning/devices/{mac}/admin-password",
    "GET /api/provisioning/devices/{mac}/uploads",
    "GET /api/provisioning/devices/{mac}/timeline",
    "GET /api/provisioning/vendors",
    "GET /api/provisioning/diagnostics",
    "GET /api/diagnosis/{subject}",
    "GET /api/diagnosis-bundle",
    "GET /api/provisioning/requests",
    "GET /api/provisioning/unknown",
    "DELETE /api/provisioning/unknown/{mac}",
    "GET /api/provisioning/settings",
    "GET /api/provisioning/settings/site",
    "PATCH /api/provisioning/settings/site",
    "GET /api/provisioning/settings/vendor/{vendor}",
    "PATCH /api/provisioning/settings/vendor/{vendor}",
    "GET /api/provisioning/settings/model/{vendor}/{model}",
    "PATCH /api/provisioning/settings/model/{vendor}/{model}",
    "GET /api/phones",
    "GET /api/calls",
    "POST /api/phones/reboot",
    "POST /api/phones/{extension}/reboot",
    "GET /api/reboots",
    "GET /api/reboots/{reboot_id}",
    "GET /api/changes",
    "GET /api/tokens",
    "POST /api/tokens",
    "DELETE /api/tokens/{name}",
    "GET /api/admins",
    "POST /api/admins",
    "DELETE /api/admins/{name}",
}
"""The contract: a call that is promised is never taken away."""


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with running_pbx(tmp_path) as running, client(running) as opened:
        yield opened


@pytest_asyncio.fixture
async def document(api: httpx.AsyncClient) -> dict[str, Any]:
    answer = await api.get("/api/openapi.json")
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


async def test_every_promised_call_is_there(document: dict[str, Any]) -> None:
    assert {name for name, _ in operations(document)} >= CALLS


async def test_every_call_has_its_sentence_answer_and_error_shape(
    document: dict[str, Any],
) -> None:
    for name, operation in operations(document):
        assert operation["description"].endswith("."), name
        assert operation["tags"], name
        responses = operation["responses"]
        for status in ("4XX", "5XX"):
            schema = responses[status]["content"]["application/json"]["schema"]
            assert schema["$ref"].endswith("/ErrorAnswer"), name
        assert "422" not in responses, name
        good = next(responses[status] for status in ("200", "201") if status in responses)
        assert (
            good["content"].keys() - {"application/json"}
            or (good["content"]["application/json"]["schema"])
        ), name


async def test_bodies_refuse_unknown_fields(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        if "requestBody" not in operation:
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        if "$ref" in schema:
            record = schemas[schema["$ref"].rpartition("/")[2]]
            assert record["additionalProperties"] is False, name


async def test_every_record_has_a_sentence(document: dict[str, Any]) -> None:
    for name, record in document["components"]["schemas"].items():
        if "enum" not in record:
            assert record.get("description"), name


async def test_page_of_the_manual_needs_nobody_else(
    api: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    page = await api.get("/api/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page.text)
    for name, _ in operations(document):
        assert name in page.text
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in page.text
    anchors = set(re.findall(r'href="#([^"]+)"', page.text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', page.text))


async def test_answers_are_what_the_manual_says(
    api: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    schemas = document["components"]["schemas"]
    await api.post("/api/extensions", json={"number": "1001", "name": "x"})
    device = {"mac_address": "001565123456", "extension_number": "1001"}
    await api.post(
        "/api/provisioning/devices", json={**device, "vendor": "yealink", "model": "t46s"}
    )
    await api.get("/provision/001565123456.cfg")
    await api.get("/provision/001565123457.cfg")
    values = {"{number}": "1001", "{mac}": "001565123456", "{vendor}": "yealink", "{model}": "t46s"}
    checked = 0
    for name, operation in operations(document):
        method, _, path = name.partition(" ")
        for hole, value in values.items():
            path = path.replace(hole, value)
        if method != "GET" or "{" in path or path.endswith("/config"):
            continue
        answer = await api.get(path)
        assert answer.status_code == 200, answer.text
        if answer.headers["content-type"] != "application/json":
            continue
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        fits(answer.json(), schema, schemas, name)
        checked += 1
    assert checked >= 15


def fits(value: Any, schema: dict[str, Any], schemas: dict[str, Any], where: str) -> None:
    """Check names and their order, for every record: people and `grep -A5` rely on it."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if isinstance(value, dict) and "properties" in schema:
        assert list(value) == list(schema["properties"]), where
        for key, item in value.items():
            fits(item, schema["properties"][key], schemas, f"{where} {key}")
    elif isinstance(value, list):
        for item in value:
            fits(item, schema.get("items", {}), schemas, where)


async def test_json_is_indented_by_two_without_blank_after_a_colon(
    api: httpx.AsyncClient,
) -> None:
    await api.post("/api/extensions", json={"number": "1001", "name": 'Zoë": "x'})
    answer = await api.get("/api/extensions")
    written = json.dumps(answer.json(), indent=2, separators=(",", ":"), ensure_ascii=False)
    assert answer.content == written.encode() + b"\n"
    assert '"number":"1001"' in answer.text
