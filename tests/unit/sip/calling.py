"""Phones around a proxy without sockets: requests in, what leaves by flow out."""

from __future__ import annotations

from dataclasses import dataclass, field

from offhook.sip.bindings import Source
from offhook.sip.flow import Outbound
from offhook.sip.message import Request, Response, render_response
from offhook.sip.parse import parse_datagram
from offhook.sip.server import Reaction
from tests.unit.sip.build import Pbx, response_of

CALLER = Source(transport="udp", host="192.0.2.10", port=5062)
CALLEE = Source(transport="udp", host="192.0.2.20", port=5064)
SECOND = Source(transport="tcp", host="192.0.2.30", port=40_000)
STRANGER = Source(transport="udp", host="203.0.113.9", port=5060)


def contact(user: str, source: Source) -> str:
    return f"sip:{user}@{source.host}:{source.port}"


def sip(
    method: str,
    uri: str,
    *more: str,
    user: str = "1001",
    source: Source = CALLER,
    to_tag: str = "",
    from_tag: str = "caller",
    call_id: str = "call-1",
    cseq: int = 1,
    branch: str = "b1",
    to: str = "1002",
    hops: int = 70,
    body: bytes = b"",
) -> bytes:
    suffix = f";tag={to_tag}" if to_tag else ""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/{source.transport.upper()} {source.host}:{source.port}"
        f";branch=z9hG4bK{branch};rport",
        f"From: <sip:{user}@pbx.example>;tag={from_tag}",
        f"To: <sip:{to}@pbx.example>{suffix}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        f"Contact: <{contact(user, source)}>",
        f"Max-Forwards: {hops}",
        *more,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join((*lines, "", "")).encode() + body


def invite(*more: str, to: str = "1002", **values: object) -> bytes:
    return sip("INVITE", f"sip:{to}@pbx.example", *more, to=to, body=b"v=0\r\n", **values)  # type: ignore[arg-type] # as the test says


def message(outbound: Outbound) -> Request | Response:
    parsed = parse_datagram(outbound.data)
    assert isinstance(parsed, Request | Response), parsed
    return parsed


def at(sends: tuple[Outbound, ...], source: Source) -> list[Request | Response]:
    return [message(sent) for sent in sends if str(sent.flow) == str(source)]


def shown(sends: tuple[Outbound, ...]) -> list[tuple[str, str]]:
    """What leaves, as (flow, method or status)."""
    return [
        (str(sent.flow), m.method if isinstance(m := message(sent), Request) else str(m.status))
        for sent in sends
    ]


@dataclass
class Exchange:
    """1001 calls; 1002 has one or two phones. `started` is what left at the INVITE."""

    phones: tuple[Source, ...] = (CALLEE,)
    pbx: Pbx = field(default_factory=Pbx)
    sent: bytes = b""
    started: tuple[Outbound, ...] = ()

    def __post_init__(self) -> None:
        for number, source in enumerate(self.phones):
            self.pbx.register(
                user="1002",
                source=source,
                call_id=f"boot-{number}",
                contact=f"<{contact('1002', source)}>",
            )
        self.pbx.register(source=CALLER, call_id="boot-c", contact=f"<{contact('1001', CALLER)}>")

    def call(self, data: bytes = b"", source: Source = CALLER, user: str = "1001") -> Reaction:
        self.sent = self.pbx.sign(data or invite(), user=user, source=source)
        reaction = self.pbx.receive(self.sent, source)
        self.started = reaction.sends
        return reaction

    def asked(self, source: Source = CALLEE) -> Request:
        """The request that reached a phone first."""
        found = [m for m in at(self.started, source) if isinstance(m, Request)]
        return found[0]

    def say(
        self, status: int, *more: tuple[str, str], source: Source = CALLEE, tag: str = "callee"
    ) -> tuple[Outbound, ...]:
        """A phone answers; gives what leaves then."""
        pairs = (("Contact", f"<{contact('1002', source)}>"), *more)
        data = render_response(self.asked(source), status, "R", pairs, to_tag=tag)
        return self.hear(data)

    def hear(self, data: bytes) -> tuple[Outbound, ...]:
        sends = self.pbx.proxy.on_response(response_of(data), self.pbx.now)
        assert sends is not None
        return sends

    def wait(self, seconds: float) -> list[tuple[str, str]]:
        """Let time pass, tick by tick; gives what left."""
        left: list[tuple[str, str]] = []
        end = self.pbx.now + seconds
        while (wake_at := self.pbx.proxy.wake_at) is not None and wake_at <= end:
            self.pbx.now = wake_at
            left += shown(self.pbx.proxy.on_time(wake_at))
        self.pbx.now = end
        return left

    def cancel(self) -> Reaction:
        head = self.sent.partition(b"\r\n\r\n")[0].decode()
        lines = [line for line in head.split("\r\n") if not line.startswith("Proxy-Auth")]
        lines = [line for line in lines if not line.startswith("Content-Length")]
        text = "\r\n".join((*lines, "Content-Length: 0", "", "")).replace("INVITE", "CANCEL")
        return self.pbx.receive(text.encode(), CALLER)

    def ack(self, to_tag: str = "callee") -> Reaction:
        head = self.sent.partition(b"\r\n\r\n")[0].decode()
        via = next(line for line in head.split("\r\n") if line.startswith("Via"))
        branch = via.partition("z9hG4bK")[2].partition(";")[0]
        data = sip("ACK", "sip:1002@pbx.example", to_tag=to_tag, branch=branch)
        return self.pbx.receive(data, CALLER)

    def talk(self) -> None:
        self.call()
        self.say(200)
