"""NOTIFY as a client transaction: sent, sent again, answered, challenged, or never answered."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.actions.ports import NotifyKind, NotifyOrder, NotifyOutcome
from offhook.sip.bindings import Binding
from offhook.sip.message import Request, Response
from offhook.sip.notifier import (
    Local,
    NotifyParts,
    build_notify,
    is_our_answer,
    retry_with_credentials,
)
from offhook.sip.transaction import Answered, ClientTransaction, TimedOut, Transmit
from offhook.sip.via import top_via

_CHALLENGES = (401, 407)
# The first answer to a challenge may meet a nonce that has just expired; more is a refusal.
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The way to one phone. `send` gives False when it could not now, raises OSError for good."""

    source: str
    local: Local
    send: Callable[[bytes], bool]

    @property
    def is_reliable(self) -> bool:
        """True for streams."""
        return self.local.transport != "UDP"


@dataclass(slots=True, kw_only=True)
class _Pending:
    branch: str
    method: str
    wire: Wire
    transaction: ClientTransaction
    answer: asyncio.Future[Response | None]
    on_sent: Callable[[], None]
    timer: asyncio.TimerHandle | None = None

    def finish(self, outcome: Response | OSError | None) -> None:
        """Give what came of it to who waits; only the first counts."""
        if self.answer.done():
            return
        if isinstance(outcome, OSError):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


@dataclass(slots=True)
class _Telling:
    """Calls `on_sent` once, however often the bytes leave."""

    on_sent: Callable[[], None]
    is_told: bool = field(default=False)

    def __call__(self) -> None:
        if not self.is_told:
            self.is_told = True
            self.on_sent()


class Notifying:
    """Sends NOTIFYs and matches what comes back by branch."""

    def __init__(self) -> None:
        self._pending: dict[str, _Pending] = {}

    async def run(
        self, order: NotifyOrder, binding: Binding, wire: Wire, on_sent: Callable[[], None]
    ) -> NotifyOutcome:
        """Carry out one order over one wire; never raises but for cancellation."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        telling = _Telling(on_sent)
        try:
            request = build_notify(_parts(order, binding), wire.local)
            was_challenged = False
            for _ in range(_TRIES):
                sent_at = loop.time()
                left_s = order.timeout_s - (sent_at - started)
                response = await self._exchange(request, wire, left_s, telling)
                rtt_ms = (loop.time() - sent_at) * 1000
                if response is None or response.status not in _CHALLENGES:
                    break
                retry = _retry(order, request, response)
                if retry is None or (was_challenged and not _is_stale(response)):
                    was_challenged = True
                    break
                was_challenged, request = True, retry
        except (OSError, ValueError) as error:
            return NotifyOutcome(kind=NotifyKind.FAILED, reason=str(error))
        if response is None:
            return _unanswered(is_sent=telling.is_told, was_challenged=was_challenged)
        return NotifyOutcome(
            kind=_kind(response.status),
            code=response.status,
            reason=response.reason,
            rtt_ms=rtt_ms,
            was_challenged=was_challenged,
        )

    def on_response(self, response: Response) -> bool:
        """Take a response from the wire; False when nobody waits for it."""
        via = top_via(response.headers)
        pending = self._pending.get(via.branch) if via else None
        if pending is None or not is_our_answer(response, pending.branch, pending.method):
            return False
        loop = asyncio.get_running_loop()
        self._act(pending, pending.transaction.on_response(response, loop.time()))
        return True

    def on_lost(self, source: str) -> None:
        """Fail what waits on a connection that has closed."""
        for pending in tuple(self._pending.values()):
            if pending.wire.source == source:
                pending.finish(
                    ConnectionResetError("the phone closed its connection before it answered")
                )

    def stop(self) -> None:
        """Fail everything that waits."""
        for pending in tuple(self._pending.values()):
            pending.finish(ConnectionAbortedError("the SIP engine was stopped"))

    async def _exchange(
        self, request: Request, wire: Wire, timeout_s: float, on_sent: Callable[[], None]
    ) -> Response | None:
        loop = asyncio.get_running_loop()
        via = top_via(request.headers)
        pending = _Pending(
            branch=via.branch if via else "",
            method=request.method,
            wire=wire,
            transaction=ClientTransaction(
                request.emit(), is_reliable=wire.is_reliable, timeout_s=max(timeout_s, 0.0)
            ),
            answer=loop.create_future(),
            on_sent=on_sent,
        )
        self._pending[pending.branch] = pending
        try:
            self._act(pending, pending.transaction.start(loop.time()))
            return await pending.answer
        finally:
            del self._pending[pending.branch]
            if pending.timer is not None:
                pending.timer.cancel()

    def _act(self, pending: _Pending, actions: tuple[Transmit | Answered | TimedOut, ...]) -> None:
        for action in actions:
            match action:
                case Transmit(data=data):
                    self._transmit(pending, data)
                case Answered(response=response):
                    pending.finish(response)
                case TimedOut():
                    pending.finish(None)
        if pending.timer is not None:
            pending.timer.cancel()
        wake_at = pending.transaction.wake_at
        if wake_at is not None and not pending.answer.done():
            loop = asyncio.get_running_loop()
            pending.timer = loop.call_at(wake_at, self._tick, pending)

    def _transmit(self, pending: _Pending, data: bytes) -> None:
        try:
            is_sent = pending.wire.send(data)
        except OSError as error:
            pending.finish(error)
            return
        if is_sent:
            pending.on_sent()

    def _tick(self, pending: _Pending) -> None:
        now = max(asyncio.get_running_loop().time(), pending.transaction.wake_at or 0.0)
        self._act(pending, pending.transaction.on_time(now))


def _parts(order: NotifyOrder, binding: Binding) -> NotifyParts:
    return NotifyParts(
        contact=binding.contact,
        aor=binding.aor,
        path=binding.path,
        event=order.notify.event,
        content_type=order.notify.content_type,
        body=order.notify.body.encode(),
        call_id=secrets.token_hex(16),
        tag=secrets.token_hex(8),
        branch=secrets.token_hex(12),
    )


def _retry(order: NotifyOrder, request: Request, challenge: Response) -> Request | None:
    if not order.secret:
        return None
    return retry_with_credentials(
        request,
        challenge,
        username=order.username,
        secret=order.secret.reveal(),
        cnonce=secrets.token_hex(8),
        branch=secrets.token_hex(12),
    )


def _is_stale(response: Response) -> bool:
    values = response.headers.all("www-authenticate") + response.headers.all("proxy-authenticate")
    return any("stale=true" in value.lower().replace('"', "") for value in values)


def _kind(status: int) -> NotifyKind:
    if status < 300:
        return NotifyKind.ACCEPTED
    return NotifyKind.CHALLENGED if status in _CHALLENGES else NotifyKind.REFUSED


def _unanswered(*, is_sent: bool, was_challenged: bool) -> NotifyOutcome:
    if not is_sent:
        return NotifyOutcome(kind=NotifyKind.FAILED, reason="no room in the send buffer")
    return NotifyOutcome(kind=NotifyKind.UNANSWERED, was_challenged=was_challenged)
