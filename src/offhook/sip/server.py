"""Every message that arrives: retransmissions, verdicts, registrar, proxy, and what we refuse."""

from __future__ import annotations

import hashlib
from typing import assert_never

from offhook.sip.bindings import Source
from offhook.sip.flow import Outbound
from offhook.sip.forward import hops_left, tag_of
from offhook.sip.message import (
    Junk,
    KeepAlive,
    Message,
    Refusal,
    Request,
    Response,
    Verdict,
    render_response,
)
from offhook.sip.parse import parse_datagram
from offhook.sip.proxy import Forwarded, Proxy
from offhook.sip.registrar import Effect, Registrar, Reply, bad_extension, unsupported
from offhook.sip.subscriptions import ALLOW_EVENTS, Subscriptions
from offhook.sip.transaction import AnswerCache, transaction_key
from offhook.sip.uri import SipUri, parse_uri
from offhook.sip.via import Via, answerable_via, reply_address, stamp_via, top_via
from offhook.values import light

ALLOW = (
    "REGISTER, OPTIONS, INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE,"
    " SUBSCRIBE"
)
# Methods of RFC 3261 and its extensions; others are 501.
_IN_DIALOG = frozenset({"BYE", "PRACK", "INFO", "UPDATE", "NOTIFY"})
_KNOWN_METHODS = _IN_DIALOG | {
    "CANCEL",
    "INVITE",
    "OPTIONS",
    "REGISTER",
    "SUBSCRIBE",
    "PUBLISH",
    "REFER",
    "MESSAGE",
}


@light(frozen=True, slots=True, kw_only=True)
class Answer:
    """Bytes to send back: over UDP to `host` and `port`, over TCP on the same connection."""

    data: bytes
    host: str
    port: int


