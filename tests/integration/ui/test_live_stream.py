"""The stream that open pages listen to: nothing is missed, and it does not hold up the stop."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.integration.running import Running
from tests.integration.ui.conftest import SignedIn

AGENT = {"User-Agent": "Yealink SIP-T46S 66.86.0.15"}


async def heard(stream: httpx.Response, last: str) -> list[str]:
    """Events by name, up to one."""
    names = []
    async for line in stream.aiter_lines():
        if line.startswith("event: "):
            names.append(line.removeprefix("event: "))
            if names[-1] == last:
                return names
    raise AssertionError(f"no {last} in {names}")


async def test_what_happened_before_the_page_was_connected_is_told(
    running: Running, signed_in: SignedIn
) -> None:
    page = (await signed_in.get("/log")).text
    found = re.search(r'sse-connect="(/live\?seen=\d+)"', page)
    assert found
    await signed_in.http.get("/provision/001565ddeeff.cfg", headers=AGENT)
    async with signed_in.http.stream("GET", found[1]) as stream:
        names = await heard(stream, "unknown")
    assert {"hello", "log", "fleet", "unknown"} <= {*names}
    assert "changes" not in names


async def test_a_page_of_before_a_restart_is_told_to_look_at_everything(
    signed_in: SignedIn,
) -> None:
    async with signed_in.http.stream("GET", "/live?seen=1") as stream:
        names = await heard(stream, "unknown")
    assert names == ["hello", "changes", "fleet", "log", "people", "phones", "unknown"]


async def test_an_open_page_does_not_hold_up_the_stop(
    running: Running, signed_in: SignedIn, caplog: pytest.LogCaptureFixture
) -> None:
    async with signed_in.http.stream("GET", "/live") as stream:
        lines = stream.aiter_lines()
        assert [await anext(lines), await anext(lines)] == ["retry: 2000", "event: hello"]
        await running.http.stop()
        assert [line async for line in lines] == ["data: 1", ""]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
