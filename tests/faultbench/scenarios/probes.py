"""What only a probe tells: ports, names, certificate, and what DHCP offers."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from offhook.diagnosis.probe_facts import DhcpFact, DhcpOffer
from offhook.probes.look import Asked, Look
from tests.faultbench.bench import Bench
from tests.faultbench.scenario import healthy, scenario
from tests.integration.certificates import Authority

_ELSEWHERE = "http://192.0.2.99/provisioning/"


def _own_address() -> str:
    """An address of this machine that is not loopback; connecting UDP sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.9"
        return str(asked.getsockname()[0])


OWN = _own_address()
_FOLDER = tempfile.TemporaryDirectory()
_CERTIFICATE = str(Authority().write(Path(_FOLDER.name) / "pbx.pem"))


async def _probe(bench: Bench) -> None:
    await bench.call("POST", "/api/diagnosis/probes")


async def _never_came(bench: Bench, vendor: str = "yealink") -> str:
    mac = await bench.device(vendor)
    bench.later(minutes=11)
    return mac


@scenario("P901", r"asked HTTP at .*connection refused", server__external_ip=OWN)
async def nobody_listens_at_the_external_address(bench: Bench) -> str:
    mac = await _never_came(bench)
    await _probe(bench)
    return mac


@scenario("P902", r"status 200, by another server \(nginx\)", server__external_ip=OWN)
async def another_server_has_the_external_address(bench: Bench) -> str:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    mac = await _never_came(bench)
    parts = bench.pbx.config.http_port, bench.pbx.sip_port
    async with (
        await asyncio.start_server(serve, OWN, parts[0]),
        await asyncio.start_server(serve, OWN, parts[1]),
    ):
        await _probe(bench)
    return mac


@scenario("P903", r"pbx\.invalid: there is no such name", server__external_ip="pbx.invalid")
async def name_in_the_files_has_no_address(bench: Bench) -> str:
    mac = await _never_came(bench)
    await _probe(bench)
    return mac


async def _told_over_tls(bench: Bench) -> str:
    """A phone that fetched its file, is told to use TLS there, and does not come."""
    mac = await bench.device()
    phone = bench.phone(mac)
    await phone.fetch_files()
    await _probe(bench)
    return mac


TLS = {
    "server__external_ip": "127.0.0.1",
    "sip__tls_certificate": _CERTIFICATE,
    "sip__tls_port": "0",
    "phones__transport": "tls",
}


@scenario("P905", r"certificate of SIP over TLS at .* valid \d", **TLS)
async def certificate_has_expired(bench: Bench) -> str:
    bench.later(days=40)
    return await _told_over_tls(bench)


@scenario("P909", r"issuer authority, .*of an authority of one's own", **TLS)
async def certificate_is_of_an_own_authority(bench: Bench) -> str:
    return await _told_over_tls(bench)


@scenario("P910", r"tftp://", provisioning__url_format="tftp://{{SERVER_IP}}/{mac}.cfg")
async def phones_are_told_tftp(bench: Bench) -> str:
    return await _never_came(bench)


async def _offered(bench: Bench, *offers: DhcpOffer) -> None:
    """Let the DHCP probe see offers; real ones are in tests/integration/test_dhcp_probe.py."""
    look = bench.pbx.probes.prober
    assert isinstance(look, Look)
    here = frozenset({"127.0.0.1"})

    class Told(Look):
        async def dhcp(self, interface: str) -> DhcpFact:
            return DhcpFact(interface="eth0", offers=offers, here=here, at=self.now())

        def probes(self) -> Iterator[tuple[str, Asked]]:
            return iter(())

    bench.pbx.probes.prober = Told(config=look.config, ntp_server="", now=look.now)
    await bench.call("POST", "/api/diagnosis/probes", {"dhcp": True})


def _offer(server: str = "192.0.2.254", sname: str = "", **options: str) -> DhcpOffer:
    told = tuple((int(name[1:]), text) for name, text in sorted(options.items()))
    return DhcpOffer(server=server, interface="eth0", options=told, sname=sname)


_HERE = _offer(o66="http://127.0.0.1:8080/provision/")


@scenario("P911", r"server-name field: 127\.0\.0\.1")
async def dhcp_names_us_in_the_bootp_field(bench: Bench) -> str:
    await _offered(bench, _offer(sname="127.0.0.1"))
    return await _never_came(bench)


@scenario("P912", r"offered no option for provisioning")
async def dhcp_offers_no_option(bench: Bench) -> str:
    await _offered(bench, _offer())
    return await _never_came(bench)


@scenario("P914", r"option 160: http://192\.0\.2\.99")
async def dhcp_has_a_stale_160(bench: Bench) -> str:
    await _offered(bench, _offer(o66="http://127.0.0.1/provision/", o160=_ELSEWHERE))
    return await _never_came(bench, "polycom")


@scenario("P915", r"DHCP server 192\.0\.2\.253 .*192\.0\.2\.99")
async def two_dhcp_servers_disagree(bench: Bench) -> str:
    await _offered(bench, _HERE, _offer("192.0.2.253", o66=_ELSEWHERE))
    return await _never_came(bench)


@scenario("P916", r"option 66: http://192\.0\.2\.99")
async def dhcp_names_the_former_server(bench: Bench) -> str:
    await _offered(bench, _offer(o66=_ELSEWHERE))
    return await _never_came(bench)


@scenario("P917", r"\$MA\.cfg")
async def dhcp_has_another_makers_variable(bench: Bench) -> str:
    await _offered(bench, _offer(o66="http://127.0.0.1:8080/provision/$MA.cfg"))
    return await _never_came(bench)


@scenario("P309", r"registered in provisioning since")
async def dhcp_probe_is_too_old_to_explain(bench: Bench) -> str:
    await _offered(bench, _offer(o66=_ELSEWHERE))
    bench.later(minutes=61)
    return await _never_came(bench)


@healthy()
async def phone_is_right_where_dhcp_names_another_server(bench: Bench) -> str:
    phone = await bench.well()
    await _offered(bench, _offer(o66=_ELSEWHERE), _HERE)
    return str(phone.mac.colons)


@healthy(sip__tls_certificate=_CERTIFICATE, sip__tls_port="0")
async def phone_over_udp_is_right_where_the_certificate_expired(bench: Bench) -> str:
    bench.later(days=40)
    phone = await bench.well()
    await _probe(bench)
    return str(phone.mac.colons)


@healthy()
async def phone_is_right_after_every_probe(bench: Bench) -> str:
    phone = await bench.well("polycom")
    await _probe(bench)
    return str(phone.mac.colons)
