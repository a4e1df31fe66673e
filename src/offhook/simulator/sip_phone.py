"""A small SIP phone on UDP: registers with digest, obeys or refuses NOTIFY, can die silently."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence

from offhook.simulator.account import CHALLENGES, SipAccount
from offhook.simulator.answering import Answering
from offhook.simulator.calling import Called, Calling
from offhook.simulator.exchange import Exchanges
from offhook.simulator.talking import Talking
from offhook.simulator.wire import Address, OpenWire, OwnWire, Wire
from offhook.sip.digest import MD5_FIRST, Algorithm
from offhook.sip.message import Request, Response, make_request
from offhook.sip.parse import parse_datagram
from offhook.sip.uri import join_host_port
from offhook.sip.via import top_via, write_via


class SipPhone:
    """One phone with one account.

    `notify_status` is its answer to NOTIFY; with `challenges_notify` it asks for the digest of its
    own account first, in a realm of its own, as desk phones of some makers do.
    `on_notify` gets the Event header of each NOTIFY it answers with 2xx, once however often it is
    repeated. `requests` keeps every NOTIFY that came. With `removes_all` it signs off all phones of
    its extension instead of itself (RFC 3261 §10.2.2). `open_wire` gives it another place on the
    network than a socket of its own at `bind`. One that `takes_calls` has `talking`.
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
        open_wire: OpenWire | None = None,
        takes_calls: bool = False,
    ) -> None:
        self.notify_status = notify_status
        self.challenges_notify = challenges_notify
        self.on_notify = on_notify
        self.is_silent = False
        self.removes_all = False
        self.account: SipAccount | None = None
        self._bind = bind
        self._open_wire = open_wire or (lambda heard: OwnWire(bind, heard))
        self._wire: Wire | None = None
        self._is_closed = False
        self.exchanges = Exchanges(self.send, timeout_s)
        self._answering = Answering(phone=self, algorithms=challenge_algorithms)
        self.talking: Talking | None = None
        if takes_calls:
            self.talking = Talking(send=self.send, contact=lambda: self.contact, host=bind)
        self.boot()

    @property
    def requests(self) -> list[Request]:
        """Every NOTIFY that came."""
        return self._answering.notifies

    def boot(self) -> None:
        """Start afresh: a new Call-ID and tag, as a phone does when it was restarted."""
        self._call_id = secrets.token_hex(12)
        self.tag = secrets.token_hex(6)
        self._cseq = 0

    @property
    def user(self) -> str | None:
        """The user its Contact names; None before it has an account."""
        return self.account.extension if self.account else None

    @property
    def port(self) -> int:
        """The local port; 0 before the first register."""
        return self._wire.port if self._wire else 0

    @property
    def contact(self) -> str:
        """The URI it registers."""
        return f"sip:{self.user or ''}@{join_host_port(self._bind, self.port)}"

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
        """Register, with digest when asked; gives the last answer, None when nobody answered.

        Raises OSError when it has no place on the network.
        """
        if self._wire is None:
            self._wire = self._open_wire(self._on_datagram)
        self.account = SipAccount(
            server=server,
            port=port,
            extension=extension,
            auth_name=auth_name or extension,
            secret=secret,
            user_agent=user_agent,
            headers=tuple(headers),
        )
        return await self._register(self.account, expires_s)

    async def refresh(self, expires_s: int = 3600) -> Response | None:
        """Register again with the same account. Raises RuntimeError before the first register."""
        if self.account is None:
            raise RuntimeError("this phone has no account yet")
        return await self._register(self.account, expires_s)

    async def unregister(self) -> Response | None:
        """Remove its binding."""
        return await self.refresh(expires_s=0)

    async def close(self, *, silently: bool = False) -> None:
        """Un-register and stop; silently: die as when the cable is pulled."""
        if not silently and self._wire is not None and self.account is not None:
            await self.unregister()
        self._is_closed = True
        self.exchanges.abandon()
        if self.talking is not None:
            self.talking.stop()
        if self._wire is not None:
            self._wire.close()

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram from its place."""
        if self._wire is not None and not self._is_closed:
            self._wire.send(data, to)

    # --- as a client ---------------------------------------------------------------------------

    async def _register(self, account: SipAccount, expires_s: int) -> Response | None:
        to = (account.server, account.port)
        response = await self.exchanges.ask(self._build_register(account, expires_s), to)
        for _ in range(2):  # the second challenge says stale, or that the password is wrong
            if response is None or response.status not in CHALLENGES:
                break
            credentials = account.credentials(response, "REGISTER", f"sip:{account.place}")
            if credentials is None:
                break
            request = self._build_register(account, expires_s, credentials)
            response = await self.exchanges.ask(request, to)
            if response is None or not _is_stale(response):
                break
        return response

    def _build_register(
        self, account: SipAccount, expires_s: int, *extra: tuple[str, str]
    ) -> Request:
        self._cseq += 1
        aor = f"<sip:{account.extension}@{account.place}>"
        pairs = [
            ("Via", self.via()),
            ("Max-Forwards", "70"),
            ("From", f"{aor};tag={self.tag}"),
            ("To", aor),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} REGISTER"),
            ("Contact", "*" if self.removes_all and not expires_s else f"<{self.contact}>"),
            ("Expires", str(expires_s)),
            ("User-Agent", account.user_agent),
            *account.headers,
            *extra,
        ]
        return make_request("REGISTER", f"sip:{account.place}", pairs)

    def via(self) -> str:
        """Write a Via with a new branch."""
        return write_via("UDP", self._bind, self.port, f"z9hG4bK{secrets.token_hex(8)}")

    async def call(
        self, number: str, talk_s: float, on_ringing: Callable[[], None] = lambda: None
    ) -> Called:
        """Call a number, talk and hang up. Raises RuntimeError before the first register."""
        account, talking = self.account, self.talking
        if account is None or talking is None:
            raise RuntimeError("this phone cannot call yet")
        to = (account.server, account.port)
        calling = Calling(
            number=number,
            account=account,
            contact=self.contact,
            host=self._bind,
            via=self.via,
            acknowledge=lambda request: self.send(request.emit(), to),
            on_ringing=on_ringing,
        )
        talking.is_calling = True
        try:
            return await calling.run(self.exchanges, to, talk_s)
        finally:
            talking.is_calling = False

    # --- as a server ---------------------------------------------------------------------------

    def _on_datagram(self, data: bytes, host: str, port: int) -> None:
        message = parse_datagram(data)
        if isinstance(message, Response):
            self.exchanges.on_response(message)
        elif isinstance(message, Request) and not self.is_silent:
            self._on_request(message, host, port)

    def _on_request(self, request: Request, host: str, port: int) -> None:
        via = top_via(request.headers)
        if via is None:
            return
        if self.talking is not None and request.method in self.talking.METHODS:
            self.talking.on_request(request, via, (host, port))
            return
        if request.method == "ACK":
            return
        now = asyncio.get_running_loop().time()
        self.send(self._answering.answer(request, via, host, port, now), (host, port))

    def secret_of(self, name: str) -> str | None:
        """The secret of its account, None for another user name."""
        account = self.account
        return account.secret if account is not None and name == account.auth_name else None


def _is_stale(response: Response) -> bool:
    """Tell whether only the nonce was too old."""
    names = CHALLENGES.get(response.status)
    return names is not None and any(
        "stale=true" in value for value in response.headers.all(names[0])
    )
