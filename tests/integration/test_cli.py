"""`offhook` against the real PBX: every command, its exit code, its errors, its JSON."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from offhook import __version__
from offhook.simulator.own_host import is_this_host
from offhook.simulator.virtual_phone import VirtualPhone
from tests.contract import build
from tests.integration.commands import Result, offhook, offhook_now, process
from tests.integration.running import Running, running_pbx

MAC = "00:15:65:12:34:56"
PLAIN = "001565123456"
OFFHOOK = Path(sys.executable).with_name("offhook")
CONFIG = """\
server: {{external_ip: 127.0.0.1, bind: 127.0.0.1, http_port: {http}, sip_port: {sip}}}
"""


async def add_phone(url: str) -> None:
    await offhook(url, "extension", "add", "1001", "John Smith")
    result = await offhook(url, *ADD_DEVICE)
    assert result.code == 0, result.err


ADD_DEVICE = (
    *("device", "add", MAC, "--extension", "1001", "--vendor", "yealink"),
    *("--model", "SIP-T46S", "--setting", "time_zone=Europe/Berlin"),
)


def phone_of(url: str) -> VirtualPhone:
    profile = next(item for item in build.PROFILES if item.name == "yealink")
    model = profile.model("t46s")
    assert model is not None
    mac = build.MAC
    return VirtualPhone(profile=profile, model=model, mac=mac, base_url=f"{url}/provision/")


def kept(result: Result) -> list[str]:
    return [" ".join(line.split()) for line in result.out.splitlines()]


# Extensions ------------------------------------------------------------------------------------


async def test_an_extension_is_added_shown_renamed_and_deleted(url: str) -> None:
    added = await offhook(url, "extension", "add", "1001", "John Smith", "--email", "j@example.com")
    assert (added.code, added.out) == (0, "Extension 1001 (John Smith) added\n")
    listed = await offhook(url, "extension", "list")
    assert kept(listed)[1] == "1001 John Smith no j@example.com manual"
    renamed = await offhook(url, "extension", "set", "1001", "--name", "Zoë")
    assert renamed.code == 0
    shown = await offhook(url, "extension", "show", "1001")
    assert "Name Zoë" in kept(shown)
    deleted = await offhook(url, "extension", "delete", "1001")
    assert (deleted.code, deleted.out) == (0, "Extension 1001 deleted\n")
    assert (await offhook(url, "extension", "list")).out.endswith("No extensions\n")


async def test_a_secret_is_printed_alone_and_can_be_renewed(url: str) -> None:
    await offhook(url, "extension", "add", "1001", "John")
    first = (await offhook(url, "extension", "secret", "1001")).out
    assert len(first.split()) == 1
    assert len(first.strip()) >= 20
    assert (await offhook(url, "extension", "secret", "1001", "--new")).code == 0
    assert (await offhook(url, "extension", "secret", "1001")).out != first


async def test_a_refusal_is_two_lines_and_exit_code_1(url: str) -> None:
    await offhook(url, "extension", "add", "1001", "John")
    again = await offhook(url, "extension", "add", "1001", "John")
    assert again.code == 1
    assert again.out == ""
    assert again.err.splitlines() == [
        "error: extension 1001 exists",
        "hint: change it with PATCH /api/extensions/1001",
    ]


async def test_a_list_says_how_to_see_the_rest(url: str) -> None:
    for number in ("1001", "1002", "1003"):
        await offhook(url, "extension", "add", number, "John")
    result = await offhook(url, "extension", "list", "--limit", "2")
    assert len(result.out.splitlines()) == 3
    assert "2 of 3 extensions; the next: --offset 2" in result.err


# Devices ---------------------------------------------------------------------------------------


async def test_a_device_is_added_shown_changed_and_deleted(url: str) -> None:
    await offhook(url, "extension", "add", "1001", "John Smith")
    added = await offhook(url, *ADD_DEVICE)
    assert added.code == 0, added.err
    assert f"{url}/provision/{PLAIN}.cfg" in added.out
    listed = await offhook(url, "device", "list", "-q", "0015.65")
    assert kept(listed)[1] == f"{MAC} 1001 yealink t46s no never fetched never"
    shown = await offhook(url, "device", "show", "0015.6512.3456")
    assert "Line 1 1001 John Smith" in kept(shown)
    assert "Setting time_zone Europe/Berlin" in kept(shown)
    changed = await offhook(
        url, "device", "set", MAC, "--model", "t48s", "--label", "Desk", "--unset", "time_zone"
    )
    assert changed.code == 0, changed.err
    record = (await offhook(url, "device", "show", MAC, "--json")).data["device"]
    assert (record["model"], record["settings"]) == ("t48s", {})
    assert record["lines"][0]["label"] == "Desk"
    assert (await offhook(url, "device", "delete", MAC)).out == f"Device {MAC} deleted\n"


async def test_a_device_may_have_further_lines(url: str) -> None:
    await offhook(url, "extension", "add", "1001", "John")
    await offhook(url, "extension", "add", "1002", "Door")
    assert (await offhook(url, *ADD_DEVICE, "--line", "1002:Front door")).code == 0
    record = (await offhook(url, "device", "show", MAC, "--json")).data["device"]
    lines = [(line["extension_number"], line["label"]) for line in record["lines"]]
    assert lines == [("1001", ""), ("1002", "Front door")]


async def test_a_file_is_explained_without_its_secrets(url: str) -> None:
    await add_phone(url)
    secret = (await offhook(url, "extension", "secret", "1001")).out.strip()
    result = await offhook(url, "device", "show", MAC, "--explain")
    assert "account.1.display_name John Smith extension 1001" in kept(result)
    assert secret not in result.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("device", "set", MAC), "nothing to change"),
        (("extension", "set", "1001"), "nothing to change"),
        (("device", "set", MAC, "--setting", "x"), "is not KEY=VALUE"),
        (("reboot",), "which phones?"),
        (("reboot", "1001", "--all"), "which phones?"),
    ],
)
async def test_a_command_without_sense_cannot_run(
    url: str, arguments: tuple[str, ...], said: str
) -> None:
    result = await offhook(url, *arguments)
    assert result.code == 2
    assert said in result.err


# What else can be asked ------------------------------------------------------------------------


async def test_vendors_are_listed_with_what_is_proven_of_them(url: str) -> None:
    result = await offhook(url, "vendor", "list", "Zultys")
    assert kept(result)[1].startswith("zultys zip33g ZIP 33G 2 rendered from documentation")
    assert len(kept(result)) == 3
    unknown = await offhook(url, "vendor", "list", "acme")
    assert unknown.code == 1
    assert "zultys" in unknown.err


async def test_requests_and_unknown_phones_are_told(url: str, api: httpx.AsyncClient) -> None:
    agent = {"User-Agent": "Yealink SIP-T46S 66.86.0.15"}
    await api.get(f"/provision/{PLAIN}.cfg", headers=agent)
    requests = await offhook(url, "requests", "--failed", "--mac", MAC)
    assert "404 refused" in requests.out
    assert f"P301 Device {MAC} not registered" in requests.out
    listed = await offhook(url, "unknown", "list")
    assert f"{MAC} yealink t46s 66.86.0.15 127.0.0.1" in kept(listed)[1]
    assert (await offhook(url, "unknown", "forget", PLAIN)).code == 0
    assert "No unknown phones" in (await offhook(url, "unknown", "list")).out


async def test_a_token_is_printed_alone_and_opens_a_closed_api(tmp_path: Path) -> None:
    async with running_pbx(tmp_path) as running:
        made = await offhook(running.url, "token", "create", "tool")
        again = await offhook(running.url, "token", "create", "tool")
        listed = await offhook(running.url, "token", "list")
    token = made.out.strip()
    assert made.code == 0
    assert "not shown again" in made.err
    assert again.code == 1
    assert token not in listed.out
    assert kept(listed)[1].startswith("tool ")
    async with running_pbx(tmp_path, api__trusted_networks="") as running:
        refused = await offhook(running.url, "token", "list")
        opened = await offhook(running.url, "token", "list", "--token", token)
        deleted = await offhook(running.url, "token", "delete", "tool", "--token", token)
        closed = await offhook(running.url, "token", "list", "--token", token)
    assert refused.code == 1
    assert "offhook token create" in refused.err
    assert opened.code == deleted.code == 0
    assert closed.code == 1


@pytest.mark.parametrize(
    "command",
    [
        ("extension", "list"),
        ("extension", "show", "1001"),
        ("device", "list"),
        ("device", "show", MAC),
        ("device", "show", MAC, "--explain"),
        ("vendor", "list"),
        ("requests",),
        ("unknown", "list"),
        ("token", "list"),
        ("reboot", "--all"),
    ],
)
async def test_json_is_what_the_api_said(url: str, command: tuple[str, ...]) -> None:
    await add_phone(url)
    result = await offhook(url, *command, "--json")
    assert result.code == 0, result.err
    assert isinstance(result.data, dict)


# Reboot ----------------------------------------------------------------------------------------


async def test_a_reboot_is_followed_to_its_end(url: str) -> None:
    await add_phone(url)
    phone = phone_of(url)
    assert await phone.boot()
    try:
        result = await offhook(url, "reboot", "1001", "--wait", "--timeout", "20")
        as_json = await offhook(url, "reboot", "--all", "--wait", "--json")
    finally:
        await phone.stop()
    assert result.code == 0, result.out + result.err
    steps = [line.split()[2].rstrip(":") for line in result.out.splitlines() if PLAIN in line]
    assert steps == ["asked", "notified", "answered", "fetched", "registered"]
    assert "1 of 1 phones fetched and registered again" in result.out
    assert as_json.data["reboots"][0]["step"] == "registered"


async def test_a_phone_that_does_not_answer_is_said(url: str) -> None:
    await add_phone(url)
    phone = phone_of(url)
    assert await phone.boot()
    phone.die()
    result = await offhook(url, "reboot", "1001", "--wait")
    await phone.stop()
    assert result.code == 1
    assert "unanswered: the phone did not answer the NOTIFY (P601)" in result.out
    assert "0 of 1 phones" in result.out


async def test_nobody_registered_is_a_refusal(url: str) -> None:
    await add_phone(url)
    result = await offhook(url, "reboot", "1001")
    assert result.code == 1
    assert result.err.startswith("error: P401: no phone is registered for extension 1001")


# Without a PBX ---------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_without_a_pbx_it_says_where_it_looked_and_how_to_start() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = offhook_now("device", "list", "--url", url)
    assert result.code == 2
    assert f"the PBX is not running at {url}" in result.err
    assert "offhook serve --config" in result.err


def test_the_port_comes_from_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    port = free_port()
    config.write_text(CONFIG.format(http=port, sip=0), encoding="utf-8")
    result = offhook_now("device", "list", "--config", str(config))
    assert f"http://127.0.0.1:{port} " in result.err
    config.write_text(CONFIG.format(http=0, sip=0), encoding="utf-8")
    unknown = offhook_now("device", "list", "--config", str(config))
    assert unknown.code == 2
    assert "give --url" in unknown.err
    config.write_text("server: {htp_port: 1}\n", encoding="utf-8")
    wrong = offhook_now("device", "list", "--config", str(config))
    assert wrong.code == 2
    assert "server.htp_port" in wrong.err


@pytest.mark.parametrize("url", ["ftp://x", "http://:80"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    result = offhook_now("device", "list", "--url", url)
    assert result.code == 2
    assert "is no URL" in result.err


def test_a_fault_is_explained_without_a_pbx() -> None:
    result = offhook_now("explain", "p301")
    assert result.code == 0
    assert result.out.startswith("P301 Device is not registered\n")
    for part in ("What you see", "Why", "What to do"):
        assert f"\n{part}\n" in result.out
    assert offhook_now("explain", "P301", "--json").data["name"] == "unknown-mac"
    assert "P201" in offhook_now("explain").out
    unknown = offhook_now("explain", "P999")
    assert unknown.code == 1
    assert "no fault 'P999'" in unknown.err


def test_version_and_help_are_told() -> None:
    assert offhook_now("--version").out == f"offhook {__version__}\n"
    result = offhook_now("--help")
    for command in (
        *("serve", "doctor", "device", "extension", "vendor", "reboot", "requests"),
        *("unknown", "token", "explain", "simulate", "backup"),
    ):
        assert command in result.out


# Simulated phones ------------------------------------------------------------------------------

SIMULATE = ("simulate", "--vendor", "yealink", "--model", "t46s", "--mac", MAC)


async def test_a_simulated_phone_boots_and_registers_once(url: str) -> None:
    await add_phone(url)
    result = await offhook(url, *SIMULATE, "--once")
    assert result.code == 0, result.err
    assert f"GET {PLAIN}.cfg: 200" in result.out
    assert "REGISTER 1001 at 127.0.0.1:" in result.out
    as_json = await offhook(f"{url}/provision/$mac.cfg", *SIMULATE, "--once", "--json")
    acts = [json.loads(line) for line in as_json.out.splitlines()]
    assert [act["act"] for act in acts] == ["asked"] * 4 + ["registered"]


async def test_a_simulated_phone_obeys_until_it_is_stopped(url: str, running: Running) -> None:
    await add_phone(url)
    phone = await asyncio.create_subprocess_exec(
        *(str(OFFHOOK), *SIMULATE, "--url", url), stdout=asyncio.subprocess.PIPE
    )
    assert phone.stdout is not None
    await phone.stdout.readuntil(b"Waiting for NOTIFY")
    rebooted = await offhook(url, "reboot", "1001", "--wait", "--timeout", "20")
    phone.send_signal(signal.SIGINT)
    rest, _ = await phone.communicate()
    assert rebooted.code == 0, rebooted.out
    assert phone.returncode == 0
    assert b"NOTIFY check-sync;reboot=true: fetches again" in rest
    assert running.pbx.engine.registrations("1001") == ()


async def test_a_simulated_phone_that_gets_nothing_says_so(url: str) -> None:
    result = await offhook(url, *SIMULATE, "--once")
    assert result.code == 1
    assert "no file with an account came" in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--url", "http://192.0.2.1:8080/provision/"), "192.0.2.1 is not this machine"),
        (("--url", "ftp://127.0.0.1/"), "is no http:// URL"),
        (("--vendor", "acme"), "vendor 'acme' is not known"),
        (("--model", "t99"), "has no model 't99'"),
        (("--mac", "1"), "is no MAC address"),
    ],
)
def test_a_simulated_phone_that_cannot_run_says_why(arguments: tuple[str, ...], said: str) -> None:
    result = offhook_now(*SIMULATE, "--url", "http://127.0.0.1:1", *arguments)
    assert result.code == 2
    assert said in result.err


def test_this_host_is_told_from_others() -> None:
    assert is_this_host("127.0.0.1")
    assert is_this_host("localhost")
    assert not is_this_host("192.0.2.1")
    assert not is_this_host("0.0.0.0")
    assert not is_this_host("224.0.1.75")
    assert not is_this_host("no-such-host.invalid")


# serve -----------------------------------------------------------------------------------------


def start_server(config: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(OFFHOOK), "serve", "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def refused_server(config: Path) -> tuple[int, str]:
    result = offhook_now("serve", "--config", str(config))
    return result.code, result.out + result.err


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_serve_prints_the_ports_it_chose_and_stops_cleanly(
    tmp_path: Path, how: signal.Signals
) -> None:
    config = tmp_path / "config.yml"
    config.write_text(CONFIG.format(http=0, sip=0), encoding="utf-8")
    server = start_server(config)
    assert server.stdout is not None
    lines = []
    while "Log" not in "".join(lines):
        lines.append(server.stdout.readline())
        assert server.poll() is None, lines
    url = next(word for word in "".join(lines).split() if word.endswith("/api/status"))
    assert httpx.get(url, trust_env=False).json()["running"] is True
    server.send_signal(how)
    rest, _ = server.communicate(timeout=30)
    assert server.returncode == 0, rest
    assert rest.endswith("Stopped\n")
    assert "Traceback" not in "".join(lines) + rest
    log = (tmp_path / "logs" / "pbx.log").read_text(encoding="utf-8")
    assert "Offhook stopped" in log


def test_serve_names_each_bad_setting_with_its_mend(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text("server:\n  htp_port: 8080\n  sip_port: 99999\n", encoding="utf-8")
    code, output = refused_server(config)
    assert code == 2
    assert "P104 " in output
    assert "server.htp_port" in output
    assert "P105 " in output
    assert "server.sip_port" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("key", ["http_port", "sip_port"])
def test_serve_says_that_a_port_is_taken(tmp_path: Path, key: str) -> None:
    config = tmp_path / "config.yml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        http, sip = (port, 0) if key == "http_port" else (0, port)
        config.write_text(CONFIG.format(http=http, sip=sip), encoding="utf-8")
        code, output = refused_server(config)
    assert code == 2
    assert f"P105 setting server.{key} cannot be used: another program listens on" in output
    assert str(port) in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("store: {url: 'sqlite:///config.yml/x.db'}\n", "store.url"),
        ("store: {url: 'nonsense://x'}\n", "store.url"),
        ("logging: {file: config.yml/x.log}\n", "logging.file"),
    ],
)
def test_serve_says_that_a_place_cannot_be_used(tmp_path: Path, section: str, key: str) -> None:
    config = tmp_path / "config.yml"
    config.write_text(CONFIG.format(http=0, sip=0) + section, encoding="utf-8")
    code, output = refused_server(config)
    assert code == 2
    assert f"P105 setting {key} cannot be used" in output
    assert "Traceback" not in output


def test_serve_without_its_file_says_which(tmp_path: Path) -> None:
    code, output = refused_server(tmp_path / "none.yml")
    assert code == 2
    assert "P106 " in output
    assert "none.yml" in output


async def test_a_second_server_on_the_same_data_is_refused(
    running: Running, tmp_path: Path
) -> None:
    result = await process(str(OFFHOOK), "serve", "--config", "config.yml", cwd=tmp_path)
    assert result.code == 2
    assert "P105 setting store.url cannot be used" in result.err
    assert running.http.port
