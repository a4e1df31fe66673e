"""Calls on the wire: sends what the proxy decides, wakes it in time, tells it what cannot go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from offhook.actions.ports import Clock
from offhook.engines.large import LargeRequests, branch_of, is_large, over_tcp
from offhook.engines.tcp import TcpConnection, TcpPort
from offhook.engines.udp import UdpPort
from offhook.sip.flow import Outbound
from offhook.sip.forking import Failure
from offhook.sip.message import Response
from offhook.tasks import spawn

_log = logging.getLogger("offhook.sip")

MAX_DIALS = 256


class Carried(Protocol):
    """What decides without sockets: the proxy, and the subscriptions of busy lamps."""

    def __len__(self) -> int: ...

    @property
    def wake_at(self) -> float | None:
        """The next moment `on_time` has something to do, by a clock that never jumps."""
        ...

    def on_response(self, response: Response, now: float) -> tuple[Outbound, ...] | None:
        """Take a response; None when it answers nothing of ours."""
        ...

    def branches_over(self, flow: str) -> tuple[str, ...]:
        """Name the transactions that wait on a connection."""
        ...

    def on_unsendable(self, name: str, now: float) -> tuple[Outbound, ...]:
        """Take that a transaction's bytes could not be sent."""
        ...

    def on_time(self, now: float) -> tuple[Outbound, ...]:
        """Do what is due."""
        ...

    def take_failures(self) -> Sequence[Failure]:
        """Give what has failed since the last time."""
        ...


class Calling:
    """Puts a proxy on sockets. `on_carried` is called after whatever it decided has left."""

    def __init__(
        self,
        *,
        proxy: Carried,
        tcp: TcpPort,
        udp: Callable[[], UdpPort | None],
        now: Clock,
        on_failed: Callable[[Failure], None] = lambda failure: None,
        on_carried: Callable[[], None] = lambda: None,
    ) -> None:
        self._proxy = proxy
        self._tcp = tcp
        self._udp = udp
        self._now = now
        self._on_failed = on_failed
        self._on_carried = on_carried
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0
        self._dialling: dict[tuple[str, int], list[Outbound]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.large = LargeRequests()

    def __len__(self) -> int:
        return len(self._proxy)

    def on_response(self, response: Response) -> bool:
        """Take a response from the wire; False when it is for somebody else."""
        sends = self._proxy.on_response(response, self._now().timestamp())
        if sends is None:
            return False
        self.carry(sends)
        return True

    def on_lost(self, source: str) -> None:
        """Fail what waits on a connection that has closed."""
        self.large.lose(source)
        for branch in self._proxy.branches_over(source):
            self.carry(self._proxy.on_unsendable(branch, self._now().timestamp()))

    def carry(self, sends: Iterable[Outbound]) -> None:
        """Send, and plan the next wake-up. What cannot be sent fails its branch."""
        queue = list(sends)
        while queue:
            outbound = queue.pop(0)
            try:
                self._send(outbound)
            except OSError:
                queue += self._fail(outbound)
        for failure in self._proxy.take_failures():
            self._on_failed(failure)
        self._plan()
        self._on_carried()

    def stop(self) -> None:
        """Cancel what is under way; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in tuple(self._tasks):
            task.cancel()

    def _fail(self, outbound: Outbound) -> tuple[Outbound, ...]:
        return self._proxy.on_unsendable(outbound.branch, self._now().timestamp())

    def _send(self, outbound: Outbound) -> None:
        flow = outbound.flow
        if flow.transport == "udp":
            if not self._sent_over_tcp(outbound):
                self._send_datagram(outbound)
            return
        connection = self._tcp.find(str(flow))
        if connection is not None:
            connection.send(outbound.data)
        elif flow.dial is None:
            raise ConnectionResetError("the phone's connection is closed")
        else:
            self._send_dialled(flow.dial, outbound)

    def _send_datagram(self, outbound: Outbound) -> None:
        udp = self._udp()
        if udp is not None:
            udp.send(outbound.data, outbound.flow.host, outbound.flow.port)

    def _sent_over_tcp(self, outbound: Outbound) -> bool:
        """Send a large request over TCP if the phone takes that, and its ACK or CANCEL after it.

        A request that waits for its connection or has gone over one is not repeated: that is for
        datagrams. RFC 3261 §17.1.1.2, §9.1.
        """
        moved_to = self.large.moved_to(outbound)
        is_repeated, too_large = moved_to is not None, is_large(outbound)
        if not is_repeated and not too_large:
            return False
        source = moved_to or self.large.connection_for(outbound)
        connection = self._tcp.find(source) if source else None
        if connection is not None and is_repeated and too_large:
            return True
        if connection is not None:
            return self._move(outbound, connection)
        if outbound.flow.dial is None or not too_large:
            return False
        waiting = self._dialling.get(outbound.flow.dial, ())
        if outbound not in waiting:
            self._send_dialled(outbound.flow.dial, outbound)
        return True

    def _move(self, outbound: Outbound, connection: TcpConnection) -> bool:
        try:
            connection.send(over_tcp(outbound.data))
        except OSError:
            return False
        self.large.move(branch_of(outbound.data), str(connection.source))
        return True

    def _send_dialled(self, address: tuple[str, int], outbound: Outbound) -> None:
        waiting = self._dialling.get(address)
        if waiting is not None:
            waiting.append(outbound)
            return
        if len(self._dialling) >= MAX_DIALS:
            raise ConnectionRefusedError("too many connections are being made")
        self._dialling[address] = [outbound]
        task = spawn(self._dial(address), "dial a phone")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _dial(self, address: tuple[str, int]) -> None:
        failed: list[Outbound] = []
        try:
            connection = await self._tcp.dial(*address)
            for outbound in self._dialling[address]:
                if outbound.flow.transport != "udp":
                    connection.send(outbound.data)
                elif not self._move(outbound, connection):
                    failed.append(outbound)
        except OSError:
            failed = self._dialling[address]
        finally:
            del self._dialling[address]
        for outbound in failed:
            self._retry(outbound)

    def _retry(self, outbound: Outbound) -> None:
        """Send over UDP what was only too large for it, fail the rest. RFC 3261 §18.1.1."""
        if outbound.flow.transport == "udp":
            with contextlib.suppress(OSError):
                self._send_datagram(outbound)
                return
        self.carry(self._fail(outbound))

    def _plan(self) -> None:
        wake_at = self._proxy.wake_at
        if self._timer is not None:
            if wake_at is not None and self._wakes_at <= wake_at:
                return
            self._timer.cancel()
            self._timer = None
        if wake_at is not None:
            # Kept here: uvloop gives no `when()` of a handle whose moment has come.
            self._wakes_at = wake_at
            self._timer = asyncio.get_running_loop().call_at(wake_at, self._wake)

    def _wake(self) -> None:
        self._timer = None
        try:
            self.carry(self._proxy.on_time(self._now().timestamp()))
        except Exception:
            _log.exception("a timer of a call failed")
            self._plan()
