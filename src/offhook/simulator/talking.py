"""Calls that come to a simulated phone: it rings, answers and is hung up; nobody speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.simulator.exchange import Address
from offhook.sip.message import Request, render_response
from offhook.sip.transaction import T1_S, T2_S
from offhook.sip.via import Via, parse_cseq, stamp_via

_SDP = (
    "v=0\r\no=phone 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 20000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
)
_SDP_TYPE = ("Content-Type", "application/sdp")
ACK_WITHIN_S = 64 * T1_S


@dataclass(slots=True, kw_only=True)
class _Incoming:
    """A call that came: what was answered last, and whether it is acknowledged."""

    answer: bytes
    is_answered: bool = False
    timer: asyncio.TimerHandle | None = None
    interval_s: float = T1_S
    ends_at: float = 0.0

    def stop(self) -> None:
        """Send nothing more by itself."""
        if self.timer is not None:
            self.timer.cancel()


@dataclass(slots=True, kw_only=True)
class Talking:
    """Takes the calls that come: rings at once, answers after `ring_s`, is busy while it talks.

    `send` sends from the phone's place, `contact` is the URI it registers, `host` its address.
    `on_unacknowledged` is told when an answered call got no ACK (RFC 3261 §13.3.1.4).
    """

    send: Callable[[bytes, Address], None]
    contact: Callable[[], str]
    host: str
    ring_s: float = 0.5
    is_calling: bool = False
    on_unacknowledged: Callable[[], None] = lambda: None
    _calls: dict[str, _Incoming] = field(default_factory=dict)

    METHODS = frozenset({"INVITE", "ACK", "BYE", "CANCEL"})

    @property
    def is_busy(self) -> bool:
        """True while it calls or is called."""
        return self.is_calling or bool(self._calls)

    def stop(self) -> None:
        """Drop all calls without a word."""
        for call in self._calls.values():
            call.stop()
        self._calls.clear()

    def on_request(self, request: Request, via: Via, sender: Address) -> None:
        """Take INVITE, ACK, BYE or CANCEL."""
        call_id = request.headers.first("call-id") or ""
        call = self._calls.get(call_id)
        match request.method:
            case "INVITE":
                self._on_invite(request, via, sender, call_id, call)
            case "ACK":
                if call is not None and call.is_answered:
                    call.stop()
            case "BYE":
                self._hang_up(call_id)
                status = (200, "OK") if call else (481, "Call Does Not Exist")
                self.send(self._render(request, via, sender, *status), sender)
            case "CANCEL":
                self._on_cancel(request, via, sender, call_id, call)

    def _on_invite(
        self, request: Request, via: Via, sender: Address, call_id: str, call: _Incoming | None
    ) -> None:
        if call is not None:
            self.send(call.answer, sender)
        elif self.is_busy:
            self.send(self._render(request, via, sender, 486, "Busy Here"), sender)
        else:
            call = _Incoming(answer=self._render(request, via, sender, 180, "Ringing"))
            self._calls[call_id] = call
            self.send(call.answer, sender)
            loop = asyncio.get_running_loop()
            call.timer = loop.call_later(self.ring_s, self._answer, request, via, sender, call)

    def _answer(self, request: Request, via: Via, sender: Address, call: _Incoming) -> None:
        body = _SDP.format(host=self.host).encode("ascii")
        call.answer = self._render(request, via, sender, 200, "OK", body=body)
        call.is_answered = True
        call.ends_at = asyncio.get_running_loop().time() + ACK_WITHIN_S
        self._repeat(call, sender)

    def _repeat(self, call: _Incoming, sender: Address) -> None:
        """Send the 200 until it is acknowledged. RFC 3261 §13.3.1.4."""
        loop = asyncio.get_running_loop()
        if loop.time() >= call.ends_at:
            self.on_unacknowledged()
            return
        self.send(call.answer, sender)
        call.timer = loop.call_later(call.interval_s, self._repeat, call, sender)
        call.interval_s = min(call.interval_s * 2, T2_S)

    def _on_cancel(
        self, request: Request, via: Via, sender: Address, call_id: str, call: _Incoming | None
    ) -> None:
        self.send(self._render(request, via, sender, 200 if call else 481, "OK"), sender)
        if call is not None and not call.is_answered:
            number, _ = parse_cseq(request.headers.first("cseq") or "") or (0, "")
            line = f"CSeq: {number} CANCEL".encode()
            ended = self._render(request, via, sender, 487, "Request Terminated")
            self.send(ended.replace(line, f"CSeq: {number} INVITE".encode()), sender)
            self._hang_up(call_id)

    def _hang_up(self, call_id: str) -> None:
        call = self._calls.pop(call_id, None)
        if call is not None:
            call.stop()

    def _render(
        self,
        request: Request,
        via: Via,
        sender: Address,
        status: int,
        reason: str,
        *,
        body: bytes = b"",
    ) -> bytes:
        pairs = [("Record-Route", value) for value in request.headers.all("record-route")]
        pairs.append(("Contact", f"<{self.contact()}>"))
        if body:
            pairs.append(_SDP_TYPE)
        return render_response(
            request,
            status,
            reason,
            pairs,
            top_via=stamp_via(request.headers, via, *sender),
            to_tag=f"t{abs(hash(request.headers.first('call-id'))):x}",
            body=body,
        )


def sdp_offer(host: str) -> tuple[tuple[str, str], bytes]:
    """Give the header and body of an offer of speech that nobody will hear."""
    return _SDP_TYPE, _SDP.format(host=host).encode("ascii")
