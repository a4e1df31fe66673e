"""An embedded engine on loopback with its events, its store and its clock in reach."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from offhook.actions.ports import NotifyOrder, NotifyOutcome
from offhook.certificate import Certificate
from offhook.core.events import Event
from offhook.core.secret import Secret
from offhook.core.vendor import Notify
from offhook.engines.core import SipPolicy
from offhook.engines.embedded import EmbeddedEngine
from offhook.engines.tcp import TcpLimits
from offhook.simulator.sip_phone import SipPhone
from offhook.sip.bindings import Binding
from offhook.sip.digest import MD5_ONLY, Algorithm
from offhook.sip.invite import TIMER_C_S
from tests.unit.sip.build import Pbx, register, response_of

E = TypeVar("E", bound=Event)


@dataclass
class KeptRegistrations:
    """A registration store in memory; `breaks` makes the next saves fail."""

    rows: dict[str, list[Binding]] = field(default_factory=dict)
    breaks: int = 0
    saves: int = 0

    async def load_bindings(self) -> list[Binding]:
        return [kept for rows in self.rows.values() for kept in rows]

    async def save_bindings(self, extensions: Mapping[str, Sequence[Binding]]) -> None:
        if self.breaks:
            self.breaks -= 1
            raise RuntimeError("the database is away")
        self.saves += 1
        self.rows.update({extension: list(rows) for extension, rows in extensions.items()})


@dataclass
class Room:
    """Extensions 1001 to 1003 with secrets `secret<number>`; `ahead_s` moves the clock."""

    store: KeptRegistrations = field(default_factory=KeptRegistrations)
    events: list[Event] = field(default_factory=list)
    extensions: set[str] = field(default_factory=lambda: {"1001", "1002", "1003"})
    ahead_s: float = 0.0
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def credentials(self, number: str) -> Secret | None:
        return Secret(f"secret{number}") if number in self.extensions else None

    def publish(self, event: Event) -> None:
        self.events.append(event)
        self._more.set()

    def engine(
        self,
        *,
        port: int = 0,
        bind: str = "127.0.0.1",
        algorithms: Sequence[Algorithm] = MD5_ONLY,
        failures_a_minute: int = 20,
        limits: TcpLimits | None = None,
        ring_s: float = TIMER_C_S,
        certificate: Certificate | None = None,
    ) -> EmbeddedEngine:
        return EmbeddedEngine(
            bind=bind,
            port=port,
            external_ip=bind,
            policy=SipPolicy(
                realm="offhook",
                digest_algorithms=algorithms,
                failures_a_minute=failures_a_minute,
                ring_s=ring_s,
            ),
            credentials=self.credentials,
            publish=self.publish,
            store=self.store,
            now=self.now,
            tcp_limits=limits,
            tls_port=0,
            certificate=certificate,
        )

    async def wait(self, kind: type[E], count: int = 1, timeout_s: float = 10.0) -> E:
        """Wait until that many events of a kind were published; gives the last of them."""
        async with asyncio.timeout(timeout_s):
            while len(found := [e for e in self.events if isinstance(e, kind)]) < count:
                self._more.clear()
                await self._more.wait()
        return found[count - 1]


@contextlib.asynccontextmanager
async def running(engine: EmbeddedEngine) -> AsyncIterator[EmbeddedEngine]:
    """Start an engine and stop it at the end."""
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def sign_in(phone: SipPhone, engine: EmbeddedEngine, **more: object) -> int:
    """Register 1001 and give the status of the answer."""
    values = {"extension": "1001", "secret": "secret1001", **more}
    answer = await phone.register(server="127.0.0.1", port=engine.port, **values)  # type: ignore[arg-type] # as the test says
    assert answer is not None
    return answer.status


async def order(
    engine: EmbeddedEngine,
    *,
    event: str = "check-sync",
    secret: str = "secret1001",
    timeout_s: float = 2.0,
    on_sent: Callable[[], None] = lambda: None,
) -> NotifyOutcome:
    [registration] = engine.registrations("1001")
    return await engine.notify(
        NotifyOrder(
            registration=registration,
            notify=Notify(event=event),
            username="1001",
            secret=Secret(secret),
            timeout_s=timeout_s,
        ),
        on_sent,
    )


async def raw_register(engine: EmbeddedEngine, contact: str) -> socket.socket:
    """Register 1001 by hand with any contact; gives the socket."""
    loop = asyncio.get_running_loop()
    raw = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    raw.setblocking(False)
    raw.bind(("127.0.0.1", 0))
    data = register(contact=contact)
    for _ in range(2):
        await loop.sock_sendto(raw, data, ("127.0.0.1", engine.port))
        answer = await loop.sock_recv(raw, 65_535)
        if response_of(answer).status == 200:
            break
        data = signed(data, answer)
    assert response_of(answer).status == 200
    return raw


def signed(data: bytes, challenge: bytes) -> bytes:
    return Pbx().signed(data, response_of(challenge))
