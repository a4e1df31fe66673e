"""Transactions other than INVITE: answers that are repeated, requests that are. RFC 3261 §17."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum

from offhook.sip.message import Request, Response
from offhook.sip.uri import parse_name_addr, split_list
from offhook.sip.via import Via

T1_S = 0.5
T2_S = 4.0
T4_S = 5.0
TIMER_F_S = 64 * T1_S
TIMER_J_S = 64 * T1_S


def transaction_key(request: Request, via: Via, source: str) -> str:
    """Name the server transaction of a request. RFC 3261 §17.2.3.

    Branch, sent-by and method, and the source too, so that nobody fetches another's answer. Without
    a unique branch the old rules: Request-URI, the tag of From, Call-ID, CSeq number, topmost Via.
    """
    return _key(request, via, source, request.method)


def invite_key(request: Request, via: Via, source: str) -> str:
    """Name the INVITE that a CANCEL or an ACK belongs to, as `transaction_key` does. §9.2."""
    return _key(request, via, source, "INVITE")


def _key(request: Request, via: Via, source: str, method: str) -> str:
    if via.has_unique_branch:
        return f"{via.branch}|{via.host}:{via.port}|{method}|{source}"
    headers = request.headers
    sender = parse_name_addr(headers.first("from") or "")
    # The tag of To is left out: an INVITE has none yet, its ACK has the one of our answer.
    parts = [request.uri, method, source, split_list(headers.first("via") or "")[0]]
    parts += [sender.params.get("tag", sender.uri) if sender else ""]
    parts += [headers.first("call-id") or "", (headers.first("cseq") or "").split(maxsplit=1)[0]]
    return "\n".join(parts)


class AnswerCache:
    """Non-INVITE server transactions in state Completed: the answer until timer J. §17.2.2.

    Bounded in number and bytes; the oldest goes first, and then its retransmission is worked on
    anew, which the digest's nc or the CSeq order makes harmless.
    """

    def __init__(self, *, capacity: int = 16_384, capacity_bytes: int = 32 * 2**20) -> None:
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._size_bytes = 0
        self._answers: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: str, now: float) -> bytes | None:
        """Give the answer stored for a transaction, None when there is none."""
        self._forget_ended(now)
        kept = self._answers.get(key)
        return kept[1] if kept else None

    def keep(self, key: str, answer: bytes, now: float) -> None:
        """Store an answer for 32 s."""
        old = self._answers.pop(key, None)
        if old is not None:
            self._size_bytes -= len(old[1]) + len(key)
        self._answers[key] = (now + TIMER_J_S, answer)
        self._size_bytes += len(answer) + len(key)
        while len(self._answers) > self._capacity or self._size_bytes > self._capacity_bytes:
            self._drop_oldest()

    def _forget_ended(self, now: float) -> None:
        while self._answers and next(iter(self._answers.values()))[0] <= now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        key, (_, answer) = self._answers.popitem(last=False)
        self._size_bytes -= len(answer) + len(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmit:
    """Send these bytes (again)."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The final answer arrived."""

    response: Response


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """No final answer in time."""


ClientAction = Transmit | Answered | TimedOut


class _State(StrEnum):
    IDLE = "idle"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    ENDED = "ended"


class ClientTransaction:
    """A non-INVITE client transaction: timers E, F and K. RFC 3261 §17.1.2.

    On a reliable transport nothing is sent twice and K is zero. `wake_at` is the moment to call
    `on_time`, None when nothing is due. `timeout_s` replaces timer F when it is shorter.
    """

    def __init__(self, data: bytes, *, is_reliable: bool, timeout_s: float = TIMER_F_S) -> None:
        self._data = data
        self._is_reliable = is_reliable
        self._timeout_s = min(timeout_s, TIMER_F_S)
        self._state = _State.IDLE
        self._interval_s = T1_S
        self._repeat_at: float | None = None
        self._ends_at = 0.0

    @property
    def is_ended(self) -> bool:
        """True when nothing more can happen."""
        return self._state is _State.ENDED

    @property
    def wake_at(self) -> float | None:
        """The next moment something is due."""
        if self._state in (_State.IDLE, _State.ENDED):
            return None
        return self._ends_at if self._repeat_at is None else min(self._repeat_at, self._ends_at)

    def start(self, now: float) -> tuple[ClientAction, ...]:
        """Send the request."""
        self._state = _State.TRYING
        self._ends_at = now + self._timeout_s
        if not self._is_reliable:
            self._repeat_at = now + T1_S
        return (Transmit(data=self._data),)

    def give_up(self) -> None:
        """End at once: there is no way left to send or hear anything."""
        self._state = _State.ENDED

    def on_response(self, response: Response, now: float) -> tuple[ClientAction, ...]:
        """Take a response whose branch and method are ours."""
        if self._state not in (_State.TRYING, _State.PROCEEDING):
            return ()
        if response.status < 200:
            self._state = _State.PROCEEDING
            return ()
        self._repeat_at = None
        self._ends_at = now + T4_S
        self._state = _State.ENDED if self._is_reliable else _State.COMPLETED
        return (Answered(response=response),)

    def on_time(self, now: float) -> tuple[ClientAction, ...]:
        """Do what is due at this moment."""
        wake_at = self.wake_at
        if wake_at is None or now < wake_at:
            return ()
        if now >= self._ends_at:
            was_waiting = self._state is not _State.COMPLETED
            self._state = _State.ENDED
            return (TimedOut(),) if was_waiting else ()
        is_proceeding = self._state is _State.PROCEEDING
        self._interval_s = T2_S if is_proceeding else min(self._interval_s * 2, T2_S)
        self._repeat_at = now + self._interval_s
        return (Transmit(data=self._data),)
