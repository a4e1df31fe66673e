"""A phone's own requests: sent, repeated by the timers of RFC 3261 §17.1, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from offhook.sip.invite import InviteClient
from offhook.sip.message import Request, Response
from offhook.sip.transaction import Answered, ClientAction, ClientTransaction, TimedOut, Transmit
from offhook.sip.via import top_via

Address = tuple[str, int]
Send = Callable[[bytes, Address], None]
Hear = Callable[[Response], None]


@dataclass(slots=True, kw_only=True)
class _Waiting:
    branch: str
    transaction: ClientTransaction | InviteClient
    to: Address
    hear: Hear
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
        transaction = ClientTransaction(
            request.emit(), is_reliable=False, timeout_s=self._timeout_s
        )
        waiting = self._begin(request, transaction, to, lambda response: None)
        try:
            return await waiting.answer
        finally:
            self._end(waiting)

    async def invite(self, request: Request, to: Address, hear: Hear) -> Response | None:
        """Send an INVITE; gives its final answer, None when none came in time.

        `hear` gets every answer, and every repetition of a 2xx, each of which is to be
        acknowledged (§13.2.2.4); so the transaction goes on after the answer was given.
        """
        transaction = InviteClient(request, is_reliable=False)
        return await self._begin(request, transaction, to, hear).answer

    def on_response(self, response: Response) -> None:
        """Take a response; one that answers nothing of ours is dropped."""
        via = top_via(response.headers)
        waiting = self._waiting.get(via.branch) if via else None
        if waiting is not None:
            self._act(waiting, waiting.transaction.on_response(response, _now()))

    def abandon(self) -> None:
        """Answer all that wait with nothing."""
        for waiting in tuple(self._waiting.values()):
            _finish(waiting, None)
            self._end(waiting)

    def _begin(
        self,
        request: Request,
        transaction: ClientTransaction | InviteClient,
        to: Address,
        hear: Hear,
    ) -> _Waiting:
        via = top_via(request.headers)
        waiting = _Waiting(
            branch=via.branch if via else "",
            transaction=transaction,
            to=to,
            hear=hear,
            answer=asyncio.get_running_loop().create_future(),
        )
        self._waiting[waiting.branch] = waiting
        self._act(waiting, transaction.start(_now()))
        return waiting

    def _end(self, waiting: _Waiting) -> None:
        self._waiting.pop(waiting.branch, None)
        if waiting.timer is not None:
            waiting.timer.cancel()

    def _act(self, waiting: _Waiting, actions: tuple[ClientAction, ...]) -> None:
        for action in actions:
            match action:
                case Transmit(data=data):
                    self.repeated += waiting.sent > 0
                    waiting.sent += 1
                    self._send(data, waiting.to)
                case Answered(response=response):
                    waiting.hear(response)
                    if response.status >= 200:
                        _finish(waiting, response)
                case TimedOut():
                    _finish(waiting, None)
        if waiting.timer is not None:
            waiting.timer.cancel()
        wake_at = waiting.transaction.wake_at
        if wake_at is None:
            self._end(waiting)
        else:
            loop = asyncio.get_running_loop()
            waiting.timer = loop.call_at(wake_at, self._tick, waiting)

    def _tick(self, waiting: _Waiting) -> None:
        now = max(_now(), waiting.transaction.wake_at or 0.0)
        self._act(waiting, waiting.transaction.on_time(now))


def _finish(waiting: _Waiting, response: Response | None) -> None:
    if not waiting.answer.done():
        waiting.answer.set_result(response)


def _now() -> float:
    return asyncio.get_running_loop().time()
