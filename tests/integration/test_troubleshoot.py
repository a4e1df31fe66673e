"""The troubleshooting script on a bare Python, against the real PBX and against none."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from offhook.cli.troubleshoot.masking import MASK
from offhook.core.vendor import Model, VendorProfile
from tests.contract import build
from tests.integration.commands import SCRIPT, offhook_now, process, troubleshoot, troubleshoot_here
from tests.integration.running import Running, client, running_pbx

MAC = "00:15:65:12:34:56"
PLAIN = "001565123456"
DEVICE = {
    "mac_address": MAC,
    "extension_number": "1001",
    "vendor": "yealink",
    "model": "t46s",
}
TITLES = [
    "1. Configuration Validation",
    "2. API Connectivity",
    "3. Provisioning Diagnostics",
    "4. Request History",
]


async def add_device(api: httpx.AsyncClient, **fields: str) -> None:
    await api.post("/api/extensions", json={"number": "1001", "name": "John Smith"})
    answer = await api.post("/api/provisioning/devices", json={**DEVICE, **fields})
    assert answer.status_code == 201, answer.text


@asynccontextmanager
async def stranger(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that is not ours: the same bytes for everybody, and what they sent."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1], heads


async def test_a_healthy_pbx_is_clean_unless_its_file_says_otherwise(tmp_path: Path) -> None:
    environ = {"server__external_ip": "192.0.2.14"}
    async with running_pbx(tmp_path, **environ) as running:
        result = await troubleshoot(
            "--port",
            str(running.http.port),
            cwd=tmp_path,
            OFFHOOK_SERVER__EXTERNAL_IP="192.0.2.14",
        )
        edited = await troubleshoot("--port", str(running.http.port), cwd=tmp_path)
    assert result.code == 0, result.out + result.err
    assert [title for title in TITLES if f"\n{title}\n" in result.out] == TITLES
    assert "No problems found" in result.out
    assert "\x1b" not in result.out
    assert result.err == ""
    assert edited.code == 1
    assert "external_ip is 127.0.0.1 in the file, the running server uses 192" in edited.out


async def test_a_wrong_setting_is_found(running: Running, tmp_path: Path) -> None:
    result = await troubleshoot("--port", str(running.http.port), cwd=tmp_path)
    assert result.code == 1
    assert "✗ P102 server.external_ip is '127.0.0.1'" in result.out
    assert f"url_format: {running.pbx.settings.provisioning.url_format}" in result.out


async def test_the_host_may_be_named(running: Running) -> None:
    arguments = ("--host", "127.0.0.1", "--port", str(running.http.port))
    result = await troubleshoot_here(*arguments)
    assert f"✓ PBX API answers at {running.url}" in result.out


async def test_history_tells_each_request_and_why_it_failed(
    running: Running, api: httpx.AsyncClient
) -> None:
    agent = {"User-Agent": "Yealink SIP-T46S 66.86.0.15"}
    await api.get(f"/provision/{PLAIN}.cfg", headers=agent)
    await api.get("/provision/%7Bmac%7D.cfg", headers=agent)
    result = await troubleshoot_here("--port", str(running.http.port))
    assert result.code == 1
    assert f"Error: P301 Device {MAC} not registered" in result.out
    assert "Error: P201 " in result.out
    assert "User-Agent: Yealink SIP-T46S 66.86.0.15" in result.out
    assert "from 127.0.0.1" in result.out


@pytest.mark.parametrize(("profile", "model"), build.samples(), ids=build.label)
async def test_a_registered_phone_is_downloaded_and_shown_without_its_secrets(
    tmp_path: Path, profile: VendorProfile, model: Model
) -> None:
    async with running_pbx(tmp_path) as running, client(running) as api:
        await add_device(api, vendor=profile.name, model=model.name)
        arguments = ("--port", str(running.http.port), "--mac", MAC)
        result = await troubleshoot(*arguments, cwd=tmp_path)
        as_json = await asyncio.to_thread(offhook_now, "doctor", *arguments, "--json")
        secret = (await api.get("/api/extensions/1001/secret")).json()["secret"]
        path = f"/api/provisioning/devices/{PLAIN}"
        password = (await api.get(f"{path}/admin-password")).json()["admin_password"]
        found = as_json.data["checks"][4]["data"]["downloads"][-1]
        served = (await api.get(f"/provision/{found['file']}")).text
        record = (await api.get(path)).json()["device"]
        history = (await api.get("/api/provisioning/requests")).json()["requests"]
    assert f"✓ Device {MAC} is registered" in result.out
    assert "✓ Config downloads:" in result.out
    assert secret in served
    for shown in (result.out, as_json.out):
        assert secret not in shown
        assert password not in shown
        assert "John Smith" in shown
    content = found["content"]
    assert len(content) == len(served.rstrip("\n").split("\n"))
    assert any(MASK in line for line in content)
    # Only the secrets differ from what the phone gets: nothing is masked for being unknown.
    differing = [line for line in served.rstrip("\n").split("\n") if line not in content]
    assert all(secret in line or password in line for line in differing), differing
    assert record["last_provisioned"] is None, "our own test counts as the phone's"
    ours = [item for item in history if item["user_agent"] == "offhook-troubleshoot/1"]
    assert ours
    assert all(item["test"] for item in ours)


async def test_an_unknown_phone_comes_with_the_command_that_registers_it(
    running: Running, api: httpx.AsyncClient, tmp_path: Path
) -> None:
    await api.post("/api/extensions", json={"number": "1001", "name": "John Smith"})
    agent = {"User-Agent": "Yealink SIP-T46S 66.86.0.15"}
    await api.get(f"/provision/{PLAIN}.cfg", headers=agent)
    arguments = ("--port", str(running.http.port), "--mac", "0015.6512.3456")
    result = await troubleshoot(*arguments, cwd=tmp_path)
    assert result.code == 1
    assert f"✗ Device {MAC} is not registered" in result.out
    assert f"download of {PLAIN}.cfg was refused: HTTP 404" in result.out
    start = result.out.index("curl -X POST")
    command = shlex.split(result.out[start : result.out.index("}'", start) + 2])
    assert command[3] == f"{running.url}/api/provisioning/devices"
    body = command[-1].replace("XXXX", "1001")
    answer = await api.post(command[3].removeprefix(running.url), content=body)
    assert answer.status_code == 201, answer.text


async def test_without_a_server_it_says_what_it_tried_and_what_to_check(tmp_path: Path) -> None:
    async with stranger(b"") as (port, _):
        pass
    (tmp_path / "config.yml").write_text(
        f"server:\n  external_ip: 127.0.0.1\n  http_port: {port}\n", encoding="utf-8"
    )
    result = await troubleshoot("--mac", MAC, cwd=tmp_path)
    assert result.code == 2
    assert f"Tried: GET http://127.0.0.1:{port}/api/status" in result.out
    assert "Is the server running?" in result.out
    assert "✗ server.external_ip is '127.0.0.1'" in result.out
    assert result.out.count("Skipped") == 3
    assert "Traceback" not in result.out + result.err


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n<a/>",
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_another_server_is_told_from_the_pbx(answer: bytes) -> None:
    async with stranger(answer) as (port, _):
        result = await troubleshoot_here("--port", str(port), "--mac", MAC)
    assert result.code == 2
    assert "is not the Offhook PBX" in result.out
    assert "Skipped: there is no PBX to ask" in result.out


async def test_something_that_is_no_http_server_is_told() -> None:
    async with stranger(b"SSH-2.0-OpenSSH\r\n\r\n") as (port, _):
        result = await troubleshoot_here("--port", str(port))
    assert result.code == 2
    assert "no HTTP server" in result.out


async def test_a_token_follows_no_redirect() -> None:
    async with stranger(b"") as (other, heads):
        away = f"HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:{other}/\r\nContent-Length: 0\r\n\r\n"
        async with stranger(away.encode()) as (port, first):
            arguments = ("--port", str(port), "--token", "t0p")
            await troubleshoot_here(*arguments)
    assert b"Authorization: Bearer t0p" in first[0]
    assert heads == []


async def test_from_elsewhere_a_token_opens_the_api(tmp_path: Path) -> None:
    async with running_pbx(tmp_path) as running:
        _, token = await running.services.tokens.make_token("test", "tool")
        await running.services.extensions.add_extension("test", number="1001", name="John")
    closed = {"api__trusted_networks": "", "server__external_ip": "192.0.2.14"}
    async with running_pbx(tmp_path, **closed) as running:
        port = ("--port", str(running.http.port))
        refused = await troubleshoot_here(*port, "--mac", MAC)
        wrong = await troubleshoot_here(*port, "--token", "wrong")
        opened = await troubleshoot_here(*port, "--token", token)
    assert refused.code == 2
    assert "lets nobody look without a valid token" in refused.out
    assert "offhook token create" in refused.out
    assert "5. MAC Address Testing\n" in refused.out
    assert "refused: HTTP 404" in refused.out, "phones need no token, so this was tried"
    assert wrong.code == 2
    assert opened.code == 0, opened.out
    assert token not in opened.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mac", "00:15:65"), "is no MAC address"),
        (("--port", "0"), "is no port"),
        (("--port", "http"), "is no port"),
        (("--config", "none.yml"), "there is no such file"),
        (("--host", "a b"), "is no URL"),
        (("--frob",), "unrecognized arguments"),
    ],
)
async def test_wrong_options_are_refused_in_a_line(arguments: tuple[str, ...], said: str) -> None:
    result = await troubleshoot_here(*arguments)
    assert result.code == 2
    assert said in result.err
    assert "Traceback" not in result.err


async def test_help_says_what_the_exit_codes_mean(tmp_path: Path) -> None:
    result = await troubleshoot("--help", cwd=tmp_path)
    assert result.code == 0
    for word in ("--mac", "--host", "--port", "--token", "--config", "--json", "exit codes"):
        assert word in result.out


async def test_a_reader_that_stops_early_is_no_failure(running: Running, tmp_path: Path) -> None:
    line = shlex.join([sys.executable, "-I", "-S", str(SCRIPT), "--port", str(running.http.port)])
    result = await process("sh", "-c", f"{line} | head -n 1", cwd=tmp_path)
    assert result.err == ""


async def test_doctor_tells_the_same(running: Running, tmp_path: Path) -> None:
    arguments = ("--port", str(running.http.port), "--json")
    script = await troubleshoot(*arguments, cwd=tmp_path)
    doctor = await asyncio.to_thread(offhook_now, "doctor", *arguments)
    assert doctor.code == script.code == 1
    titles = [[check["title"] for check in found.data["checks"]] for found in (doctor, script)]
    assert titles[0] == titles[1]
