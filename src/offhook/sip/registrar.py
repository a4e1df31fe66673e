"""The registrar: a REGISTER in, an answer and what it changed out. RFC 3261 §10.3."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
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
from offhook.sip.parse import address_of
from offhook.sip.uri import SipUri, quote, split_list
from offhook.sip.via import parse_cseq
from offhook.sip.wanted import ExpiryPolicy, Unfit, Wanted, read_wanted
from offhook.values import light

_SUPPORTED = frozenset({"path"})


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
            known_as=lambda: aor if self._is_known(aor, request, source) else "",
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
        wanted = read_wanted(request.headers, self._policy)
        if isinstance(wanted, Unfit):
            return _kept(wanted.status, wanted.reason, wanted.headers)
        outcome = self._change(request, source, now, aor, wanted)
        if isinstance(outcome, Conflict):
            return _kept(outcome.status, outcome.reason)
        headers = [("Contact", _write_contact(b, now)) for b in self._table.of(aor)]
        headers += [("Path", path) for path in wanted.paths]
        headers.append(("Date", _date(int(now))))
        return Reply(status=200, reason="OK", headers=tuple(headers), effects=outcome, is_kept=True)

    def _change(
        self, request: Request, source: Source, now: float, aor: str, wanted: Wanted
    ) -> tuple[BindingEffect, ...] | Conflict:
        headers = request.headers
        number, _ = parse_cseq(headers.first("cseq") or "") or (0, "")
        call_id = headers.first("call-id") or ""
        if wanted.is_clearing:
            return self._table.clear(aor, call_id, number)
        note = self._note_of(request) if wanted.contacts else ""
        asks = [
            Ask(
                uri=contact.uri,
                binding=Binding(
                    aor=aor,
                    contact=contact.uri.text,
                    source=str(source),
                    call_id=call_id,
                    cseq=number,
                    user_agent=wanted.user_agent,
                    path=wanted.paths,
                    instance=contact.instance,
                    reg_id=contact.reg_id,
                    q=contact.q,
                    note=note,
                    registered_at=now,
                    refreshed_at=now,
                    expires_at=now + contact.granted_s,
                ),
                is_removal=contact.granted_s == 0,
            )
            for contact in wanted.contacts
        ]
        return self._table.apply(aor, asks)


def _kept(status: int, reason: str, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    return Reply(status=status, reason=reason, headers=headers, is_kept=True)


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
