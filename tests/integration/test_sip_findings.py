"""What a running PBX says of phones that register or answer calls wrongly, made from outside."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio

from offhook.core.mac import Mac
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.finding import Finding
from offhook.simulator.virtual_phone import VirtualPhone
from offhook.vendors import load_profiles
from tests.contract import build
from tests.integration.calls import add
from tests.integration.running import Running
from tests.integration.sip_by_hand import HOST, HandPhone, by_hand

# What registering and calls show; other codes are not this file's matter.
OWN = {"P402", "P403", "P404", "P405", "P406", "P407", "P408"} | {
    f"P4{number}" for number in range(10, 19)
}


async def found(running: Running) -> dict[str, Finding]:
    findings = await running.pbx.diagnose.findings()
    return {item.code: item for item in findings if item.code in OWN}


async def told(running: Running, code: str) -> Finding:
    """The one finding of these rules, which must be this one."""
    findings = await found(running)
    assert set(findings) == {code}, findings
    return findings[code]


@pytest_asyncio.fixture
async def secret(api: httpx.AsyncClient) -> str:
    await add(api, "1001", "Ada")
    await add(api, "1002", "Bob")
    return str((await api.get("/api/extensions/1001/secret")).json()["secret"])


@pytest_asyncio.fixture
async def phone(running: Running, secret: str) -> AsyncIterator[HandPhone]:
    async with by_hand(running.pbx.sip_port, "1001", secret) as phone:
        yield phone


@pytest_asyncio.fixture
async def device(
    running: Running, api: httpx.AsyncClient, secret: str
) -> AsyncIterator[VirtualPhone]:
    """A phone of extension 1001 that has fetched its files."""
    profile, model = next(item for item in build.samples() if item[0].name == "yealink")
    phone = VirtualPhone(
        profile=profile,
        model=model,
        mac=Mac(int(min(profile.ouis), 16) << 24 | 0x123456),
        base_url=f"{running.url}/provision/",
        timeout_s=5,
    )
    body = {
        "mac_address": phone.mac.colons,
        "extension_number": "1001",
        "vendor": "yealink",
        "model": model.name,
    }
    answer = await api.post("/api/provisioning/devices", json=body)
    assert answer.status_code == 201, answer.text
    await phone.fetch_files()
    yield phone
    await phone.stop()


@pytest.mark.parametrize("profile", load_profiles(), ids=lambda profile: profile.name)
async def test_a_phone_of_each_maker_that_does_well_is_told_nothing(
    running: Running, api: httpx.AsyncClient, profile: VendorProfile
) -> None:
    await add(api, "1001", "Ada")
    desk = VirtualPhone(
        profile=profile,
        model=profile.models[0],
        mac=Mac(int(min(profile.ouis), 16) << 24 | 0x123456),
        base_url=f"{running.url}/provision/",
        timeout_s=5,
    )
    body = {
        "mac_address": desk.mac.colons,
        "extension_number": "1001",
        "vendor": profile.name,
        "model": profile.models[0].name,
    }
    assert (await api.post("/api/provisioning/devices", json=body)).status_code == 201
    try:
        assert await desk.boot()
        assert await found(running) == {}
        assert (await api.post("/api/phones/1001/reboot")).json()["success_count"] == 1
        await desk.until(lambda it: len(it.registrations) == 2, 10)
        assert await found(running) == {}
    finally:
        await desk.stop()
    assert await found(running) == {}


# --- who it says it is -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Ada", "", "1002"])
async def test_another_authentication_name(running: Running, phone: HandPhone, name: str) -> None:
    assert await phone.register(name=name) in (401, 403)
    finding = await told(running, "P404")
    assert finding.subject == "1001"
    assert f"REGISTER as {name} from udp:{phone.place}" in finding.evidence[0]
    assert await phone.register() == 200
    assert await found(running) == {}


async def test_a_password_of_before_the_change(
    running: Running, api: httpx.AsyncClient, device: VirtualPhone, phone: HandPhone
) -> None:
    await api.patch("/api/extensions/1001", json={"secret": "Another9secret"})
    assert await phone.register() == 401
    finding = await told(running, "P402")
    assert finding.name == "sip-password-mismatch"
    assert "before the secret changed" in finding.evidence[2]
    assert finding.evidence[2].at is not None
    assert "account.1.password" in " ".join(finding.steps)


async def test_a_password_typed_on_the_phone(
    running: Running, device: VirtualPhone, phone: HandPhone
) -> None:
    phone.secret = "typed"
    assert await phone.register() == 401
    finding = await told(running, "P402")
    assert "fetched its current file: the password was typed on it" in finding.evidence[2]


async def test_an_account_of_another_realm(running: Running, phone: HandPhone) -> None:
    assert await phone.register(realm="old-pbx") == 401
    finding = await told(running, "P405")
    assert "realm 'old-pbx'" in finding.message
    assert f"REGISTER as 1001 from udp:{phone.place}" in finding.evidence[0]
    assert await phone.register() == 200
    assert await found(running) == {}


async def test_an_account_of_another_domain(
    running: Running, device: VirtualPhone, phone: HandPhone
) -> None:
    phone.domain, phone.secret = "old-pbx.example", "other"
    assert await phone.register() == 401
    findings = await found(running)
    assert set(findings) == {"P402", "P405"}
    assert findings["P402"].is_general
    assert "domain old-pbx.example" in findings["P405"].evidence[0]


async def test_any_name_of_ours_will_do(
    running: Running, device: VirtualPhone, phone: HandPhone
) -> None:
    phone.domain = "pbx.example"
    assert await phone.register() == 200
    assert await found(running) == {}


async def test_an_account_without_a_user(
    running: Running, device: VirtualPhone, phone: HandPhone
) -> None:
    await phone.ask(phone.request(user=""))
    finding = await told(running, "P406")
    assert finding.subject == device.mac.colons
    assert "REGISTER as nobody" in finding.evidence[0]
    await device.fetch_files()
    assert await found(running) == {}


async def test_credentials_for_another_address(running: Running, phone: HandPhone) -> None:
    line = phone.signature(await phone.nonce(), uri="sip:pbx@127.0.0.1")
    answer = await phone.ask(phone.request(line, uri="sip:1001@127.0.0.1"))
    assert answer.status == 400
    finding = await told(running, "P418")
    assert 'uri="sip:pbx@127.0.0.1"' in finding.evidence[0]
    assert await phone.register() == 200
    assert await found(running) == {}


# --- the way there and back --------------------------------------------------------------------


async def test_answers_at_a_port_where_nobody_listens(running: Running, phone: HandPhone) -> None:
    phone.rport, phone.via = "", f"{HOST}:9"
    for _ in range(3):
        await phone.send(phone.request())
    phone.rport, phone.via = ";rport", ""
    after_them = await phone.ask(phone.request().replace(b"REGISTER", b"OPTIONS"))
    assert after_them.status == 200  # the server works in order, and answered only this one here
    finding = await told(running, "P408")
    assert f"Via {HOST}:9 without rport" in finding.evidence[0]
    assert await phone.register() == 200
    assert await found(running) == {}


async def test_old_nonces_again_and_again(running: Running, phone: HandPhone) -> None:
    foreign = secrets.token_hex(24)
    for _ in range(5):
        assert (await phone.ask(phone.request(phone.signature(foreign)))).status == 401
    finding = await told(running, "P417")
    assert len(finding.evidence) == 5
    assert all("answer 401 (stale)" in line for line in finding.evidence)
    assert await phone.register() == 200
    assert await found(running) == {}


async def test_one_old_nonce_is_no_fault(running: Running, phone: HandPhone) -> None:
    answer = await phone.ask(phone.request(phone.signature(secrets.token_hex(24))))
    assert answer.status == 401
    assert await found(running) == {}


async def test_a_storm_of_registers(running: Running, phone: HandPhone) -> None:
    for _ in range(9):
        assert await phone.register() == 200
    assert await found(running) == {}
    assert await phone.register() == 200
    finding = await told(running, "P412")
    assert all(f"from udp:{phone.place}" in line for line in finding.evidence)


async def test_renewing_later_than_granted(running: Running, phone: HandPhone) -> None:
    phone.expires = 86_400
    engine, diagnose = running.pbx.engine, running.pbx.diagnose
    real, ahead = diagnose.now, timedelta(0)
    shifted: Callable[[], object] = lambda: real() + ahead  # noqa: E731 - reads `ahead` each time
    engine._now = diagnose.now = shifted  # type: ignore[attr-defined, assignment] # a day in a test
    for _ in range(3):
        assert await phone.register() == 200
        ahead += timedelta(hours=12)
    ahead -= timedelta(hours=12)
    finding = await told(running, "P410")
    assert "granted 7200 s and registers again after 43200 s" in finding.message
    assert all("asked 86400 s, granted 7200 s" in line for line in finding.evidence)


async def test_a_phone_over_another_transport(
    running: Running, api: httpx.AsyncClient, device: VirtualPhone
) -> None:
    body = {"transport": "tcp"}
    answer = await api.patch("/api/provisioning/settings/site", json=body)
    assert answer.status_code == 200, answer.text
    assert await device.boot()
    finding = await told(running, "P414")
    assert finding.subject == device.mac.colons
    assert "registers over udp, its file says tcp" in finding.message


async def test_a_file_that_names_the_port_of_the_web(
    running: Running, api: httpx.AsyncClient, device: VirtualPhone
) -> None:
    body = {"account.1.sip_server.1.port": str(running.http.port)}
    answer = await api.patch("/api/provisioning/settings/vendor/yealink", json=body)
    assert answer.status_code == 200, answer.text
    finding = await told(running, "P413")
    assert f"account.1.sip_server.1.port = {running.http.port}" in finding.evidence[0]


# --- calls -------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def caller(running: Running, api: httpx.AsyncClient, secret: str) -> AsyncIterator[HandPhone]:
    own = str((await api.get("/api/extensions/1002/secret")).json()["secret"])
    async with by_hand(running.pbx.sip_port, "1002", own) as phone:
        assert await phone.register() == 200
        yield phone


async def test_a_call_that_is_not_acceptable(
    running: Running, device: VirtualPhone, phone: HandPhone, caller: HandPhone
) -> None:
    assert await phone.register() == 200
    async with asyncio.TaskGroup() as group:
        group.create_task(phone.refuse(488, "Not Acceptable Here"))
        call = group.create_task(caller.call("1001"))
    assert call.result() == 488
    finding = await told(running, "P415")
    assert finding.subject == device.mac.colons
    assert f"INVITE from 1002 to 1001 at sip:1001@{phone.place}" in finding.evidence[0]
    assert "488 Not Acceptable Here" in finding.evidence[0]
    await device.fetch_files()
    assert await found(running) == {}


async def test_a_busy_phone_is_no_fault(
    running: Running, phone: HandPhone, caller: HandPhone
) -> None:
    assert await phone.register() == 200
    async with asyncio.TaskGroup() as group:
        group.create_task(phone.refuse(486, "Busy Here"))
        call = group.create_task(caller.call("1001"))
    assert call.result() == 486
    assert await found(running) == {}


@pytest.mark.parametrize(("host", "code"), [(HOST, "P416"), ("192.168.1.20", "P407")])
async def test_a_phone_whose_connection_is_gone(
    running: Running, phone: HandPhone, caller: HandPhone, host: str, code: str
) -> None:
    phone.via = f"{host}:9"
    phone.contact = f"sip:1001@{host}:9;transport=tcp"
    assert await phone.register_over_tcp() == 200
    assert await caller.call("1001") == 480
    assert await found(running) == {}
    assert await caller.call("1001") == 480
    finding = await told(running, code)
    assert len(finding.evidence) == 3
    assert all("call from 1002 to 1001" in line for line in finding.evidence[:2])
    assert "tcp:127.0.0.1" in finding.evidence[2]
