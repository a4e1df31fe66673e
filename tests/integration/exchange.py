"""A SIP engine as real phones see it: ports, its registrations, and a person with many phones."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from offhook.actions.ports import NotifyOrder, NotifyOutcome, SipEngine
from offhook.certificate import Certificate
from offhook.core.secret import Secret
from offhook.core.vendor import Notify
from tests.integration.accounts import Account
from tests.integration.certificates import Authority
from tests.integration.engine_houses import KamailioHouse
from tests.integration.engine_room import Room
from tests.integration.engine_room import running as running_engine
from tests.integration.linphone import Linphone
from tests.integration.phones import Baresip, DeskPhone

PROGRAMS: dict[str, Callable[[], DeskPhone]] = {"baresip": Baresip, "linphonec": Linphone}


@dataclass(kw_only=True)
class Exchange:
    """A running engine with the extensions of a `Room`, and the phones a test starts at it.

    `ports` are by transport; `authority` is whose certificates phones trust.
    """

    engine: SipEngine
    room: Room
    folder: Path
    ports: dict[str, int]
    authority: Path
    phones: list[DeskPhone] = field(default_factory=list)

    async def phone(
        self,
        program: str,
        number: str,
        transport: str = "udp",
        *,
        address: str = "127.0.0.1",
        rings_s: int = 60,
        lines: int = 4,
    ) -> DeskPhone:
        """Start a phone of an extension and wait until it is registered."""
        phone = PROGRAMS[program]()
        self.phones.append(phone)
        account = Account(
            number=number,
            secret=f"secret{number}",
            port=self.ports[transport],
            transport=transport,
            display_name=f"Zoë {number}",
        )
        await phone.begin(
            account,
            self.folder / f"phone{len(self.phones)}",
            address=address,
            rings_s=rings_s,
            lines=lines,
            authority=self.authority if transport == "tls" else None,
        )
        await phone.registers()
        return phone

    async def clear(self) -> None:
        """Stop the phones; nobody has to hear their goodbye."""
        await asyncio.gather(*(phone.stop(signal.SIGKILL) for phone in self.phones))

    async def notify(self, number: str) -> NotifyOutcome:
        """Order the one phone of an extension to fetch its file."""
        [registration] = self.engine.registrations(number)
        order = NotifyOrder(
            registration=registration,
            notify=Notify(event="check-sync;reboot=false"),
            username=number,
            secret=Secret(f"secret{number}"),
            timeout_s=8,
        )
        return await self.engine.notify(order, lambda: None)


@contextlib.asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Exchange]:
    """The embedded engine."""
    room = Room()
    authority, pem = _certified(folder)
    async with running_engine(room.engine(certificate=Certificate(pem))) as engine:
        ports = {"udp": engine.port, "tcp": engine.port, "tls": engine.tls_port}
        yield Exchange(engine=engine, room=room, folder=folder, ports=ports, authority=authority)


@contextlib.asynccontextmanager
async def kamailio(folder: Path) -> AsyncIterator[Exchange]:
    """One Kamailio and the engine that follows it."""
    authority, pem = _certified(folder)
    house = KamailioHouse(folder, tls=(pem, pem))
    try:
        await house.open()
        assert house.cluster.tls is not None
        tls_port = int(house.cluster.tls.listen.rpartition(":")[2])
        ports = {"udp": house.port, "tcp": house.port, "tls": tls_port}
        yield Exchange(
            engine=house.engine, room=house.office, folder=folder, ports=ports, authority=authority
        )
    finally:
        await house.close()


def _certified(folder: Path) -> tuple[Path, Path]:
    """Write an authority's certificate, and one of 127.0.0.1 with its key."""
    authority = Authority()
    trusted = folder / "authority.pem"
    trusted.write_text(authority.pem)
    return trusted, authority.write(folder / "pbx.pem")


ENGINES = (
    pytest.param(embedded, id="embedded"),
    pytest.param(kamailio, id="kamailio", marks=pytest.mark.needs("kamailio")),
)
