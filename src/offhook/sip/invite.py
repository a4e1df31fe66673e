"""INVITE transactions, and the server side of the others. RFC 3261 §17.1.1, §17.2, RFC 6026."""

from __future__ import annotations

from enum import StrEnum

from offhook.sip.forward import ack_of, cancel_of
from offhook.sip.message import Request, Response
from offhook.sip.transaction import (
    T1_S,
    T2_S,
    T4_S,
    Answered,
    ClientAction,
    ClientTransaction,
    TimedOut,
    Transmit,
)
from offhook.sip.via import parse_cseq

TIMER_B_S = 64 * T1_S  # D, H, L and M are as long
TIMER_C_S = 181.0  # more than three minutes, RFC 3261 §16.6 step 11


class _State(StrEnum):
    CALLING = "calling"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    ENDED = "ended"


_WAITING = (_State.CALLING, _State.PROCEEDING)


class InviteClient:
    """An INVITE client transaction with its CANCEL and timer C of a proxy.

    `Answered` is given for every 1xx, every 2xx and the first other final answer. A cancelled
    INVITE without an answer ends after 64*T1 (§9.1). `has_rung_out` once timer C has cancelled it.
    """

    def __init__(
        self, request: Request, *, is_reliable: bool, timer_c_s: float = TIMER_C_S
    ) -> None:
        self._request = request
        self._data = request.emit()
        self._is_reliable = is_reliable
        self._timer_c_s = timer_c_s
        self.has_rung_out = False
        self._state = _State.CALLING
        self._ack = b""
        self._interval_s = T1_S
        self._repeat_at: float | None = None
        self._ends_at = 0.0
        self._is_cancelled = False
        self._cancel_reason = ""
        self._cancelling: ClientTransaction | None = None

    @property
    def is_ended(self) -> bool:
        """True when nothing more can happen."""
        return self._state is _State.ENDED

    @property
    def wake_at(self) -> float | None:
        """The next moment something is due."""
        if self._state is _State.ENDED:
            return None
        cancel_at = self._cancelling.wake_at if self._cancelling else None
        return min(at for at in (self._ends_at, self._repeat_at, cancel_at) if at is not None)

    def start(self, now: float) -> tuple[ClientAction, ...]:
        """Send the INVITE; timers A and B."""
        self._ends_at = now + TIMER_B_S
        self._repeat_at = None if self._is_reliable else now + T1_S
        return (Transmit(data=self._data),)

    def cancel(self, now: float, reason: str = "") -> tuple[ClientAction, ...]:
        """Cancel; a callee that has not said anything yet is cancelled when it does. §9.1.

        `reason` tells the callee why, as the value of a Reason header (RFC 3326).
        """
        if self._state not in _WAITING or self._is_cancelled:
            return ()
        self._is_cancelled = True
        self._cancel_reason = reason
        return self._send_cancel(now) if self._state is _State.PROCEEDING else ()

    def give_up(self) -> None:
        """End at once: there is no way left to send or hear anything."""
        self._end()

    def on_response(self, response: Response, now: float) -> tuple[ClientAction, ...]:
        """Take a response whose branch is ours."""
        _, method = parse_cseq(response.headers.first("cseq") or "") or (0, "")
        if method == "CANCEL" and self._cancelling is not None:
            self._cancelling.on_response(response, now)
        if method != "INVITE":
            return ()
        if response.status < 200:
            return self._on_provisional(response, now)
        if response.status < 300:
            return self._on_success(response, now)
        return self._on_refusal(response, now)

    def on_time(self, now: float) -> tuple[ClientAction, ...]:
        """Do what is due at this moment."""
        if self._state is _State.ENDED:
            return ()
        actions: list[ClientAction] = []
        if self._cancelling is not None:
            actions += [a for a in self._cancelling.on_time(now) if isinstance(a, Transmit)]
        if self._repeat_at is not None and now >= self._repeat_at and now < self._ends_at:
            self._interval_s *= 2
            self._repeat_at = now + self._interval_s
            actions.append(Transmit(data=self._data))
        if now >= self._ends_at:
            actions += self._on_end(now)
        return tuple(actions)

    def _on_end(self, now: float) -> tuple[ClientAction, ...]:
        if self._state is _State.PROCEEDING and not self._is_cancelled:
            self.has_rung_out = True
            return self.cancel(now)  # timer C, §16.8
        was_waiting = self._state in _WAITING
        self._end()
        return (TimedOut(),) if was_waiting else ()

    def _end(self) -> None:
        self._state = _State.ENDED
        self._repeat_at = self._cancelling = None

    def _on_provisional(self, response: Response, now: float) -> tuple[ClientAction, ...]:
        if self._state not in _WAITING:
            return ()
        is_first = self._state is _State.CALLING
        self._state = _State.PROCEEDING
        self._repeat_at = None
        if self._is_cancelled:
            return self._send_cancel(now) if self._cancelling is None else ()
        if is_first or response.status > 100:
            self._ends_at = now + self._timer_c_s
        return (Answered(response=response),)

    def _on_success(self, response: Response, now: float) -> tuple[ClientAction, ...]:
        if self._state in _WAITING:
            self._state = _State.ACCEPTED
            self._repeat_at = self._cancelling = None
            self._ends_at = now + TIMER_B_S
        return (Answered(response=response),) if self._state is _State.ACCEPTED else ()

    def _on_refusal(self, response: Response, now: float) -> tuple[ClientAction, ...]:
        if self._state is _State.COMPLETED:
            return (Transmit(data=self._ack),)
        if self._state not in _WAITING:
            return ()
        self._ack = ack_of(self._request, response).emit()
        self._state = _State.COMPLETED
        self._repeat_at = self._cancelling = None
        self._ends_at = now + TIMER_B_S
        if self._is_reliable:
            self._end()
        return (Transmit(data=self._ack), Answered(response=response))

    def _send_cancel(self, now: float) -> tuple[ClientAction, ...]:
        data = cancel_of(self._request, self._cancel_reason).emit()
        self._cancelling = ClientTransaction(data, is_reliable=self._is_reliable)
        self._ends_at = now + TIMER_B_S
        return self._cancelling.start(now)