@light(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What one message leads to. `status` is the answer's; `junk` why it was dropped or refused.

    `sends` go to other phones, or are answers that came from them; `after` follows the answer.
    `why` is the reply's.
    """

    answer: Answer | None = None
    sends: tuple[Outbound, ...] = ()
    after: tuple[Outbound, ...] = ()
    effects: tuple[Effect, ...] = ()
    status: int = 0
    junk: str = ""
    why: str = ""
    response: Response | None = None


NOTHING = Reaction()


class Server:
    """The server side of SIP without sockets. `tag_key` is random and makes our To tags.

    Answers to strangers are made anew for each retransmission, with the same tag (RFC 3261
    §8.2.7); only answers that had valid credentials are kept, so strangers cost no memory.
    """

    def __init__(
        self,
        *,
        registrar: Registrar,
        proxy: Proxy,
        subscriptions: Subscriptions,
        answers: AnswerCache,
        tag_key: bytes,
        agent: str = "Offhook",
    ) -> None:
        self._registrar = registrar
        self._proxy = proxy
        self._subscriptions = subscriptions
        self._answers = answers
        self._tags = hashlib.blake2s(key=tag_key, digest_size=8)
        self._agent = agent

    def receive_datagram(self, data: bytes, source: Source, now: float) -> Reaction:
        """React to one datagram."""
        return self.receive(parse_datagram(data), source, now)

    def receive(self, item: Message | Verdict | KeepAlive, source: Source, now: float) -> Reaction:
        """React to one message of a datagram or a stream. Responses are handed back."""
        match item:
            case Request():  # first, as nearly all are
                return self._serve(item, source, now)
            case KeepAlive():
                return self._pong(item, source)
            case Junk():
                return Reaction(junk=item.reason)
            case Response():
                return Reaction(response=item)
            case Refusal():
                return self._refuse(item, source)
            case _:  # pragma: no cover
                assert_never(item)

    def _pong(self, ping: KeepAlive, source: Source) -> Reaction:
        if not ping.is_ping:
            return NOTHING
        return Reaction(answer=Answer(data=b"\r\n", host=source.host, port=source.port))

    def _refuse(self, refusal: Refusal, source: Source) -> Reaction:
        via = answerable_via(refusal.request.headers)
        if via is None:  # pragma: no cover - parse gives Junk then
            return Reaction(junk=refusal.reason)
        reply = Reply(status=refusal.status, reason=refusal.reason)
        answer = self._answer(refusal.request, reply, via, source)
        return Reaction(answer=answer, status=refusal.status, junk=refusal.reason)

    def _serve(self, request: Request, source: Source, now: float) -> Reaction:
        via = top_via(request.headers)
        if via is None:  # pragma: no cover - parse gives Junk then
            return NOTHING
        if request.method == "ACK":
            return Reaction(sends=self._proxy.acknowledge(request, via, source))
        key = transaction_key(request, via, str(source))
        repeated = self._proxy.repeat(key)
        if repeated is not None:
            return Reaction(sends=repeated)
        is_stored = source.transport == "udp"  # timer J is zero on streams, RFC 3261 §17.2.2
        stored = self._answers.find(key, now) if is_stored else None
        if stored is not None:
            host, port = reply_address(via, source.host, source.port)
            return Reaction(answer=Answer(data=stored, host=host, port=port))
        outcome = self._decide(request, via, source, now)
        sends = outcome.sends if isinstance(outcome, Forwarded) else ()
        after = outcome.after if isinstance(outcome, Forwarded) else ()
        reply = outcome.reply if isinstance(outcome, Forwarded) else outcome
        if reply is None:
            return Reaction(sends=sends)
        answer = self._answer(request, reply, via, source)
        if is_stored and reply.is_kept:
            self._answers.keep(key, answer.data, now)
        return Reaction(
            answer=answer,
            sends=sends,
            after=after,
            effects=reply.effects,
            status=reply.status,
            why=reply.why,
        )

    def _decide(self, request: Request, via: Via, source: Source, now: float) -> Reply | Forwarded:
        method = request.method
        if method not in _KNOWN_METHODS:
            return Reply(status=501, reason="Not Implemented", headers=(("Allow", ALLOW),))
        if not isinstance(parse_uri(request.uri), SipUri):
            return Reply(status=416, reason="Unsupported URI Scheme")
        if method == "REGISTER":
            return self._registrar.handle(request, source, now)
        if method == "CANCEL":  # Require has no meaning in it, RFC 3261 §8.2.2.3
            gone = Reply(status=481, reason="Call/Transaction Does Not Exist")
            return self._proxy.cancel(request, via, source) or gone
        if method == "SUBSCRIBE" and self._subscriptions.is_for_us(request):
            reply, after = self._subscriptions.take(request, via, source, now, self._tag(request))
            return Forwarded(reply=reply, after=after)
        if tag_of(request.headers, "to") or _is_for_extension(request):
            return self._proxy.take(request, via, source, now, self._tag(request))
        unknown = unsupported(request, ())
        return bad_extension(unknown) if unknown else _decide_own(method)

    def _answer(self, request: Request, reply: Reply, via: Via, source: Source) -> Answer:
        data = render_response(
            request,
            reply.status,
            reply.reason,
            (*reply.headers, ("Server", self._agent)),
            top_via=stamp_via(request.headers, via, source.host, source.port),
            to_tag=self._tag(request),
        )
        host, port = reply_address(via, source.host, source.port)
        return Answer(data=data, host=host, port=port)

    def _tag(self, request: Request) -> str:
        """Make the To tag from the request itself, so that a repeated one gets the same."""
        first = request.headers.first
        text = f"{first('call-id')}|{first('from')}|{first('cseq')}"
        tag = self._tags.copy()
        tag.update(text.encode("utf-8", "surrogateescape"))
        return tag.hexdigest()


def _is_for_extension(request: Request) -> bool:
    """Tell what goes to an extension, known or not; OPTIONS may end here. RFC 3261 §11, §16.3."""
    if request.method == "OPTIONS":
        uri = parse_uri(request.uri)
        return isinstance(uri, SipUri) and bool(uri.user) and hops_left(request) > 0
    return request.method in ("INVITE", "MESSAGE", "REFER")


def _decide_own(method: str) -> Reply:
    """Answer what is neither for an extension nor inside a dialog."""
    if method == "OPTIONS":
        accept, supported = ("Accept", "application/sdp"), ("Supported", "path")
        headers = (("Allow", ALLOW), accept, supported, ALLOW_EVENTS)
        return Reply(status=200, reason="OK", headers=headers)
    if method in _IN_DIALOG:
        return Reply(status=481, reason="Call/Transaction Does Not Exist")
    return Reply(status=405, reason="Method Not Allowed", headers=(("Allow", ALLOW),))
