"""Registered, but calls fail: unreachable phones, routers in between, no common codec."""

from __future__ import annotations

import asyncio

from tests.faultbench.bench import Bench
from tests.faultbench.scenario import scenario
from tests.integration.sip_by_hand import HOST, HandPhone


async def _caller(bench: Bench) -> HandPhone:
    await bench.extension("1002", "Bob")
    caller = await bench.by_hand("1002")
    assert await caller.register() == 200
    return caller


async def _gone(bench: Bench, host: str, vendor: str) -> str:
    """A phone that registered over a connection which is closed, called twice."""
    mac = await bench.device(vendor, settings={"transport": "tcp"})
    await bench.phone(mac, vendor).fetch_files()
    phone = await bench.by_hand(via=f"{host}:9", contact=f"sip:1001@{host}:9;transport=tcp")
    caller = await _caller(bench)
    assert await phone.register_over_tcp() == 200
    for _ in range(2):
        assert await caller.call("1001") == 480
    return mac


@scenario("P416", r"call from 1002 to 1001 at sip:1001@127\.0\.0\.1:9")
async def calls_do_not_reach_a_registered_phone(bench: Bench) -> str:
    return await _gone(bench, HOST, "yealink")


@scenario("P407", r"REGISTER as 1001 from tcp:127\.0\.0\.1:\d+, .*Via says 192\.168\.1\.20:9")
async def calls_do_not_reach_a_phone_behind_a_router(bench: Bench) -> str:
    return await _gone(bench, "192.168.1.20", "polycom")


@scenario("P407", r"call from 1002 to 1001 at sip:1001@192\.168\.1\.20:9")
async def router_rewrites_only_the_contact(bench: Bench) -> str:
    mac = await bench.device("zultys", settings={"transport": "tcp"})
    await bench.phone(mac, "zultys").fetch_files()
    phone = await bench.by_hand(via=f"{HOST}:9", contact="sip:1001@192.168.1.20:9;transport=tcp")
    caller = await _caller(bench)
    assert await phone.register_over_tcp() == 200
    for _ in range(2):
        assert await caller.call("1001") == 480
    return "1001"


async def _refused(bench: Bench, vendor: str, status: int, reason: str) -> str:
    mac = await bench.device(vendor)
    await bench.phone(mac, vendor).fetch_files()
    phone, caller = await bench.by_hand(), await _caller(bench)
    assert await phone.register() == 200
    async with asyncio.TaskGroup() as group:
        group.create_task(phone.refuse(status, reason))
        call = group.create_task(caller.call("1001"))
    assert call.result() == status
    return mac


@scenario("P415", r"INVITE from 1002 to 1001 at .*488 Not Acceptable Here")
async def phone_has_no_codec_in_common(bench: Bench) -> str:
    return await _refused(bench, "yealink", 488, "Not Acceptable Here")


@scenario("P415", r"INVITE from 1002 to 1001 at .*606 Not Acceptable")
async def phone_refuses_the_session_globally(bench: Bench) -> str:
    return await _refused(bench, "grandstream", 606, "Not Acceptable")