class ServerSide:
    """The server transaction of a request that is passed on: what the sender was told last.

    Timers G, H, I (INVITE refused), L (INVITE accepted, RFC 6026 §7.1) and J (others).
    """

    def __init__(self, *, is_invite: bool, is_reliable: bool) -> None:
        self._is_invite = is_invite
        self._is_reliable = is_reliable
        self._state = _State.PROCEEDING
        self._data = b""
        self._interval_s = T1_S
        self._repeat_at: float | None = None
        self._ends_at: float | None = None

    @property
    def is_ended(self) -> bool:
        """True when nothing more can happen."""
        return self._state is _State.ENDED

    @property
    def is_final(self) -> bool:
        """True when a final answer was given."""
        return self._state is not _State.PROCEEDING

    @property
    def wake_at(self) -> float | None:
        """The next moment something is due."""
        due = [at for at in (self._repeat_at, self._ends_at) if at is not None]
        return min(due) if due and self._state is not _State.ENDED else None

    def answer(self, status: int, data: bytes, now: float) -> bool:
        """Take an answer; gives whether it is to be sent. After a 2xx only more 2xx are."""
        is_success = 200 <= status < 300
        if self._state is not _State.PROCEEDING:
            return self._state is _State.ACCEPTED and is_success
        if status < 200:
            self._data = data
            return True
        if self._is_invite and is_success:
            self._state, self._data = _State.ACCEPTED, b""  # the callee repeats its 2xx itself
            self._ends_at = now + TIMER_B_S
            return True
        self._state, self._data = _State.COMPLETED, data
        self._ends_at = now + TIMER_B_S
        if self._is_reliable and not self._is_invite:
            self._state = _State.ENDED
        elif self._is_invite and not self._is_reliable:
            self._repeat_at = now + T1_S
        return True

    def give_up(self) -> None:
        """End without an answer."""
        self._state = _State.ENDED

    def on_repeat(self) -> bytes:
        """Answer a retransmission of the request; empty when it is only absorbed."""
        return self._data if self._state in (_State.PROCEEDING, _State.COMPLETED) else b""

    def on_ack(self, now: float) -> bool:
        """Take the ACK of a refusal; False when it belongs to a 2xx and goes end to end."""
        if self._state is _State.COMPLETED:
            self._state = _State.ENDED if self._is_reliable else _State.CONFIRMED
            self._repeat_at = None
            self._ends_at = now + T4_S
        return self._state is not _State.ACCEPTED

    def on_time(self, now: float) -> bytes:
        """Give what is to be sent again now, empty when nothing is."""
        if self._ends_at is not None and now >= self._ends_at:
            self._state = _State.ENDED
        if self._state is not _State.COMPLETED or self._repeat_at is None or now < self._repeat_at:
            return b""
        self._interval_s = min(self._interval_s * 2, T2_S)
        self._repeat_at = now + self._interval_s
        return self._data
