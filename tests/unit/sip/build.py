"""A SIP server without sockets and requests to it, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from offhook.sip.auth import Authenticator
from offhook.sip.bindings import BindingTable, Source
from offhook.sip.digest import BEST_FIRST, Algorithm, answer_challenge
from offhook.sip.limits import FailureLimits
from offhook.sip.message import Request, Response
from offhook.sip.nonces import Nonces
from offhook.sip.parse import parse_datagram
from offhook.sip.proxy import Proxy
from offhook.sip.registrar import Registrar
from offhook.sip.server import Reaction, Server
from offhook.sip.subscriptions import Subscriptions
from offhook.sip.transaction import AnswerCache
from offhook.sip.wanted import ExpiryPolicy

REALM = "offhook"
PLACE = ("192.0.2.1", 5060)
PHONE = Source(transport="udp", host="192.0.2.10", port=5062)
OTHER = Source(transport="udp", host="192.0.2.66", port=5062)


def secret_of(user: str) -> str | None:
    return f"secret{user}" if user in {"1001", "1002", "watson", "user"} else None


def request_of(data: bytes) -> Request:
    parsed = parse_datagram(data)
    assert isinstance(parsed, Request), parsed
    return parsed


def response_of(data: bytes) -> Response:
    parsed = parse_datagram(data)
    assert isinstance(parsed, Response), parsed
    return parsed


@dataclass
class Pbx:
    """A server with everything in reach."""

    algorithms: Sequence[Algorithm] = BEST_FIRST
    max_contacts: int = 5
    failures_a_minute: int = 20
    now: float = 1_000_000.0
    branches: int = 0
    texts: Iterator[int] = field(default_factory=count)
    table: BindingTable = field(init=False)
    proxy: Proxy = field(init=False)
    subscriptions: Subscriptions = field(init=False)
    server: Server = field(init=False)
    answers: AnswerCache = field(default_factory=AnswerCache)

    def __post_init__(self) -> None:
        self.table = BindingTable(max_contacts=self.max_contacts)
        authenticator = Authenticator(
            realm=REALM,
            secret_of=secret_of,
            nonces=Nonces(key=b"k" * 32, lifetime_s=300),
            limits=FailureLimits(),
            dummy_secret="nobody",
            algorithms=self.algorithms,
            failures_a_minute=self.failures_a_minute,
        )
        self.proxy = Proxy(
            authenticator=authenticator,
            table=self.table,
            secret_of=secret_of,
            realm=REALM,
            place=lambda: PLACE,
            tls_port=lambda: 5061,
            key=b"l" * 32,
            clock=lambda: self.now,
            random_text=lambda: f"r{next(self.texts)}",
        )
        self.subscriptions = Subscriptions(
            authenticator=authenticator,
            table=self.table,
            secret_of=secret_of,
            calls=self.proxy.calls,
            place=lambda transport: PLACE,
            clock=lambda: self.now,
            random_text=lambda: f"n{next(self.texts)}",
        )
        self.server = Server(
            registrar=Registrar(
                authenticator=authenticator,
                table=self.table,
                policy=ExpiryPolicy(),
                note_of=lambda request: request.headers.first("mac") or "",
            ),
            proxy=self.proxy,
            subscriptions=self.subscriptions,
            answers=self.answers,
            tag_key=b"t" * 32,
        )

    def receive(self, data: bytes, source: Source = PHONE) -> Reaction:
        return self.server.receive_datagram(data, source, self.now)

    def ask(self, data: bytes, source: Source = PHONE) -> Response:
        """Send a request and read the answer."""
        reaction = self.receive(data, source)
        assert reaction.answer is not None
        return response_of(reaction.answer.data)

    def sign(
        self,
        data: bytes,
        *,
        user: str = "1001",
        secret: str = "",
        source: Source = PHONE,
        nc: int = 1,
    ) -> bytes:
        """Get a challenge for a request and add the answer to it, as a phone does."""
        return self.signed(data, self.ask(data, source), user=user, secret=secret, nc=nc)

    def signed(
        self, data: bytes, challenge: Response, *, user: str = "1001", secret: str = "", nc: int = 1
    ) -> bytes:
        request = request_of(data)
        name = "WWW-Authenticate" if challenge.status == 401 else "Proxy-Authenticate"
        credentials = answer_challenge(
            challenge.headers.all(name.lower()),
            username=user,
            secret=secret or f"secret{user}",
            method=request.method,
            uri=request.uri,
            cnonce="0a4f113b",
            nc=nc,
        )
        assert credentials is not None
        answer = "Authorization" if challenge.status == 401 else "Proxy-Authorization"
        self.branches += 1
        head, _, body = data.partition(b"\r\n\r\n")
        head = head.replace(b"branch=z9hG4bK", b"branch=z9hG4bKs%d-" % self.branches, 1)
        return head + f"\r\n{answer}: {credentials}\r\n\r\n".encode() + body

    def register(
        self,
        *more: str,
        user: str = "1001",
        source: Source = PHONE,
        cseq: int = 1,
        call_id: str = "boot-1",
        contact: str = "<sip:1001@192.0.2.10:5062>",
    ) -> Reaction:
        """Register with digest; gives the reaction to the second request."""
        data = register(*more, user=user, cseq=cseq, call_id=call_id, contact=contact)
        return self.receive(self.sign(data, user=user, source=source), source)


def register(
    *more: str,
    user: str = "1001",
    cseq: int = 1,
    call_id: str = "boot-1",
    contact: str = "<sip:1001@192.0.2.10:5062>",
    branch: str = "one",
) -> bytes:
    """A REGISTER as a phone writes it; an empty contact leaves the header out."""
    lines = [
        "REGISTER sip:pbx.example SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK{branch}-{call_id}-{cseq};rport",
        f"From: <sip:{user}@pbx.example>;tag=a1",
        f"To: <sip:{user}@pbx.example>",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} REGISTER",
        "Max-Forwards: 70",
        "User-Agent: Test phone 1.0",
        *([f"Contact: {contact}"] if contact else []),
        *more,
        "Content-Length: 0",
    ]
    return "\r\n".join((*lines, "", "")).encode()
