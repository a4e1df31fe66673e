"""Calls on the wire: sends what the proxy decides, wakes it in time, tells it what cannot go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from offhook.actions.ports import Clock
from offhook.core.model import LiveCall
from offhook.engines.tcp import TcpPort
from offhook.engines.udp import UdpPort
from offhook.sip.flow import Outbound
from offhook.sip.message import Response
from offhook.sip.proxy import Proxy
from offhook.tasks import spawn

_log = logging.getLogger("offhook.sip")

MAX_DIALS = 256


class Calling:
    """Puts a proxy on sockets."""

    def __init__(
        self,
        *,
        proxy: Proxy,
        tcp: TcpPort,
        udp: Callable[[], UdpPort | None],
        now: Clock,
    ) -> None:
        self._proxy = proxy
        self._tcp = tcp
        self._udp = udp
        self._now = now
        self._timer: asyncio.TimerHandle | None = None
        self._dialling: dict[tuple[str, int], list[Outbound]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def calls(self) -> tuple[LiveCall, ...]:
        """Give the calls of this moment."""
        now = self._now().timestamp()
        return tuple(
            LiveCall(
                caller=call.caller,
                callee=call.callee,
                state=call.state.value,
                since=datetime.fromtimestamp(call.since, UTC),
            )
            for call in self._proxy.calls.all(now)
        )

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
        self._plan()

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
            udp = self._udp()
            if udp is not None:
                udp.send(outbound.data, flow.host, flow.port)
            return
        connection = self._tcp.find(str(flow))
        if connection is not None:
            connection.send(outbound.data)
        elif flow.dial is None:
            raise ConnectionResetError("the phone's TCP connection is closed")
        else:
            self._send_dialled(flow.dial, outbound)

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
                connection.send(outbound.data)
        except OSError:
            failed = self._dialling[address]
        finally:
            del self._dialling[address]
        for outbound in failed:
            self.carry(self._fail(outbound))

    def _plan(self) -> None:
        wake_at = self._proxy.wake_at
        if self._timer is not None:
            if wake_at is not None and self._timer.when() <= wake_at:
                return
            self._timer.cancel()
            self._timer = None
        if wake_at is not None:
            self._timer = asyncio.get_running_loop().call_at(wake_at, self._wake)

    def _wake(self) -> None:
        self._timer = None
        try:
            self.carry(self._proxy.on_time(self._now().timestamp()))
        except Exception:
            _log.exception("a timer of a call failed")
            self._plan()
