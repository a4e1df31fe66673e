"""The whole product on a real PostgreSQL: what it said is kept, however it ended."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import Server, running
from tests.store_records import fresh_url

AGENT = "Yealink SIP-T46S 66.85.0.5 00:15:65:00:00:01"
MAC = "001565000001"


@pytest.mark.needs("postgres")
def test_devices_and_attempts_are_still_there_after_a_restart(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with (
        fresh_url(request, "postgresql", tmp_path) as url,
        running(tmp_path, store_url=url) as server,
    ):
        server.add("1001", "Ada")
        server.add_device(MAC, "1001", "yealink", "t46s")
        secret = server.secret("1001")
        status, file = server.fetch(f"{MAC}.cfg", AGENT)
        assert (status, secret in file) == (200, True)
        assert server.stop() == 0
        server.start()
        assert server.secret("1001") == secret
        status, file = server.fetch(f"{MAC}.cfg", AGENT)
        assert (status, secret in file) == (200, True)
        found = server.api("GET", f"/api/provisioning/requests?mac={MAC}")
        assert [item["status"] for item in found["requests"]] == [200, 200]
        url_password = url.partition("//")[2].partition("@")[0].partition(":")[2]
        assert url_password not in server.log() + server.output()


@pytest.mark.needs("postgres")
def test_nothing_acknowledged_is_lost_when_it_is_killed(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with (
        fresh_url(request, "postgresql", tmp_path) as url,
        running(tmp_path, store_url=url) as server,
    ):
        acknowledged: set[str] = set()
        enough = threading.Event()
        adding = threading.Thread(target=_add_until_it_ends, args=(server, acknowledged, enough))
        adding.start()
        assert enough.wait(60)
        server.kill()
        adding.join(30)
        assert not adding.is_alive()
        server.start()
        kept: list[dict[str, Any]] = server.api("GET", "/api/extensions")["extensions"]
        assert len(acknowledged) >= 20
        assert acknowledged <= {str(item["number"]) for item in kept}


def _add_until_it_ends(server: Server, acknowledged: set[str], enough: threading.Event) -> None:
    """Add extensions one after another and note each one that was acknowledged."""
    for number in range(2000, 9000):
        try:
            server.add(str(number), f"Person {number}")
        except OSError:  # killed: refused, reset or cut off in the middle
            return
        acknowledged.add(str(number))
        if len(acknowledged) >= 20:
            enough.set()
