"""A small SIP phone on UDP: registers with digest, obeys or refuses NOTIFY, can die silently."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offhook.sip.auth import REGISTRAR_GATE, Allowed, Authenticator, Challenged
from offhook.sip.bindings import Source
from offhook.sip.digest import MD5_FIRST, Algorithm, answer_challenge
from offhook.sip.limits import FailureLimits
from offhook.sip.message import Request, Response, make_request, render_response
from offhook.sip.nonces import Nonces
from offhook.sip.parse import parse_datagram
from offhook.sip.transaction import (
    AnswerCache,
    Answered,
    ClientTransaction,
    TimedOut,
    Transmit,
    transaction_key,
)
from offhook.sip.uri import SipUri, join_host_port, parse_uri
from offhook.sip.via import stamp_via, top_via, write_via

_CHALLENGES = {
    401: ("www-authenticate", "Authorization"),
    407: ("proxy-authenticate", "Proxy-Authorization"),
}
Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    server: str
    port: int
    extension: str
    auth_name: str
    secret: str
    user_agent: str
    headers: tuple[tuple[str, str], ...]


@dataclass(slots=True, kw_only=True)
class _Waiting:
    transaction: ClientTransaction
    to: Address
    answer: asyncio.Future[Response | None]
    timer: asyncio.TimerHandle | None = None


class SipPhone(asyncio.DatagramProtocol):
    """One phone with one account.

    `notify_status` is its answer to NOTIFY; with `challenges_notify` it asks for the digest of its
    own account first, in a realm of its own, as desk phones of some makers do.
    `on_notify` gets the Event header of each NOTIFY it answers with 2xx, once however often it is
    repeated. `requests` keeps every NOTIFY that came. With `removes_all` it signs off all phones of
    its extension instead of itself (RFC 3261 §10.2.2).
    """

    def __init__(
        self,
        *,
        bind: str = "127.0.0.1",
        notify_status: int = 200,
        challenges_notify: bool = False,
        challenge_algorithms: Sequence[Algorithm] = MD5_FIRST,
        on_notify: Callable[[str], None] = lambda event: None,
        timeout_s: float = 32.0,
    ) -> None:
        self.notify_status = notify_status
        self.challenges_notify = challenges_notify
        self.on_notify = on_notify
        self.is_silent = False
        self.removes_all = False
        self.requests: list[Request] = []
        self._bind = bind
        self._timeout_s = timeout_s
        self._account: _Account | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[str, _Waiting] = {}
        self._answers = AnswerCache(capacity=64)
        self._gate = Authenticator(
            realm="phone",
            secret_of=self._secret_of,
            nonces=Nonces(key=secrets.token_bytes(16), lifetime_s=60),
            limits=FailureLimits(),
            dummy_secret=secrets.token_hex(8),
            algorithms=challenge_algorithms,
        )
        self.boot()

    def boot(self) -> None:
        """Start afresh: a new Call-ID and tag, as a phone does when it was restarted."""
        self._call_id = secrets.token_hex(12)
        self._tag = secrets.token_hex(6)
        self._cseq = 0

    @property
    def port(self) -> int:
        """The local port; 0 before the first register."""
        if self._transport is None:
            return 0
        return int(self._transport.get_extra_info("sockname")[1])

    @property
    def contact(self) -> str:
        """The URI it registers."""
        extension = self._account.extension if self._account else ""
        return f"sip:{extension}@{join_host_port(self._bind, self.port)}"

    async def register(
        self,
        *,
        server: str,
        port: int,
        extension: str,
        secret: str,
        auth_name: str = "",
        user_agent: str = "Offhook simulator",
        headers: Sequence[tuple[str, str]] = (),
        expires_s: int = 3600,
    ) -> Response | None:
        """Register, with digest when asked; gives the last answer, None when nobody answered."""
        if self._transport is None:
            loop = asyncio.get_running_loop()
            await loop.create_datagram_endpoint(lambda: self, local_addr=(self._bind, 0))
        self._account = _Account(
            server=server,
            port=port,
            extension=extension,
            auth_name=auth_name or extension,
            secret=secret,
            user_agent=user_agent,
            headers=tuple(headers),
        )
        return await self._register(self._account, expires_s)

    async def refresh(self, expires_s: int = 3600) -> Response | None:
        """Register again with the same account. Raises RuntimeError before the first register."""
        if self._account is None:
            raise RuntimeError("this phone has no account yet")
        return await self._register(self._account, expires_s)

    async def unregister(self) -> Response | None:
        """Remove its binding."""
        return await self.refresh(expires_s=0)

    async def close(self, *, silently: bool = False) -> None:
        """Un-register and stop; silently: die as when the cable is pulled."""
        if not silently and self._transport is not None and self._account is not None:
            await self.unregister()
        for waiting in tuple(self._waiting.values()):
            self._finish(waiting, None)
        if self._transport is not None:
            self._transport.close()

    # --- asyncio -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment] # a datagram endpoint gives one

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Take a response or a request."""
        message = parse_datagram(data)
        if isinstance(message, Response):
            self._on_response(message)
        elif isinstance(message, Request) and not self.is_silent:
            self._on_request(message, addr)

    # --- as a client ---------------------------------------------------------------------------

    async def _register(self, account: _Account, expires_s: int) -> Response | None:
        response = await self._exchange(self._build_register(account, expires_s), account)
        for _ in range(2):  # the second challenge says stale, or that the password is wrong
            if response is None or response.status not in _CHALLENGES:
                break
            was, answer_name = _CHALLENGES[response.status]
            credentials = answer_challenge(
                response.headers.all(was),
                username=account.auth_name,
                secret=account.secret,
                method="REGISTER",
                uri=self._registrar_uri(account),
                cnonce=secrets.token_hex(8),
            )
            if credentials is None:
                break
            request = self._build_register(account, expires_s, (answer_name, credentials))
            answered = await self._exchange(request, account)
            response = answered
            if answered is None or not any(
                "stale=true" in value for value in answered.headers.all(was)
            ):
                break
        return response

    def _registrar_uri(self, account: _Account) -> str:
        return f"sip:{join_host_port(account.server, account.port)}"

    def _build_register(
        self, account: _Account, expires_s: int, *extra: tuple[str, str]
    ) -> Request:
        self._cseq += 1
        aor = f"<sip:{account.extension}@{join_host_port(account.server, account.port)}>"
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        pairs = [
            ("Via", write_via("UDP", self._bind, self.port, branch)),
            ("Max-Forwards", "70"),
            ("From", f"{aor};tag={self._tag}"),
            ("To", aor),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} REGISTER"),
            ("Contact", "*" if self.removes_all and not expires_s else f"<{self.contact}>"),
            ("Expires", str(expires_s)),
            ("User-Agent", account.user_agent),
            *account.headers,
            *extra,
        ]
        return make_request("REGISTER", self._registrar_uri(account), pairs)

    async def _exchange(self, request: Request, account: _Account) -> Response | None:
        loop = asyncio.get_running_loop()
        via = top_via(request.headers)
        branch = via.branch if via else ""
        waiting = _Waiting(
            transaction=ClientTransaction(
                request.emit(), is_reliable=False, timeout_s=self._timeout_s
            ),
            to=(account.server, account.port),
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

    def _on_response(self, response: Response) -> None:
        via = top_via(response.headers)
        waiting = self._waiting.get(via.branch) if via else None
        if waiting is not None:
            now = asyncio.get_running_loop().time()
            self._act(waiting, waiting.transaction.on_response(response, now))

    def _act(self, waiting: _Waiting, actions: tuple[Transmit | Answered | TimedOut, ...]) -> None:
        for action in actions:
            match action:
                case Transmit(data=data):
                    self._send(data, waiting.to)
                case Answered(response=response):
                    self._finish(waiting, response)
                case TimedOut():
                    self._finish(waiting, None)
        if waiting.timer is not None:
            waiting.timer.cancel()
        wake_at = waiting.transaction.wake_at
        if wake_at is not None and not waiting.answer.done():
            loop = asyncio.get_running_loop()
            waiting.timer = loop.call_at(wake_at, self._tick, waiting)

    def _tick(self, waiting: _Waiting) -> None:
        now = max(asyncio.get_running_loop().time(), waiting.transaction.wake_at or 0.0)
        self._act(waiting, waiting.transaction.on_time(now))

    def _finish(self, waiting: _Waiting, response: Response | None) -> None:
        if not waiting.answer.done():
            waiting.answer.set_result(response)

    def _send(self, data: bytes, to: Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, to)

    # --- as a server ---------------------------------------------------------------------------

    def _on_request(self, request: Request, addr: Address) -> None:
        via = top_via(request.headers)
        if via is None or request.method == "ACK":
            return
        now = asyncio.get_running_loop().time()
        source = Source(transport="udp", host=addr[0], port=addr[1])
        key = transaction_key(request, via, str(source))
        answer = self._answers.find(key, now)
        if answer is None:
            if request.method == "NOTIFY":
                self.requests.append(request)
            status, pairs = self._decide(request, addr[0], now)
            answer = render_response(
                request,
                status,
                "OK" if status < 300 else "Refused",
                pairs,
                top_via=stamp_via(request.headers, via, addr[0], addr[1]),
                to_tag=self._tag,
            )
            self._answers.keep(key, answer, now)
        self._send(answer, addr)

    def _decide(self, request: Request, host: str, now: float) -> tuple[int, list[tuple[str, str]]]:
        """Judge a request as strict stacks do: own user, then what RFC 6665 §4.1.3 demands."""
        if request.method == "OPTIONS":
            return 200, [("Allow", "OPTIONS, NOTIFY")]
        if request.method != "NOTIFY":
            return 501, []
        uri = parse_uri(request.uri)
        own = self._account.extension if self._account else None
        if not isinstance(uri, SipUri) or uri.user != own:
            return 404, []
        event = request.headers.first("event")
        if not event or not request.headers.first("subscription-state"):
            return 400, []
        return self._obey(request, event, host, now)

    def _obey(
        self, request: Request, event: str, host: str, now: float
    ) -> tuple[int, list[tuple[str, str]]]:
        if self.challenges_notify:
            verdict = self._gate.judge(request, REGISTRAR_GATE, host, now)
            if isinstance(verdict, Challenged):
                return 401, [(REGISTRAR_GATE.challenge, value) for value in verdict.values]
            if not isinstance(verdict, Allowed):
                return 403, []
        if self.notify_status < 300:
            self.on_notify(event)
        return self.notify_status, []

    def _secret_of(self, name: str) -> str | None:
        account = self._account
        return account.secret if account is not None and name == account.auth_name else None
