"""Every message that arrives: retransmissions, verdicts, the registrar, and what we do not do.

A proxy comes beside the registrar as one more method of the table in `Server`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import assert_never

from offhook.sip.auth import (
    PROXY_GATE,
    Allowed,
    Authenticator,
    Barred,
    Challenged,
    Misdirected,
    SecretOf,
)
from offhook.sip.bindings import Source
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
from offhook.sip.registrar import Effect, Registrar, Reply, bad_extension, unsupported
from offhook.sip.transaction import AnswerCache, transaction_key
from offhook.sip.uri import SipUri, parse_uri
from offhook.sip.via import Via, reply_address, stamp_via, top_via

ALLOW = "REGISTER, OPTIONS, ACK, CANCEL"
# Methods of RFC 3261 and its extensions; others are 501.
_IN_DIALOG = frozenset({"BYE", "PRACK", "INFO", "UPDATE", "NOTIFY", "CANCEL"})
_KNOWN_METHODS = _IN_DIALOG | {
    "INVITE",
    "OPTIONS",
    "REGISTER",
    "SUBSCRIBE",
    "PUBLISH",
    "REFER",
    "MESSAGE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Bytes to send back: over UDP to `host` and `port`, over TCP on the same connection."""

    data: bytes
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What one message leads to. `status` is the answer's; `junk` why it was dropped or refused."""

    answer: Answer | None = None
    effects: tuple[Effect, ...] = ()
    status: int = 0
    junk: str = ""
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
        authenticator: Authenticator,
        secret_of: SecretOf,
        answers: AnswerCache,
        tag_key: bytes,
        agent: str = "Offhook",
    ) -> None:
        self._registrar = registrar
        self._authenticator = authenticator
        self._secret_of = secret_of
        self._answers = answers
        self._tag_key = tag_key
        self._agent = agent

    def receive_datagram(self, data: bytes, source: Source, now: float) -> Reaction:
        """React to one datagram."""
        return self.receive(parse_datagram(data), source, now)

    def receive(self, item: Message | Verdict | KeepAlive, source: Source, now: float) -> Reaction:
        """React to one message of a datagram or a stream. Responses are handed back."""
        match item:
            case KeepAlive():
                return self._pong(item, source)
            case Junk():
                return Reaction(junk=item.reason)
            case Response():
                return Reaction(response=item)
            case Refusal():
                return self._refuse(item, source)
            case Request():
                return self._serve(item, source, now)
            case _:  # pragma: no cover
                assert_never(item)

    def _pong(self, ping: KeepAlive, source: Source) -> Reaction:
        if not ping.is_ping:
            return NOTHING
        return Reaction(answer=Answer(data=b"\r\n", host=source.host, port=source.port))

    def _refuse(self, refusal: Refusal, source: Source) -> Reaction:
        via = top_via(refusal.request.headers)
        if via is None:  # pragma: no cover - parse gives Junk then
            return Reaction(junk=refusal.reason)
        reply = Reply(status=refusal.status, reason=refusal.reason)
        answer = self._answer(refusal.request, reply, via, source)
        return Reaction(answer=answer, status=refusal.status, junk=refusal.reason)

    def _serve(self, request: Request, source: Source, now: float) -> Reaction:
        via = top_via(request.headers)
        if via is None or request.method == "ACK":
            return NOTHING
        is_stored = source.transport == "udp"  # timer J is zero on streams, RFC 3261 §17.2.2
        key = transaction_key(request, via, str(source)) if is_stored else ""
        stored = self._answers.find(key, now) if is_stored else None
        if stored is not None:
            host, port = reply_address(via, source.host, source.port)
            return Reaction(answer=Answer(data=stored, host=host, port=port))
        reply = self._decide(request, source, now)
        answer = self._answer(request, reply, via, source)
        if is_stored and reply.is_kept:
            self._answers.keep(key, answer.data, now)
        return Reaction(answer=answer, effects=reply.effects, status=reply.status)

    def _decide(self, request: Request, source: Source, now: float) -> Reply:
        if request.method not in _KNOWN_METHODS:
            return Reply(status=501, reason="Not Implemented", headers=(("Allow", ALLOW),))
        if not isinstance(parse_uri(request.uri), SipUri):
            return Reply(status=416, reason="Unsupported URI Scheme")
        if request.method == "REGISTER":
            return self._registrar.handle(request, source, now)
        unknown = unsupported(request, ())
        # Require has no meaning in CANCEL. RFC 3261 §8.2.2.3
        if unknown and request.method != "CANCEL":
            return bad_extension(unknown)
        return self._decide_other(request, source, now)

    def _decide_other(self, request: Request, source: Source, now: float) -> Reply:
        method = request.method
        if method == "OPTIONS":
            headers = (("Allow", ALLOW), ("Accept", "application/sdp"), ("Supported", "path"))
            return Reply(status=200, reason="OK", headers=headers)
        if method == "INVITE":
            return self._invite(request, source, now)
        if method in _IN_DIALOG:
            return Reply(status=481, reason="Call/Transaction Does Not Exist")
        if method in ("SUBSCRIBE", "PUBLISH"):
            # No event package yet; phones then stop asking (RFC 6665 §4.2.1.1, RFC 3903 §6).
            return Reply(status=489, reason="Bad Event")
        return Reply(status=405, reason="Method Not Allowed", headers=(("Allow", ALLOW),))

    def _invite(self, request: Request, source: Source, now: float) -> Reply:
        """Authenticate first, so that a stranger learns no numbers; calls themselves come later."""
        verdict = self._authenticator.judge(request, PROXY_GATE, source.host, now)
        match verdict:
            case Challenged():
                headers = tuple((PROXY_GATE.challenge, value) for value in verdict.values)
                return Reply(status=PROXY_GATE.status, reason=PROXY_GATE.reason, headers=headers)
            case Allowed():
                uri = parse_uri(request.uri)
                if not isinstance(uri, SipUri) or self._secret_of(uri.user) is None:
                    return Reply(status=404, reason="Not Found", is_kept=True)
                return Reply(status=480, reason="Temporarily Unavailable", is_kept=True)
            case Barred():
                return Reply(status=403, reason="Too Many Failures")
            case Misdirected():
                return Reply(status=400, reason="Digest For Another URI")
            case _:  # pragma: no cover
                assert_never(verdict)

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
        parts = [request.headers.first(name) or "" for name in ("call-id", "from", "cseq")]
        text = "|".join(parts).encode("utf-8", "surrogateescape")
        return hashlib.blake2s(text, key=self._tag_key, digest_size=8).hexdigest()
