"""What probes found: facts that nobody tells by himself, each with its moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from offhook.core.tls_ports import TlsPort
from offhook.diagnosis.finding import Evidence


class PortState(StrEnum):
    """What happened at a port of ours, asked as a phone asks it."""

    OURS = "ours"
    FOREIGN = "foreign"
    REFUSED = "refused"
    SILENT = "silent"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFact:
    """One port. `what` is `HTTP` or `SIP over UDP`; `detail` what was answered or refused.

    `is_conclusive` is False for a public address that is not this machine's: many routers do not
    let their own network call it, so that only phones outside could tell.
    """

    what: str
    host: str
    port: int
    state: PortState
    detail: str
    at: datetime
    is_conclusive: bool = True

    @property
    def subject(self) -> str:
        """How findings name it."""
        return f"{self.what} {self.place}"

    @property
    def place(self) -> str:
        """Host and port as written."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def line(self) -> Evidence:
        """The evidence."""
        return Evidence(f"asked {self.what} at {self.place}: {self.detail}", self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameFact:
    """A host name that phones' files hold: `problem` is empty when it has `addresses`."""

    name: str
    setting: str
    addresses: tuple[str, ...]
    problem: str
    at: datetime

    @property
    def line(self) -> Evidence:
        """The evidence."""
        told = ", ".join(self.addresses) if self.addresses else self.problem
        return Evidence(f"asked for the address of {self.name}: {told}", self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFact:
    """This machine's clock against a time server; `offset_s` is positive when ours is behind.

    None: the server told no time, `problem` says why.
    """

    server: str
    offset_s: float | None
    problem: str
    at: datetime

    @property
    def line(self) -> Evidence:
        """The evidence."""
        if self.offset_s is None:
            return Evidence(f"asked {self.server} for the time: {self.problem}", self.at)
        return Evidence(f"asked {self.server} for the time: {self.offset_s:+.1f} s", self.at)


class Trust(StrEnum):
    """What a client with the usual authorities says of a certificate."""

    TRUSTED = "trusted"
    SELF_SIGNED = "self-signed"
    PRIVATE = "of an authority of one's own"
    INCOMPLETE = "without its intermediate certificate"
    UNKNOWN = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFact:
    """The certificate a TLS port of ours shows; `wanted` is the name that phones are told.

    `disk_problem` is why the files as they are now cannot be used; empty when they can.
    """

    service: TlsPort
    place: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    wanted: str
    is_name_right: bool
    trust: Trust
    disk_problem: str
    at: datetime

    @property
    def line(self) -> Evidence:
        """The evidence."""
        names = ", ".join(self.names) or "no name"
        return Evidence(
            f"the certificate of {self.service.name} at {self.place}: subject {self.subject},"
            f" issuer {self.issuer},"
            f" for {names}, valid {self.not_before:%Y-%m-%d} to {self.not_after:%Y-%m-%d},"
            f" {self.trust.value}",
            self.at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpOffer:
    """What one DHCP server offers. `sname` and `boot_file` are BOOTP fields, not options.

    `options` maps 43, 66, 67, 150, 159 and 160 to text, only those that are there: RFC 2132,
    RFC 5859 (150), and what makers agreed on (159, 160).
    """

    server: str
    interface: str
    options: tuple[tuple[int, str], ...] = ()
    sname: str = ""
    boot_file: str = ""

    def option(self, number: int) -> str:
        """The text of an option; empty without it."""
        return dict(self.options).get(number, "")

    @property
    def provisioning(self) -> tuple[tuple[int, str], ...]:
        """The options that may name a provisioning server."""
        return tuple((number, text) for number, text in self.options if number != 67 and text)


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpFact:
    """What was offered to a DISCOVER. `here` are hosts that lead to this server."""

    interface: str
    offers: tuple[DhcpOffer, ...]
    here: frozenset[str]
    at: datetime

    def lines(self) -> Iterator[Evidence]:
        """The evidence: a line for each offer."""
        for offer in self.offers:
            told = [f"option {number}: {text}" for number, text in offer.options]
            told += [f"server-name field: {offer.sname}"] if offer.sname else []
            told += [f"file field: {offer.boot_file}"] if offer.boot_file else []
            shown = "; ".join(told) or "no option for provisioning"
            yield Evidence(
                f"DHCP server {offer.server} on {offer.interface} offered {shown}", self.at
            )


Fact = PortFact | NameFact | ClockFact | CertificateFact | DhcpFact


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFacts:
    """What the probes of the last minutes found (DHCP: of the last hour); empty: none ran."""

    ports: tuple[PortFact, ...] = ()
    names: tuple[NameFact, ...] = ()
    clock: ClockFact | None = None
    certificates: tuple[CertificateFact, ...] = ()
    dhcp: DhcpFact | None = None
