"""What a phone answers to requests that begin no call: NOTIFY is judged, OPTIONS is told."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from offhook.sip.auth import REGISTRAR_GATE, Allowed, Authenticator, Challenged
from offhook.sip.bindings import Source
from offhook.sip.digest import Algorithm
from offhook.sip.limits import FailureLimits
from offhook.sip.message import Request, render_response
from offhook.sip.nonces import Nonces
from offhook.sip.transaction import AnswerCache, transaction_key
from offhook.sip.uri import SipUri, parse_uri
from offhook.sip.via import Via, stamp_via

Decision = tuple[int, list[tuple[str, str]]]


class Answerer(Protocol):
    """What a phone is to whom it answers; all of it may change at any moment.

    `notify_status` answers a NOTIFY that is as it must be. With `challenges_notify` the phone first
    asks for the digest of its own account, in a realm of its own. `on_notify` gets the Event of
    each NOTIFY that it answers with 2xx. `user` is the user its Contact names, `tag` its own.
    """

    notify_status: int
    challenges_notify: bool
    on_notify: Callable[[str], None]
    tag: str

    @property
    def user(self) -> str | None:
        """The user its Contact names; None before it has an account."""
        ...

    def secret_of(self, name: str) -> str | None:
        """The secret of its account, None for another user name."""
        ...


@dataclass(slots=True, kw_only=True)
class Answering:
    """One phone's answers, each kept for the repetitions of its request.

    `notifies` keeps every NOTIFY that came.
    """

    phone: Answerer
    algorithms: Sequence[Algorithm]
    notifies: list[Request] = field(default_factory=list)
    _answers: AnswerCache | None = None
    _gate: Authenticator | None = None

    def answer(self, request: Request, via: Via, host: str, port: int, now: float) -> bytes:
        """Give the answer's bytes; a repeated request gets the same again."""
        if self._answers is None:  # most phones of a fleet are asked nothing for long
            self._answers = AnswerCache(capacity=64)
        source = Source(transport="udp", host=host, port=port)
        key = transaction_key(request, via, str(source))
        found = self._answers.find(key, now)
        if found is None:
            if request.method == "NOTIFY":
                self.notifies.append(request)
            status, pairs = self._decide(request, host, now)
            found = render_response(
                request,
                status,
                "OK" if status < 300 else "Refused",
                pairs,
                top_via=stamp_via(request.headers, via, host, port),
                to_tag=self.phone.tag,
            )
            self._answers.keep(key, found, now)
        return found

    def _decide(self, request: Request, host: str, now: float) -> Decision:
        """Judge a request as strict stacks do: own user, then what RFC 6665 §4.1.3 demands."""
        if request.method == "OPTIONS":
            return 200, [("Allow", "OPTIONS, NOTIFY")]
        if request.method != "NOTIFY":
            return 501, []
        uri = parse_uri(request.uri)
        if not isinstance(uri, SipUri) or uri.user != self.phone.user:
            return 404, []
        event = request.headers.first("event")
        if not event or not request.headers.first("subscription-state"):
            return 400, []
        return self._obey(request, event, host, now)

    def _obey(self, request: Request, event: str, host: str, now: float) -> Decision:
        if self.phone.challenges_notify:
            verdict = self._opened_gate().judge(request, REGISTRAR_GATE, host, now)
            if isinstance(verdict, Challenged):
                return 401, [(REGISTRAR_GATE.challenge, value) for value in verdict.values]
            if not isinstance(verdict, Allowed):
                return 403, []
        if self.phone.notify_status < 300:
            self.phone.on_notify(event)
        return self.phone.notify_status, []

    def _opened_gate(self) -> Authenticator:
        if self._gate is None:
            self._gate = Authenticator(
                realm="phone",
                secret_of=self.phone.secret_of,
                nonces=Nonces(key=secrets.token_bytes(16), lifetime_s=60),
                limits=FailureLimits(),
                dummy_secret=secrets.token_hex(8),
                algorithms=self.algorithms,
            )
        return self._gate
