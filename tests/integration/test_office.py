"""API and pages are made beside the phones: nobody is refused, and phones wait for nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from offhook.app import open_pbx, start_pbx
from offhook.errors import StoreError
from offhook.services import services
from offhook.settings import load_settings
from offhook.tasks import spawn
from offhook.web.asgi import create_asgi
from offhook.web.office import Office
from offhook.web.server import bind_http, serve_http
from tests.integration.running import Running, client, running_pbx

MAC = "001565123456"
AGENT = {"User-Agent": "Yealink SIP-T46S 66.85.0.15"}


async def test_phones_do_not_wait_for_the_api(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, may_go_on = Office._make, threading.Event()
    times = []

    def slowly(office: Office) -> object:
        times.append(office)
        may_go_on.wait(20)
        return made(office)

    monkeypatch.setattr(Office, "_make", slowly)
    async with running_pbx(tmp_path) as running, client(running) as http:
        try:
            asked = [http.get("/api/status"), http.get("/sign-in"), http.get("/api/extensions")]
            waiting = asyncio.gather(*asked)
            unknown = await http.get("/provision/001565123456.cfg")
            ready = await http.get("/readyz")
            assert not waiting.done()
        finally:
            may_go_on.set()
        answers = await waiting
    assert (unknown.status_code, ready.status_code) == (404, 200)
    assert [it.status_code for it in answers] == [200, 200, 200]
    assert len(times) == 1


async def test_caller_who_goes_leaves_the_others_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, may_go_on = Office._make, threading.Event()

    def slowly(office: Office) -> object:
        may_go_on.wait(20)
        return made(office)

    monkeypatch.setattr(Office, "_make", slowly)
    async with running_pbx(tmp_path) as running, client(running) as http:
        try:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(http.get("/api/status"), 0.1)
            waiting = asyncio.gather(http.get("/api/status"))
        finally:
            may_go_on.set()
        assert [it.status_code for it in await waiting] == [200]


async def test_phones_are_served_before_the_rest_is_taken_up(tmp_path: Path) -> None:
    async with running_pbx(tmp_path) as running, client(running) as http:
        await http.post("/api/extensions", json={"number": "1001", "name": "John"})
        body = {"mac_address": MAC, "extension_number": "1001", "vendor": "yealink"}
        await http.post("/api/provisioning/devices", json={**body, "model": "t46s"})
        await http.get(f"/provision/{MAC}.cfg", headers=AGENT)
    settings = load_settings(tmp_path / "config.yml", {})
    listening = bind_http("127.0.0.1", 0)
    pbx = await open_pbx(settings, listening.getsockname()[1])
    parts = services(pbx)
    web = create_asgi(parts)
    server = await serve_http(web, [listening])
    try:
        async with client(Running(pbx=pbx, services=parts, http=server)) as http:
            file = await http.get(f"/provision/{MAC}.cfg", headers=AGENT)
            waiting = asyncio.gather(http.get("/api/status"), http.get("/metrics"))
            early = await http.get("/readyz")
            stranger = spawn(http.get("/provision/001565ffffff.cfg"), "stranger")
            assert not waiting.done()
            assert not pbx.state.sightings
            await pbx.begin()
            web.open()
            late = await http.get("/readyz")
            answers = [file, early, *await waiting, await stranger, late]
        assert [it.status_code for it in answers] == [200, 503, 200, 200, 404, 200]
        assert len(pbx.state.sightings) == 1
    finally:
        await server.stop()
        await pbx.stop()


async def test_wrong_secret_keeps_it_from_starting(tmp_path: Path) -> None:
    async with running_pbx(tmp_path) as running, client(running) as http:
        for number in ("1001", "1002"):
            await http.post("/api/extensions", json={"number": number, "name": "John"})
    with sqlite3.connect(tmp_path / "data" / "offhook.db") as base:
        base.execute(
            "update extensions set secret ="
            " (select secret from extensions where number = '1001') where number = '1002'"
        )
    base.close()
    with pytest.raises(StoreError, match="extensions 1002 cannot be decrypted"):
        await start_pbx(load_settings(tmp_path / "config.yml", {}), 0)


def test_what_serves_phones_imports_no_web_framework() -> None:
    text = "import sys, offhook.cli.running; print({'fastapi', 'starlette'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
