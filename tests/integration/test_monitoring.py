"""Metrics, health and readiness over real HTTP, and the dashboard that reads them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from offhook.web.monitoring import KEPT_S, Readiness
from tests.integration.running import Running, client, running_pbx

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana-dashboard.json"
MAC = "001565000001"
AGENT = {"User-Agent": f"Yealink SIP-T46S 66.85.0.5 {MAC}"}
SAMPLE = re.compile(r"([a-z_]+)(?:\{((?:[a-z]+=\"[^\"]*\",?)+)\})? (\S+)")


def samples(text: str) -> dict[str, float]:
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            matched = SAMPLE.fullmatch(line)
            assert matched, line
            found[line.rpartition(" ")[0]] = float(matched[3])
    return found


async def scraped(api: httpx.AsyncClient) -> str:
    answer = await api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.text


async def test_what_phones_asked_is_counted_by_outcome_and_fault(api: httpx.AsyncClient) -> None:
    await api.post("/api/extensions", json={"number": "4711", "name": "Ada"})
    body = {"mac_address": MAC, "extension_number": "4711", "vendor": "yealink", "model": "t46s"}
    assert (await api.post("/api/provisioning/devices", json=body)).status_code < 300
    for name in (f"{MAC}.cfg", f"{MAC}.cfg", "001565ffffff.cfg"):
        await api.get(f"/provision/{name}", headers=AGENT)
    text = await scraped(api)
    found = samples(text)
    assert found['offhook_requests_total{outcome="served",fault=""}'] == 2
    assert found['offhook_requests_total{outcome="refused",fault="P301"}'] == 1
    assert found["offhook_request_seconds_count"] == 3
    assert found["offhook_render_seconds_count"] == 1
    assert found["offhook_converge_phones_count"] >= 1
    assert found["offhook_devices"] == 1
    assert found["offhook_sip_up"] == 1
    for private in (MAC, "00:15:65", "4711", "Ada", "127.0.0.1"):
        assert private not in text


async def test_a_guessed_name_makes_no_new_series(api: httpx.AsyncClient) -> None:
    await api.get("/provision/001565aaaaaa.cfg", headers=AGENT)
    before = samples(await scraped(api)).keys()
    for number in range(20):
        await api.get(f"/provision/0015650000{number:02x}.cfg", headers=AGENT)
    assert samples(await scraped(api)).keys() == before


async def test_the_lag_of_the_loop_is_measured(running: Running) -> None:
    probe = running.services.measures
    async with asyncio.timeout(20), client(running) as api:
        while sum(probe.lag_s.counts) == 0:
            await api.get("/healthz")
    assert probe.lag_s.total >= 0


async def test_figures_need_the_access_of_the_api(tmp_path: Path) -> None:
    async with running_pbx(tmp_path, api__trusted_networks="10.0.0.0/8") as running:
        _, token = await running.services.tokens.make_token("test", "prometheus")
        async with client(running) as api:
            assert (await api.get("/metrics")).status_code == 401
            shown = {"Authorization": f"Bearer {token}"}
            assert (await api.get("/metrics", headers=shown)).status_code == 200
            assert (await api.get("/healthz")).text == "ok\n"
            assert (await api.get("/readyz")).text == "ready\n"


async def test_a_stranger_learns_no_reason(tmp_path: Path) -> None:
    async with running_pbx(tmp_path) as running, client(running) as api:
        await running.pbx.engine.stop()
        own = await api.get("/readyz")
        assert (own.status_code, own.text) == (503, "not ready: the SIP engine is not up\n")
        strange = await api.get("/readyz", headers={"X-Forwarded-For": "192.0.2.9"})
        assert (strange.status_code, strange.text) == (503, "not ready\n")
        assert (await api.get("/healthz")).status_code == 200


async def test_a_store_that_fails_is_not_ready(running: Running) -> None:
    await running.pbx.store.database.close()
    async with client(running) as api:
        answer = await api.get("/readyz")
        assert answer.status_code == 503
        assert answer.text.startswith("not ready: the store cannot be read: ")
        assert (await api.get("/metrics")).status_code == 200


async def test_many_who_ask_at_once_cost_one_query(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    inventory = running.services.inventory
    list_changes = type(inventory).list_changes

    async def counted(self: Any, limit: int) -> Any:
        asked.append(limit)
        return await list_changes(self, limit)

    monkeypatch.setattr(type(inventory), "list_changes", counted)
    moment = 0.0
    readiness = Readiness(running.services, lambda: moment)
    assert set(await asyncio.gather(*(readiness.problem() for _ in range(20)))) == {""}
    assert await readiness.problem() == ""
    assert len(asked) == 1
    moment = KEPT_S
    assert await readiness.problem() == ""
    assert len(asked) == 2


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
async def test_other_methods_are_refused(api: httpx.AsyncClient, path: str) -> None:
    refused = await api.post(path, content=b"x")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    head = await api.head(path)
    assert (head.status_code, head.content) == (200, b"")


async def test_the_dashboard_names_only_metrics_that_exist(api: httpx.AsyncClient) -> None:
    text = await scraped(api)
    known = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)) | {
        line.partition(" ")[0].partition("{")[0] for line in text.splitlines() if line[0] != "#"
    }
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    expressions = list(_expressions(panels))
    assert len(expressions) >= len(panels) > 8
    for expression in expressions:
        used = re.findall(r"\b(?:offhook|process)_\w+", expression)
        assert used, expression
        assert set(used) <= known, expression


async def test_the_manual_names_every_metric(api: httpx.AsyncClient) -> None:
    page = (DASHBOARD.parents[1] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    for name in re.findall(r"^# TYPE (\S+)", await scraped(api), re.MULTILINE):
        assert f"`{name}`" in page, name


def _expressions(panels: list[dict[str, Any]]) -> Iterator[str]:
    for panel in panels:
        assert panel["title"]
        for target in panel["targets"]:
            yield target["expr"]
