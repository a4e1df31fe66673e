"""Phones as a table by the API: judged, imported at once, exported."""

from __future__ import annotations

import httpx

from tests.integration.running import Running

TABLE = "001565000001,1001,Ada,yealink,t46s\nnonsense,1002,Bob,yealink,t46s\n"
IMPORT = "/api/provisioning/devices/import"


async def test_preview_judges_and_writes_nothing(running: Running, api: httpx.AsyncClient) -> None:
    answer = await api.post(f"{IMPORT}?preview=true", json={"table": TABLE})
    found = answer.json()
    assert (found["added"], found["extensions"]) == (1, 1)
    assert [row["verdict"] for row in found["rows"]] == ["new", "wrong"]
    assert "is not a MAC address" in found["rows"][1]["message"]
    assert not running.services.state.devices


async def test_import_writes_and_export_gives_it_back(api: httpx.AsyncClient) -> None:
    assert (await api.post(IMPORT, json={"table": TABLE})).json()["added"] == 1
    answer = await api.get("/api/provisioning/devices/export")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "001565000001,1001,Ada,yealink,t46s," in answer.text
    again = (await api.post(IMPORT, json={"table": answer.text})).json()
    assert (again["added"], again["changed"]) == (0, 0)


async def test_unreadable_table_is_refused_with_the_mend(api: httpx.AsyncClient) -> None:
    answer = await api.post(IMPORT, json={"table": "extension,name\n1,A\n"})
    assert answer.status_code == 400
    assert answer.json()["error"]["hint"]
