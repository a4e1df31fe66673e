"""All probes put together: what is asked where, each with a deadline, as facts."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from offhook.certificate import CertificateProblem, load_certificate
from offhook.core.events import AttemptRecorded, Event
from offhook.core.tls_ports import HTTPS, SIP_TLS, TlsPort
from offhook.diagnosis.dhcp_offers import hosts_in
from offhook.diagnosis.facts import ConfigFacts
from offhook.diagnosis.probe_facts import (
    CertificateFact,
    ClockFact,
    DhcpFact,
    DhcpOffer,
    Fact,
    NameFact,
    PortFact,
    PortState,
)
from offhook.probes.certificate import (
    certificate_fact,
    judged_by_usual_authorities,
    shown_certificate,
)
from offhook.probes.clock import NTP_PORT, ask_time
from offhook.probes.dhcp import DhcpProbeError, choose_interface, collect_offers
from offhook.probes.holders import port_holders
from offhook.probes.http_get import get, trusting
from offhook.probes.names import addresses_of
from offhook.probes.sip_options import ask_stream, ask_udp
from offhook.sip.message import Response

TIMEOUT_S = 3.0
DHCP_WAIT_S = 4.0
_LETTERS = "ghijklmnpqrstuvwxyz"  # none that could be read as part of a MAC
_ARRIVES_S = 1.0

Asked = Callable[[], Awaitable[Fact]]


@dataclass(slots=True, kw_only=True)
class Look:
    """Makes the probes of one server. `files` are certificate and key of a TLS port of ours.

    `sip_agent` begins the Server header of our own SIP engine, in lower case.
    """

    config: ConfigFacts
    ntp_server: str
    now: Callable[[], datetime]
    sip_agent: str = "offhook"
    files: Mapping[TlsPort, tuple[Path, Path]] = field(default_factory=dict)
    ntp_port: int = NTP_PORT
    _awaited: dict[str, asyncio.Event] = field(default_factory=dict)

    def on_event(self, event: Event) -> None:
        """See our own request arrive: only then it was this server that answered."""
        if self._awaited and isinstance(event, AttemptRecorded):
            arrived = self._awaited.get(event.attempt.path.rpartition("/")[2])
            if arrived is not None:
                arrived.set()

    def probes(self) -> Iterator[tuple[str, Asked]]:
        """Name every probe that concerns this server's settings, but DHCP."""
        yield "http", self.http
        for name, setting in self._names().items():
            yield f"name {name}", lambda name=name, setting=setting: self.name(name, setting)  # type: ignore[misc] # bound now
        yield "sip-udp", lambda: self.sip("UDP", self.config.sip_port)
        yield "sip-tcp", lambda: self.sip("TCP", self.config.sip_port)
        if self.config.tls_port:
            yield "sip-tls", lambda: self.sip("TLS", self.config.tls_port)
            yield "certificate", lambda: self.shown(SIP_TLS)
        if self.config.https_port:
            yield "https-certificate", lambda: self.shown(HTTPS)
        yield "clock", self.clock

    def _names(self) -> dict[str, str]:
        wanted = {
            self._url().hostname or "": "provisioning.url_format",
            self.config.external_ip: "server.external_ip",
        }
        return {host: key for host, key in wanted.items() if host and not _is_address(host)}

    def _url(self) -> SplitResult:
        return urlsplit(self.config.base)

    # --- ports ---------------------------------------------------------------------------------

    async def http(self) -> PortFact:
        """Ask for a file as a phone does, and see the request come in at this very server."""
        url = self._url()
        host = url.hostname or ""
        port = url.port or (443 if url.scheme == "https" else 80)
        file = f"offhook-probe-{''.join(secrets.choice(_LETTERS) for _ in range(12))}.txt"
        arrived = self._awaited[file] = asyncio.Event()

        async def ask(address: str) -> tuple[PortState, str]:
            got = await get(
                address, port, f"{url.path}{file}", host=host, is_tls=url.scheme == "https"
            )
            if await _is_set(arrived):
                return PortState.OURS, f"status {got.status}, by this server"
            if not got.status:
                return PortState.FOREIGN, "what answers is no HTTP server"
            server = f" ({got.server})" if got.server else ""
            return PortState.FOREIGN, f"status {got.status}, by another server{server}"

        try:
            return await self._port("HTTP", host, port, ask)
        finally:
            del self._awaited[file]

    async def sip(self, transport: str, port: int) -> PortFact:
        """Send OPTIONS and see who answers."""

        async def ask(address: str) -> tuple[PortState, str]:
            answer: Response | None
            if transport == "UDP":
                answer = await ask_udp(address, port)
            else:
                tls = trusting() if transport == "TLS" else None
                answer = await ask_stream(address, port, tls)
            if answer is None:
                return PortState.FOREIGN, "what answers speaks no SIP"
            agent = answer.headers.first("server") or answer.headers.first("user-agent") or ""
            is_ours = agent.lower().startswith(self.sip_agent)
            told = f"status {answer.status}, Server {agent[:80]!r}"
            return (PortState.OURS if is_ours else PortState.FOREIGN), told

        return await self._port(f"SIP over {transport}", self._sip_host(), port, ask)

    def _sip_host(self) -> str:
        return self.config.external_ip or "127.0.0.1"

    async def _port(
        self,
        what: str,
        host: str,
        port: int,
        ask: Callable[[str], Awaitable[tuple[PortState, str]]],
    ) -> PortFact:
        addresses, problem = await addresses_of(host)
        state, detail = PortState.UNREACHABLE, problem
        if addresses:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    state, detail = await ask(addresses[0])
            except (TimeoutError, OSError) as error:
                state, detail = _refused(error)
        is_conclusive = not addresses or not _is_behind_router(addresses[0])
        if state is PortState.FOREIGN:
            holders = await asyncio.to_thread(port_holders, port)
            if holders:
                detail += f"; on this machine port {port} is held by {', '.join(holders)}"
        elif state is not PortState.OURS and not is_conclusive:
            detail += "; only a phone outside can tell, for the address is not this machine's"
        return PortFact(
            what=what,
            host=host,
            port=port,
            state=state,
            detail=detail,
            at=self.now(),
            is_conclusive=is_conclusive,
        )

    # --- names, time, certificate --------------------------------------------------------------

    async def name(self, name: str, setting: str) -> NameFact:
        """Look a host name up."""
        addresses, problem = await addresses_of(name)
        return NameFact(
            name=name, setting=setting, addresses=addresses, problem=problem, at=self.now()
        )

    async def clock(self) -> ClockFact:
        """Compare our clock with the time server that phones are told."""
        addresses, problem = await addresses_of(self.ntp_server)
        offset: float | None = None
        if addresses:
            try:
                async with asyncio.timeout(1.0):
                    told = await ask_time(addresses[0], self.now, self.ntp_port)
            except (TimeoutError, OSError) as error:
                problem = _refused(error)[1]
            else:
                offset = told if isinstance(told, float) else None
                problem = "" if isinstance(told, float) else told.reason
        return ClockFact(server=self.ntp_server, offset_s=offset, problem=problem, at=self.now())

    async def shown(self, service: TlsPort) -> CertificateFact:
        """Look at the certificate that phones are shown. Raises OSError, ValueError."""
        host, port = self._place(service)
        addresses, problem = await addresses_of(host)
        if not addresses:
            raise OSError(problem)
        async with asyncio.timeout(TIMEOUT_S):
            certificate = await shown_certificate(addresses[0], port)
            verdict = await judged_by_usual_authorities(addresses[0], port)
        return certificate_fact(
            certificate,
            verdict,
            service=service,
            place=f"{host}:{port}",
            wanted=host,
            disk_problem=await asyncio.to_thread(self._disk_problem, service),
            at=self.now(),
        )

    def _place(self, service: TlsPort) -> tuple[str, int]:
        """Where phones meet a TLS port: files by the URL they are given, a proxy's too."""
        if service == SIP_TLS:
            return self._sip_host(), self.config.tls_port
        url = self._url()
        if url.scheme == "https" and url.hostname:
            return url.hostname, url.port or 443
        return self._sip_host(), self.config.https_port

    def _disk_problem(self, service: TlsPort) -> str:
        if service not in self.files:
            return ""
        loaded = load_certificate(*self.files[service], service)
        return f"{loaded.key}: {loaded.message}" if isinstance(loaded, CertificateProblem) else ""

    # --- DHCP ----------------------------------------------------------------------------------

    async def dhcp(self, interface: str) -> DhcpFact:
        """Send a DISCOVER and read the offers. Raises DhcpProbeError."""
        chosen = interface or choose_interface(self.config.external_ip)
        if not chosen:
            raise DhcpProbeError("name the network interface to ask on")
        offers = await asyncio.to_thread(collect_offers, chosen, DHCP_WAIT_S)
        return DhcpFact(
            interface=chosen, offers=offers, here=await self._hosts_here(offers), at=self.now()
        )

    async def _hosts_here(self, offers: tuple[DhcpOffer, ...]) -> frozenset[str]:
        """The hosts that lead to this server: our own, and names of those with our address."""
        own = {self.config.external_ip.lower(), (self._url().hostname or "").lower()} - {""}
        found = await asyncio.gather(*map(addresses_of, own))
        ours = own | {address for addresses, _ in found for address in addresses}
        texts = [text for offer in offers for _, text in offer.provisioning]
        texts += [offer.sname for offer in offers]
        others = {host for text in texts for host in hosts_in(text)} - ours
        named = [host for host in sorted(others) if not _is_address(host)][:8]
        for host, (addresses, _) in zip(
            named, await asyncio.gather(*map(addresses_of, named)), strict=True
        ):
            if ours & set(addresses):
                ours.add(host)
        return frozenset(ours)


async def _is_set(arrived: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(_ARRIVES_S):
            return await arrived.wait()
    except TimeoutError:
        return False


def _refused(error: TimeoutError | OSError) -> tuple[PortState, str]:
    if isinstance(error, ConnectionRefusedError):
        return PortState.REFUSED, "connection refused: nobody listens there"
    if isinstance(error, ssl.SSLError):
        return PortState.FOREIGN, f"no TLS: {error.reason or error}"
    if isinstance(error, TimeoutError):
        return PortState.SILENT, "no answer in time"
    return PortState.UNREACHABLE, str(error.strerror or error).lower()


def _is_behind_router(text: str) -> bool:
    """Say whether an address is a public one that no interface of this machine has."""
    address = ipaddress.ip_address(text)
    if not address.is_global:
        return False
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind((text, 0))
        except OSError:
            return True
    return False


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
