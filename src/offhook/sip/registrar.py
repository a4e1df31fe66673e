"""The registrar: a REGISTER in, an answer and what it changed out. RFC 3261 §10.3."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache, partial
from typing import assert_never

from offhook.sip.auth import (
    REGISTRAR_GATE,
    Allowed,
    Authenticator,
    Barred,
    Challenged,
    Misdirected,
)
from offhook.sip.bindings import (
    Ask,
    Binding,
    BindingEffect,
    BindingTable,
    Conflict,
    Source,
)
from offhook.sip.message import TCHARS, Request
from offhook.sip.parse import address_of, digits
from offhook.sip.uri import NameAddr, SipUri, parse_name_addr, parse_uri, quote, split_list
from offhook.sip.via import parse_cseq
from offhook.values import light

MAX_URI_CHARS = 512
MAX_PATHS = 5
MAX_INSTANCE_CHARS = 256
MAX_USER_AGENT_CHARS = 256
_SUPPORTED = frozenset({"path"})
# RFC 3261 §10.3 step 7: an interval of an hour or more is never too brief.
_HOUR_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryPolicy:
    """How long a binding may live, in seconds."""

    min_s: int = 60
    max_s: int = 7200
    default_s: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class TooBrief:
    """The lifetime asked for is below what we allow: 423 with this Min-Expires."""

    min_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A REGISTER failed for good: wrong_digest, unknown_user or wrong_user (another's AoR)."""

    reason: str
    claimed: str
    aor: str
    request: Request


Effect = BindingEffect | Refused


