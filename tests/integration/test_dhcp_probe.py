"""The DHCP probe against real DHCP servers, in network namespaces of its own (root only)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import OFFHOOK
from tests.integration.commands import Result, process

PBX = "10.77.0.1"
CONFIG = f"""\
server: {{external_ip: {PBX}, bind: 0.0.0.0, http_port: 18080, sip_port: 15060}}
"""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@dataclass(kw_only=True)
class Site:
    """A network with a PBX's namespace, and DHCP servers in namespaces of theirs on one bridge."""

    name: str
    folder: Path
    servers: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def inside(self) -> tuple[str, ...]:
        """What puts a command into the PBX's namespace."""
        return ("ip", "netns", "exec", self.name)

    def add_server(self, address: str, *options: str) -> None:
        """Start a dnsmasq with an address in a namespace, and wait until it listens."""
        number = len(self.servers)
        space, link = f"{self.name}d{number}", f"d{number}"
        ip("netns", "add", space)
        ip("link", "add", link, "netns", self.name, "type", "veth", "peer", "eth0", "netns", space)
        ip("-n", self.name, "link", "set", link, "master", "br0", "up")
        ip("-n", space, "address", "add", f"{address}/24", "dev", "eth0")
        ip("-n", space, "link", "set", "eth0", "up")
        started = subprocess.Popen(
            (
                *("ip", "netns", "exec", space, "dnsmasq", "--no-daemon", "--conf-file=/dev/null"),
                *("--port=0", "--interface=eth0", "--no-ping", "--user=root", "--no-resolv"),
                f"--dhcp-range=10.77.0.{100 + 10 * number},10.77.0.{109 + 10 * number}",
                f"--dhcp-leasefile={self.folder / space}",
                f"--pid-file={self.folder / space}.pid",
                *options,
            ),
            stderr=subprocess.PIPE,
            text=True,
        )
        self.servers.append(started)
        assert started.stderr is not None
        for line in started.stderr:
            if "DHCP, IP range" in line:
                return
        pytest.fail(f"dnsmasq ended with {started.wait()}")

    def leases(self) -> str:
        """What the servers have leased."""
        return "".join(path.read_text() for path in self.folder.glob(f"{self.name}d?"))

    def remove(self) -> None:
        for number, server in enumerate(self.servers):
            server.terminate()
            server.communicate()
            subprocess.run(["ip", "netns", "delete", f"{self.name}d{number}"], check=False)
        subprocess.run(["ip", "netns", "delete", self.name], check=False)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A network of its own; where that is not permitted the test is skipped."""
    made = Site(name=f"offhook{os.getpid()}", folder=tmp_path)
    try:
        ip("netns", "add", made.name)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"network namespaces are not permitted here: {error}")
    try:
        ip("-n", made.name, "link", "set", "lo", "up")
        ip("-n", made.name, "link", "add", "br0", "type", "bridge")
        ip("-n", made.name, "address", "add", f"{PBX}/24", "dev", "br0")
        ip("-n", made.name, "link", "set", "br0", "up")
        yield made
    finally:
        made.remove()


@dataclass(kw_only=True)
class Pbx:
    """`offhook serve` inside the namespace; asked with the commands people type."""

    site: Site
    folder: Path

    async def run(self, *arguments: str) -> Any:
        """Run a command of ours there; gives its JSON."""
        done = await process(*self.site.inside, str(OFFHOOK), *arguments, "--json", cwd=self.folder)
        assert done.out, done.err
        return json.loads(done.out)

    async def dhcp(self, *arguments: str) -> dict[str, Any]:
        """Ask the site's DHCP by `offhook doctor --dhcp`; gives the probe."""
        report = await self.run("doctor", "--dhcp", *arguments)
        probes = {item["probe"]: item for item in report["checks"][-1]["data"]["probes"]}
        assert probes["http"]["ok"], probes["http"]
        found: dict[str, Any] = probes["dhcp"]
        return found


@pytest.fixture
def pbx(site: Site, tmp_path: Path) -> Iterator[Pbx]:
    folder = tmp_path / "pbx"
    folder.mkdir()
    (folder / "config.yml").write_text(CONFIG, encoding="utf-8")
    serving = subprocess.Popen(
        (*site.inside, str(OFFHOOK), "serve"),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert serving.stdout is not None
        for line in serving.stdout:
            if "is running" in line:
                break
        else:
            pytest.fail(f"offhook serve ended with {serving.wait()}")
        yield Pbx(site=site, folder=folder)
    finally:
        serving.terminate()
        serving.communicate()


def found_codes(probe: dict[str, Any]) -> list[str]:
    return [item["code"] for item in probe["findings"]]


URL = f"http://{PBX}:18080/provision/"
ELSEWHERE = "http://192.0.2.99/provisioning/"


async def collected(site: Site, wait_s: float) -> Result:
    """Collect offers in the namespace without a PBX."""
    code = (
        "from offhook.probes.dhcp import collect_offers\n"
        f"for offer in collect_offers('br0', {wait_s}): print(offer.sname, offer.options)"
    )
    done = await process(*site.inside, sys.executable, "-W", "error", "-c", code, cwd=site.folder)
    assert done.code == 0, done.err
    return done


@pytest.mark.needs("dnsmasq", "ip")
async def test_offers_of_all_servers_are_read_and_nothing_is_leased(site: Site, pbx: Pbx) -> None:
    await asyncio.to_thread(
        site.add_server,
        "10.77.0.2",
        f"--dhcp-option-force=66,{ELSEWHERE}",
        f"--dhcp-option=150,{PBX}",
        "--dhcp-option=160,http://192.0.2.98/",
    )
    former = await pbx.dhcp("--interface", "br0")
    assert found_codes(former) == ["P916"]
    assert former["findings"][0]["name"] == "dhcp-names-another-server"
    for told in (f"66: {ELSEWHERE}", f"150: {PBX}", "160: http://192.0.2.98/"):
        assert f"option {told}" in former["findings"][0]["evidence"][0]["what"]

    await asyncio.to_thread(site.add_server, "10.77.0.3", f"--dhcp-option-force=66,{URL}")
    both = await pbx.dhcp()
    assert found_codes(both) == ["P915"]
    assert "(10.77.0.2, 10.77.0.3)" in both["findings"][0]["message"]
    assert site.leases() == ""


@pytest.mark.needs("ip")
async def test_network_without_dhcp_is_no_fault(site: Site) -> None:
    assert (await collected(site, 0.2)).out == ""


@pytest.mark.needs("dnsmasq", "ip")
async def test_server_name_in_the_bootp_field_is_told_from_option_66(site: Site) -> None:
    await asyncio.to_thread(
        site.add_server, "10.77.0.2", "--dhcp-no-override", f"--dhcp-boot=boot.cfg,{PBX},{PBX}"
    )
    assert PBX in (await collected(site, 2)).out
