"""Every command of docs/troubleshooting.md does what it says, and the guide's words are ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, Server, wait_for

MANUAL = ROOT / "docs" / "troubleshooting.md"


def blocks() -> list[str]:
    text = MANUAL.read_text(encoding="utf-8")
    return [found[1] for found in re.finditer(r"```bash\n(.*?)```", text, re.DOTALL)]


def commands(block: str) -> list[str]:
    joined = block.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def run(command: str, server: Server) -> subprocess.CompletedProcess[str]:
    ready = command.replace("your-pbx-ip:8080", f"127.0.0.1:{server.http_port}")
    ready = ready.replace("--host 192.168.1.14 --port 8080", f"--port {server.http_port}")
    if ready.startswith("python scripts/"):
        ready = ready.replace("python ", f"{sys.executable} ", 1)
        if "--port" not in ready:
            ready += f" --port {server.http_port}"
        ready += f" --config {server.config}"
    return subprocess.run(
        ready, shell=True, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )


@pytest.mark.needs("curl")
def test_every_command_of_the_manual_works(server: Server) -> None:
    seen = {}
    for block in blocks():
        for command in commands(block):
            result = run(command, server)
            assert "Traceback" not in result.stdout + result.stderr, result.stderr
            if command.startswith("python"):
                assert result.returncode in (0, 1), f"{command}: {result.stderr}"
            else:
                assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
            seen[" ".join(command.split())] = result.stdout
    device = next(out for line, out in seen.items() if "t46s" in line and "POST" in line)
    assert '"reboot_triggered":false' in device
    assert "next boot" in json.loads(device)["message"]
    grep = next(out for line, out in seen.items() if "grep -A5" in line)
    assert '"number":"1001"' in grep
    assert '"name":"John Smith"' in grep
    label = next(out for line, out in seen.items() if "display" in line and "grep" in line)
    assert label.count("John Smith") >= 2


def test_the_request_log_reads_as_the_manual_says(server: Server) -> None:
    server.add("1001", "John Smith")
    server.add_device("00:15:65:12:34:56", "1001", "yealink", "t46s")
    status, body = server.fetch("001565123456.cfg", "Yealink SIP-T46S 66.85.0.15")
    assert status == 200
    size = len(body.encode())
    wait_for(lambda: "config delivered" in server.log(), 5, server.log)
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - PBX - "
    expected = [
        "INFO - Provisioning request received for MAC: 001565123456",
        "INFO -   Request from IP: 127.0.0.1",
        "INFO -   User-Agent: Yealink SIP-T46S 66.85.0.15",
        "INFO -   Found device: vendor=yealink, model=t46s, extension=1001",
        "INFO -   Extension found: 1001 (John Smith)",
        f"INFO -   Server config: SIP=127.0.0.1:{server.sip_port}",
        "INFO - ✓ Successfully generated config for device 001565123456",
        f"INFO -   Config size: {size} bytes, Content-Type: text/plain",
        f"INFO - ✓ Provisioning config delivered: {size} bytes to 127.0.0.1",
    ]
    wanted = "\n".join(stamp + re.escape(line) for line in expected)
    assert re.search(wanted, server.log()), server.log()


def test_an_unknown_device_is_explained_word_for_word(server: Server) -> None:
    server.add("1001", "John Smith")
    server.add_device("00:0B:EA:85:ED:68", "1001", "zultys", "zip33g")
    server.add_device("00:0B:EA:85:F5:54", "1001", "zultys", "zip33g")
    status, body = server.fetch("000bea85abcd.cfg", "Zultys ZIP 33G - 47.80.132.4")
    assert status == 404
    assert "000bea85ed68" not in body, "a phone must not learn of other devices"
    wait_for(lambda: "typo in the MAC" in server.log(), 5, server.log)
    register = (
        '{"mac_address":"00:0B:EA:85:AB:CD","extension_number":"XXXX",'
        '"vendor":"VENDOR","model":"MODEL"}'
    )
    for line in (
        "WARNING - Device 00:0B:EA:85:AB:CD not registered in provisioning system",
        "WARNING -   Normalized MAC: 000bea85abcd",
        "WARNING -   Registered devices: ['000bea85ed68', '000bea85f554']",
        "WARNING -   → Device needs to be registered first",
        "WARNING -   → Register via API: POST /api/provisioning/devices",
        f"WARNING -      with JSON: {register}",
        "WARNING -   → Similar MACs found (same vendor): ['000bea85ed68', '000bea85f554']",
        "WARNING -      This might be a typo in the MAC address",
    ):
        assert f" - PBX - {line}\n" in server.log(), line


@pytest.mark.parametrize("placeholder", ["{mac}", "%7Bmac%7D", "$mac", "%24mac", "$MA", "%MACD"])
def test_a_placeholder_is_refused_with_the_makers_steps(server: Server, placeholder: str) -> None:
    status, body = server.fetch(f"{placeholder}.cfg", "Zultys ZIP 33G - 47.80.132.4")
    assert status == 400
    assert "P201" in body
    wait_for(lambda: "Provisioning" in server.log(), 5, server.log)
    assert "CONFIGURATION ERROR: Phone requested provisioning with placeholder '" in server.log()
    assert "instead of actual MAC address" in server.log()
    assert "Phone Menu → Setup → Network → Provisioning" in server.log()
    assert f"http://127.0.0.1:{server.http_port}/provision/$mac.cfg" in server.log()
    request = server.api("GET", "/api/provisioning/requests?limit=1")["requests"][0]
    assert request["success"] is False
    assert request["fault"] == "P201"


@pytest.mark.parametrize(
    "path",
    [
        "00:15:65:12:34:56.cfg",
        "00-15-65-12-34-56.cfg",
        "0015.6512.3456.cfg",
        "001565123456.cfg",
        "00%3A15%3A65%3A12%3A34%3A56.cfg",
        "$mac.cfg/001565123456.cfg",
        "%7Bmac%7D.cfg/001565123456.cfg",
    ],
)
def test_every_spelling_of_a_mac_is_served(server: Server, path: str) -> None:
    server.add("1001", "John Smith")
    server.add_device("0015.6512.3456", "1001", "yealink", "SIP-T46S")
    status, body = server.fetch(path, "Yealink SIP-T46S 66.85.0.15")
    assert status == 200
    assert "John Smith" in body


def test_what_was_acknowledged_survives_kill_9(server: Server) -> None:
    server.add("1001", "John Smith")
    before = server.add_device("001565123456", "1001", "yealink", "t46s")
    secret = server.secret("1001")
    server.kill()
    server.start()
    after = server.api("GET", "/api/provisioning/devices/001565123456")
    assert after["device"]["created_at"] == before["device"]["created_at"]
    assert server.secret("1001") == secret
    assert server.stop() == 0


def test_the_log_holds_no_secret(server: Server) -> None:
    server.add("1001", "John Smith")
    server.add_device("001565123456", "1001", "yealink", "t46s")
    secret = server.secret("1001")
    path = "/api/provisioning/devices/001565123456/admin-password"
    password = server.api("GET", path)["admin_password"]
    _, body = server.fetch("001565123456.cfg", "Yealink SIP-T46S 66.85.0.15")
    assert secret in body
    assert password in body
    wait_for(lambda: "config delivered" in server.log(), 5, server.log)
    for listed in ("/api/extensions", "/api/provisioning/devices", "/api/provisioning/diagnostics"):
        text = json.dumps(server.api("GET", listed))
        assert secret not in text
        assert password not in text
    written = "".join(
        file.read_text(encoding="utf-8", errors="replace")
        for file in Path(server.folder).rglob("*.log*")
    )
    assert secret not in written + server.output()
    assert password not in written + server.output()