@light(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a request before the transport's part, and what it changed.

    `is_kept` is True when a retransmission must get the same answer and not be worked on again.
    `why` says what the status does not: `stale`, `barred` or `other_uri`.
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    effects: tuple[Effect, ...] = ()
    is_kept: bool = False
    why: str = ""


def granted_expiry_s(asked_s: int | None, policy: ExpiryPolicy) -> int | TooBrief:
    """Choose the lifetime of a binding, in seconds.

    None means the request named no usable lifetime. Zero (removal) passes through. TooBrief
    carries the Min-Expires value for the 423 answer. RFC 3261 §10.3 step 7.
    """
    if asked_s is None:
        return policy.default_s
    if 0 < asked_s < policy.min_s and asked_s < _HOUR_S:
        return TooBrief(min_s=policy.min_s)
    return min(asked_s, policy.max_s)


def unsupported(request: Request, supported: Iterable[str] = _SUPPORTED) -> list[str]:
    """List the option tags of Require that we do not know. RFC 3261 §8.2.2.3."""
    if "require" not in request.headers.index:
        return []
    known = frozenset(supported)
    tags = [tag for value in request.headers.all("require") for tag in split_list(value)]
    return [tag for tag in tags if tag and tag.lower() not in known]


def bad_extension(unknown: Sequence[str]) -> Reply:
    """Answer a Require that cannot be met: 420 naming the tags, 400 when they are no tags."""
    listed = ", ".join(unknown)
    if not all(re.fullmatch(TCHARS, tag) for tag in unknown):
        return Reply(status=400, reason="Malformed Require")
    return Reply(status=420, reason="Bad Extension", headers=(("Unsupported", listed),))


class Registrar:
    """Answers REGISTER. Any host in the Request-URI is ours: phones use every name we have.

    `note_of` gives a text to keep with each binding of a request.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        table: BindingTable,
        policy: ExpiryPolicy,
        note_of: Callable[[Request], str] = lambda request: "",
    ) -> None:
        self._authenticator = authenticator
        self._table = table
        self._policy = policy
        self._note_of = note_of

    def handle(self, request: Request, source: Source, now: float) -> Reply:
        """Work through the steps of RFC 3261 §10.3 in their order."""
        unknown = unsupported(request)
        if unknown:
            return bad_extension(unknown)
        to = address_of(request.headers, "to")
        if not isinstance(to, SipUri):
            return Reply(status=404, reason="Not Found")
        aor = to.user
        verdict = self._authenticator.judge(
            request,
            REGISTRAR_GATE,
            source.host,
            now,
            known_as=aor if self._is_known(aor, request, source) else "",
        )
        match verdict:
            case Challenged():
                return _challenge(verdict, aor, request)
            case Barred():
                return Reply(status=403, reason="Too Many Failures", why="barred")
            case Misdirected():
                return Reply(status=400, reason="Digest For Another URI", why="other_uri")
            case Allowed():
                return self._register(request, source, now, aor, verdict.user)
            case _:  # pragma: no cover
                assert_never(verdict)

    def _is_known(self, aor: str, request: Request, source: Source) -> bool:
        """Say whether this is a phone that is registered: its very source, or its own Call-ID.

        The Call-ID serves phones on TCP, whose port is new after each connect; a stranger behind
        the same address does not know it.
        """
        text, host = str(source), f":{source.host}:"
        call_id = request.headers.first("call-id")
        return any(
            binding.source == text or (binding.call_id == call_id and host in binding.source)
            for binding in self._table.of(aor)
        )

    def _register(self, request: Request, source: Source, now: float, aor: str, user: str) -> Reply:
        if user != aor:
            refused = Refused(reason="wrong_user", claimed=user, aor=aor, request=request)
            return Reply(status=403, reason="Not Your Address", effects=(refused,), is_kept=True)
        paths = _read_paths(request)
        if paths is None:
            return _bad("Malformed Path")
        outcome = self._change(request, source, now, aor, paths)
        if isinstance(outcome, Reply):
            return outcome
        if isinstance(outcome, Conflict):
            return Reply(status=outcome.status, reason=outcome.reason, is_kept=True)
        headers = [("Contact", _write_contact(b, now)) for b in self._table.of(aor)]
        headers += [("Path", path) for path in paths]
        headers.append(("Date", _date(int(now))))
        return Reply(status=200, reason="OK", headers=tuple(headers), effects=outcome, is_kept=True)

    def _change(
        self, request: Request, source: Source, now: float, aor: str, paths: tuple[str, ...]
    ) -> tuple[BindingEffect, ...] | Conflict | Reply:
        header_s = digits(request.headers.first("expires"))
        contacts = [
            piece for value in request.headers.all("contact") for piece in split_list(value)
        ]
        number, _ = parse_cseq(request.headers.first("cseq") or "") or (0, "")
        call_id = request.headers.first("call-id") or ""
        if "*" in contacts:
            if len(contacts) > 1 or header_s != 0:
                return _bad("Contact Star Needs Expires Zero")
            return self._table.clear(aor, call_id, number)
        make = partial(
            Binding,
            aor=aor,
            source=str(source),
            call_id=call_id,
            cseq=number,
            user_agent=_clean(request.headers.first("user-agent") or "")[:MAX_USER_AGENT_CHARS],
            path=paths,
            note=self._note_of(request) if contacts else "",
            registered_at=now,
            refreshed_at=now,
        )
        asks: list[Ask] = []
        for text in contacts:
            ask = self._read_ask(text, header_s, now, make)
            if isinstance(ask, Reply):
                return ask
            asks.append(ask)
        return self._table.apply(aor, asks)

    def _read_ask(
        self, text: str, header_s: int | None, now: float, make: Callable[..., Binding]
    ) -> Ask | Reply:
        address = parse_name_addr(text)
        uri = parse_uri(address.uri) if address else None
        if address is None or not isinstance(uri, SipUri) or len(uri.text) > MAX_URI_CHARS:
            return _bad("Malformed Contact")
        if address.is_bare and "?" in uri.text:  # RFC 3261 §20.10, RFC 4475 §3.1.2.17
            return _bad("Contact Needs Angle Brackets")
        asked_s = digits(address.params["expires"]) if "expires" in address.params else header_s
        granted_s = granted_expiry_s(asked_s, self._policy)
        if isinstance(granted_s, TooBrief):
            return Reply(
                status=423,
                reason="Interval Too Brief",
                headers=(("Min-Expires", str(granted_s.min_s)),),
                is_kept=True,
            )
        return Ask(
            uri=uri,
            binding=_bind(make, uri, address, now + granted_s),
            is_removal=granted_s == 0,
        )


def _bind(
    make: Callable[..., Binding], uri: SipUri, address: NameAddr, expires_at: float
) -> Binding:
    reg_id = digits(address.params.get("reg-id"))
    return make(
        contact=uri.text,
        instance=_clean(address.params.get("+sip.instance", ""))[:MAX_INSTANCE_CHARS],
        reg_id="" if reg_id is None else str(reg_id),
        q=_read_q(address.params.get("q", "")),
        expires_at=expires_at,
    )


def _bad(reason: str) -> Reply:
    return Reply(status=400, reason=reason, is_kept=True)


def _challenge(verdict: Challenged, aor: str, request: Request) -> Reply:
    headers = tuple((REGISTRAR_GATE.challenge, value) for value in verdict.values)
    effects: tuple[Effect, ...] = ()
    if verdict.wrong is not None:
        effects = (
            Refused(reason=verdict.wrong.value, claimed=verdict.claimed, aor=aor, request=request),
        )
    return Reply(
        status=REGISTRAR_GATE.status,
        reason=REGISTRAR_GATE.reason,
        headers=headers,
        effects=effects,
        is_kept=bool(effects),
        why="stale" if verdict.is_stale else "",
    )


def _read_paths(request: Request) -> tuple[str, ...] | None:
    """Read Path in order, or None when it could not be sent back as Route. RFC 3327 §5.3."""
    paths = [piece for value in request.headers.all("path") for piece in split_list(value)]
    for path in paths:
        address = parse_name_addr(path)
        uri = parse_uri(address.uri) if address else None
        if not isinstance(uri, SipUri) or len(path) > MAX_URI_CHARS or path != _clean(path):
            return None
    return tuple(paths) if len(paths) <= MAX_PATHS else None


def _read_q(text: str) -> float:
    """Read q; anything that is not 0 to 1 counts as 1. RFC 3261 §20.10."""
    try:
        q = float(text)
    except ValueError:
        return 1.0
    return q if 0.0 <= q <= 1.0 else 1.0


def _clean(text: str) -> str:
    """Keep what can be shown and stored; the rest, from control characters on, becomes `?`."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "?" for sign in text)


@lru_cache(maxsize=1)  # phones that come in one second share it
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _write_contact(binding: Binding, now: float) -> str:
    value = f"<{binding.contact}>;expires={max(0, round(binding.expires_at - now))}"
    if binding.q != 1.0:
        value += f";q={binding.q:.3g}"
    if binding.instance:
        value += f";+sip.instance={quote(binding.instance)}"
    if binding.reg_id:
        value += f";reg-id={binding.reg_id}"
    return value
