"""A call that a simulated phone makes: INVITE with digest, ACK, talk, BYE. RFC 3261 §13, §15."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.simulator.account import CHALLENGES, SipAccount
from offhook.simulator.exchange import Address, Exchanges
from offhook.simulator.talking import sdp_offer
from offhook.sip.message import Request, Response, make_request
from offhook.sip.uri import parse_name_addr, split_list

CHALLENGES_ANSWERED = 2
"""One for the password, one more when the nonce was stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What became of a call: the last answer's status, 0 for none; `step` is what it answered."""

    step: str
    status: int
    reason: str = ""

    @property
    def is_good(self) -> bool:
        """True when it was answered and hung up in order."""
        return self.step == "BYE" and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """The caller's side of a call that was answered. RFC 3261 §12.1.2."""

    target: str
    routes: tuple[str, ...]
    local: str
    remote: str
    call_id: str

    @classmethod
    def of(cls, invite: Request, answer: Response) -> Dialog:
        """Take target, routes and tags from an INVITE and its 2xx."""
        contact = parse_name_addr(answer.headers.first("contact") or "")
        routes = [
            piece for value in answer.headers.all("record-route") for piece in split_list(value)
        ]
        return cls(
            target=contact.uri if contact else invite.uri,
            routes=tuple(reversed(routes)),
            local=invite.headers.first("from") or "",
            remote=answer.headers.first("to") or "",
            call_id=invite.headers.first("call-id") or "",
        )

    def request(self, method: str, cseq: int, via: str) -> Request:
        """Make a request within it."""
        pairs = [
            ("Via", via),
            *(("Route", route) for route in self.routes),
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
        ]
        return make_request(method, self.target, pairs)


@dataclass(slots=True, kw_only=True)
class Calling:
    """One call to a number. `via` writes a Via with a new branch."""

    number: str
    account: SipAccount
    contact: str
    host: str
    via: Callable[[], str]
    acknowledge: Callable[[Request], None]
    on_ringing: Callable[[], None]
    _call_id: str = field(default_factory=lambda: secrets.token_hex(12))
    _tag: str = field(default_factory=lambda: secrets.token_hex(6))
    _cseq: int = 0
    _has_rung: bool = False

    async def run(self, exchanges: Exchanges, to: Address, talk_s: float) -> Called:
        """Call, talk, hang up; all goes to the registrar, which is the phones' proxy."""
        invite = self._invite()
        answer = await exchanges.invite(invite, to, self._hearing(invite))
        for _ in range(CHALLENGES_ANSWERED):
            if answer is None or answer.status not in CHALLENGES:
                break
            credentials = self.account.credentials(answer, "INVITE", invite.uri)
            if credentials is None:
                break
            invite = self._invite(credentials)
            answer = await exchanges.invite(invite, to, self._hearing(invite))
        if answer is None or answer.status >= 300:
            return _called("INVITE", answer)
        await asyncio.sleep(talk_s)
        self._cseq += 1
        bye = Dialog.of(invite, answer).request("BYE", self._cseq, self.via())
        return _called("BYE", await exchanges.ask(bye, to))

    def _hearing(self, invite: Request) -> Callable[[Response], None]:
        """Acknowledge every 2xx, the repeated ones too. RFC 3261 §13.2.2.4."""
        cseq = self._cseq

        def hear(response: Response) -> None:
            if 100 < response.status < 200 and not self._has_rung:
                self._has_rung = True
                self.on_ringing()
            if 200 <= response.status < 300:
                self.acknowledge(Dialog.of(invite, response).request("ACK", cseq, self.via()))

        return hear

    def _invite(self, *extra: tuple[str, str]) -> Request:
        self._cseq += 1
        place = self.account.place
        kind, body = sdp_offer(self.host)
        pairs = [
            ("Via", self.via()),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self.account.extension}@{place}>;tag={self._tag}"),
            ("To", f"<sip:{self.number}@{place}>"),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} INVITE"),
            ("Contact", f"<{self.contact}>"),
            ("User-Agent", self.account.user_agent),
            *extra,
            kind,
        ]
        return make_request("INVITE", f"sip:{self.number}@{place}", pairs, body)


def _called(step: str, answer: Response | None) -> Called:
    if answer is None:
        return Called(step=step, status=0)
    return Called(step=step, status=answer.status, reason=answer.reason)
