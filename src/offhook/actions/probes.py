"""Run the probes, one round at a time, and keep what they found for the rules."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from offhook.actions.ports import Clock
from offhook.actions.state import State
from offhook.diagnosis.facts import ConfigFacts, Facts
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.probe_facts import (
    CertificateFact,
    ClockFact,
    DhcpFact,
    Fact,
    NameFact,
    PortFact,
    PortState,
    ProbeFacts,
)
from offhook.diagnosis.rules import find_all
from offhook.errors import BadRequestError

DEADLINE_S = 10.0
KEPT = timedelta(minutes=10)
DHCP_KEPT = timedelta(hours=1)

_Single = TypeVar("_Single", ClockFact, DhcpFact)


class Prober(Protocol):
    """Asks outside: each probe gives a fact or raises OSError, ValueError, TimeoutError."""

    def probes(self) -> Iterator[tuple[str, Callable[[], Awaitable[Fact]]]]:
        """Name the probes that need no one's leave."""
        ...

    async def dhcp(self, interface: str) -> DhcpFact:
        """Send a DHCP DISCOVER."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """One probe: whether all was well, what was seen, and the faults that it proves."""

    probe: str
    is_ok: bool
    what: str
    ms: int
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True, kw_only=True)
class Probes:
    """Runs probes when somebody asks for it; never by itself."""

    state: State
    config: ConfigFacts
    prober: Prober
    now: Clock
    _kept: ProbeFacts = field(default_factory=ProbeFacts)
    _running: asyncio.Lock = field(default_factory=asyncio.Lock)

    def facts(self) -> ProbeFacts:
        """What is still fresh enough to judge by."""
        oldest, kept = self.now() - KEPT, self._kept
        return ProbeFacts(
            ports=tuple(fact for fact in kept.ports if fact.at >= oldest),
            names=tuple(fact for fact in kept.names if fact.at >= oldest),
            clock=_fresh(kept.clock, oldest),
            certificates=tuple(fact for fact in kept.certificates if fact.at >= oldest),
            dhcp=_fresh(kept.dhcp, self.now() - DHCP_KEPT),
        )

    async def run(self, *, with_dhcp: bool = False, interface: str = "") -> list[ProbeReport]:
        """Run a round. Raises BadRequestError (409) while another one runs."""
        if self._running.locked():
            raise BadRequestError(
                "probing", "the probes are running already", "wait some seconds, then ask", 409
            )
        async with self._running:
            chosen = list(self.prober.probes())
            if with_dhcp:
                chosen.append(("dhcp", lambda: self.prober.dhcp(interface)))
            done = await asyncio.gather(*(_timed(name, ask) for name, ask in chosen))
        facts = [found for _, found, _ in done if not isinstance(found, str)]
        self._kept = _gathered(facts, self._kept.dhcp)
        findings = await asyncio.to_thread(self._judged)
        return [_report(name, found, ms, findings) for name, found, ms in done]

    def _judged(self) -> list[Finding]:
        """What the facts prove without regard to any phone."""
        facts = Facts(
            now=self.now(),
            config=self.config,
            profiles=self.state.source.profiles,
            probes=self._kept,
        )
        return [item for item in find_all(facts) if item.code.startswith("P9")]


Found = Fact | str


async def _timed(name: str, ask: Callable[[], Awaitable[Fact]]) -> tuple[str, Found, int]:
    """Run one probe; a failure is its text."""
    began = time.monotonic()
    found: Found
    try:
        async with asyncio.timeout(DEADLINE_S):
            found = await ask()
    except TimeoutError:
        found = "no answer in time"
    except (OSError, ValueError) as error:
        found = str(error) or type(error).__name__
    return name, found, round((time.monotonic() - began) * 1000)


def _fresh(fact: _Single | None, oldest: datetime) -> _Single | None:
    return fact if fact is not None and fact.at >= oldest else None


def _gathered(facts: Iterable[Fact], dhcp: DhcpFact | None) -> ProbeFacts:
    """Sort the facts; without a new DHCP probe the former one stays."""
    found = ProbeFacts(dhcp=dhcp)
    for fact in facts:
        match fact:
            case PortFact():
                found = replace(found, ports=(*found.ports, fact))
            case NameFact():
                found = replace(found, names=(*found.names, fact))
            case ClockFact():
                found = replace(found, clock=fact)
            case CertificateFact():
                found = replace(found, certificates=(*found.certificates, fact))
            case DhcpFact():
                found = replace(found, dhcp=fact)
    return found


def _report(name: str, found: Found, ms: int, findings: Sequence[Finding]) -> ProbeReport:
    if isinstance(found, str):
        return ProbeReport(probe=name, is_ok=False, what=found, ms=ms)
    subject = subject_of(found)
    proven = tuple(item for item in findings if item.subject == subject)
    return ProbeReport(
        probe=name,
        is_ok=not proven and _is_well(found),
        what=_told(found),
        ms=ms,
        findings=proven,
    )


def subject_of(fact: Fact) -> str:
    """Give the subject that findings about a fact have, when they are about no phone."""
    match fact:
        case PortFact():
            return fact.subject
        case NameFact():
            return fact.name
        case ClockFact():
            return "clock"
        case CertificateFact():
            return fact.service.certificate
        case DhcpFact():
            return "dhcp"


def _is_well(fact: Fact) -> bool:
    match fact:
        case PortFact():
            return fact.state is PortState.OURS
        case NameFact():
            return bool(fact.addresses)
        case ClockFact():
            return fact.offset_s is not None
        case _:
            return True


def _told(fact: Fact) -> str:
    match fact:
        case DhcpFact(offers=()):
            return f"no DHCP server answered on {fact.interface}"
        case DhcpFact():
            return "; ".join(line.what for line in fact.lines())
        case _:
            return fact.line.what
