"""A phone's own requests: sent, repeated by the timers of RFC 3261 §17.1.2, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from offhook.sip.message import Request, Response
from offhook.sip.transaction import Answered, ClientTransaction, TimedOut, Transmit
from offhook.sip.via import top_via

Address = tuple[str, int]
Send = Callable[[bytes, Address], None]


@dataclass(slots=True, kw_only=True)
class _Waiting:
    transaction: ClientTransaction
    to: Address
    answer: asyncio.Future[Response | None]
    timer: asyncio.TimerHandle | None = None
    sent: int = 0


class Exchanges:
    """The transactions a phone has begun, on datagrams. `repeated` counts what was sent again."""

    __slots__ = ("_send", "_timeout_s", "_waiting", "repeated")

    def __init__(self, send: Send, timeout_s: float) -> None:
        self._send = send
        self._timeout_s = timeout_s
        self._waiting: dict[str, _Waiting] = {}
        self.repeated = 0

    async def ask(self, request: Request, to: Address) -> Response | None:
        """Send a request other than INVITE; gives its final answer, None when none came in time."""
        loop = asyncio.get_running_loop()
        via = top_via(request.headers)
        branch = via.branch if via else ""
        waiting = _Waiting(
            transaction=ClientTransaction(
                request.emit(), is_reliable=False, timeout_s=self._timeout_s
            ),
            to=to,
            answer=loop.create_future(),
        )
        self._waiting[branch] = waiting
        try:
            self._act(waiting, waiting.transaction.start(loop.time()))
            return await waiting.answer
        finally:
            del self._waiting[branch]
            if waiting.timer is not None:
                waiting.timer.cancel()

    def on_response(self, response: Response) -> None:
        """Take a response; one that answers nothing of ours is dropped."""
        via = top_via(response.headers)
        waiting = self._waiting.get(via.branch) if via else None
        if waiting is not None:
            now = asyncio.get_running_loop().time()
            self._act(waiting, waiting.transaction.on_response(response, now))

    def abandon(self) -> None:
        """Answer all that wait with nothing."""
        for waiting in tuple(self._waiting.values()):
            _finish(waiting, None)

    def _act(self, waiting: _Waiting, actions: tuple[Transmit | Answered | TimedOut, ...]) -> None:
        for action in actions:
            match action:
                case Transmit(data=data):
                    self.repeated += waiting.sent > 0
                    waiting.sent += 1
                    self._send(data, waiting.to)
                case Answered(response=response):
                    _finish(waiting, response)
                case TimedOut():
                    _finish(waiting, None)
        if waiting.timer is not None:
            waiting.timer.cancel()
        wake_at = waiting.transaction.wake_at
        if wake_at is not None and not waiting.answer.done():
            loop = asyncio.get_running_loop()
            waiting.timer = loop.call_at(wake_at, self._tick, waiting)

    def _tick(self, waiting: _Waiting) -> None:
        now = max(asyncio.get_running_loop().time(), waiting.transaction.wake_at or 0.0)
        self._act(waiting, waiting.transaction.on_time(now))


def _finish(waiting: _Waiting, response: Response | None) -> None:
    if not waiting.answer.done():
        waiting.answer.set_result(response)
