"""Calls over the API and the command line, and reboots that wait for their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from offhook.app import Pbx
from offhook.sip.message import Request
from tests.integration.calls import add
from tests.integration.commands import offhook
from tests.integration.hand_phone import HandPhone


@pytest.fixture
async def phones(api: httpx.AsyncClient, pbx: Pbx) -> AsyncIterator[list[HandPhone]]:
    """1001 and 1002, registered."""
    phones = []
    for number in ("1001", "1002"):
        await add(api, number)
        secret = (await api.get(f"/api/extensions/{number}/secret")).json()["secret"]
        phone = await HandPhone.connect(number, pbx.sip_port, secret)
        assert (await phone.ask("REGISTER", number, call_id="boot")).status == 200
        phones.append(phone)
    yield phones
    for phone in phones:
        phone.writer.close()


async def call(phones: list[HandPhone]) -> Request:
    """1001 calls 1002, which rings; gives the INVITE."""
    caller, callee = phones
    invite = caller.build("INVITE", "1002", call_id="call")
    caller.writer.write(invite)
    challenge = await caller.answer()
    caller.writer.write(caller.sign(invite, challenge))
    asked = await callee.asked("INVITE")
    callee.say(asked, 180)
    return asked


async def test_a_call_is_listed_while_it_lasts(
    api: httpx.AsyncClient, phones: list[HandPhone]
) -> None:
    asked = await call(phones)
    listed = (await api.get("/api/calls")).json()
    assert listed["total"] == 1
    [ringing] = listed["calls"]
    assert (ringing["caller"], ringing["callee"], ringing["state"]) == ("1001", "1002", "ringing")
    assert ringing["caller_at"].startswith("tcp:127.0.0.1:")
    assert ringing["callee_at"] == ""
    assert ringing["since"].endswith("Z")
    assert (await api.get("/api/status")).json()["calls"] == 1
    phones[1].say(asked, 486)
    assert (await phones[0].answer()).status == 486
    assert (await api.get("/api/calls")).json()["calls"] == []
    assert (await api.get("/api/status")).json()["calls"] == 0


async def test_a_reboot_waits_for_the_end_of_a_call(
    api: httpx.AsyncClient, phones: list[HandPhone]
) -> None:
    asked = await call(phones)
    for path in ("/api/phones/1002/reboot", "/api/phones/reboot"):
        done = (await api.post(path)).json()
        assert done["rebooted"] == []
        assert "will be told when their calls have ended" in done["message"]
        assert {item["detail"] for item in done["reboots"]} == {"waiting for the end of its call"}
        assert {item["step"] for item in done["reboots"]} == {"pending"}
    phones[1].say(asked, 486)
    for phone in phones:
        notify = await phone.asked("NOTIFY")
        assert "check-sync" in (notify.headers.first("event") or "")


async def test_a_forced_reboot_does_not_wait(
    api: httpx.AsyncClient, phones: list[HandPhone]
) -> None:
    await call(phones)
    asking = asyncio.ensure_future(api.post("/api/phones/1002/reboot", params={"force": "true"}))
    phones[1].say(await phones[1].asked("NOTIFY"), 200)
    assert (await asking).json()["reboots"][0]["step"] == "answered"


async def test_the_command_line_lists_calls(
    url: str, api: httpx.AsyncClient, phones: list[HandPhone]
) -> None:
    assert (await offhook(url, "calls")).out == "No calls now\n"
    await call(phones)
    shown = await offhook(url, "calls")
    assert shown.code == 0
    assert shown.out.splitlines()[1].split()[-3:] == ["1001", "1002", "ringing"]
    listed = await offhook(url, "calls", "--json")
    assert listed.data["calls"][0]["callee"] == "1002"


async def test_the_command_line_says_what_a_reboot_waits_for(
    url: str, phones: list[HandPhone]
) -> None:
    await call(phones)
    waiting = await offhook(url, "reboot", "1002", "--wait", "--timeout", "1")
    assert "waiting for the end of its call" in waiting.out
    assert waiting.code == 1
    both = await offhook(url, "reboot", "--all", "--force")
    assert (both.code, "--force" in both.err) == (2, True)
    sending = asyncio.ensure_future(offhook(url, "reboot", "1002", "--force"))
    phones[1].say(await phones[1].asked("NOTIFY"), 200)
    assert (await sending).code == 0
