"""API and pages are made beside the phones: nobody is refused, and phones wait for nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from offhook.web.office import Office
from tests.integration.running import client, running_pbx


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


def test_what_serves_phones_imports_no_web_framework() -> None:
    text = "import sys, offhook.cli.running; print({'fastapi', 'starlette'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
