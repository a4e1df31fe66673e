"""Answers plain requests of phones without a framework, and those that came before at a glance.

A phone asks for the same file in the same bytes for years. What those bytes mean is found out once;
while what the answer rests on stands, it is given from here.
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from offhook.actions.basis import Basis
from offhook.actions.phones import Phones
from offhook.actions.ports import Clock
from offhook.web.answer import Fields
from offhook.web.head import parse_head
from offhook.web.phones import PhoneApp, is_phone_path

REPEATED_MAX_BYTES = 1024
KEPT_MAX = 65_536
"""Requests remembered, about 1.5 kB each."""

_MAC = re.compile(rb"[0-9A-Fa-f]{12}")
_CLOSE = (b"connection", b"close")


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """How a request was answered: `begin` stands before the server's own fields, `rest` after."""

    basis: Basis
    begin: bytes
    rest: bytes
    has_body: bool
    keeps_alive: bool


@dataclass(slots=True)
class Front:
    """What every connection asks first; `own` are the fields the server puts before ours."""

    app: PhoneApp
    phones: Phones
    now: Clock
    observe_s: Callable[[float], None] = lambda _: None
    known: dict[bytes, Known] = field(default_factory=dict)
    # Twelve digits as everywhere else; they need to differ, not to be secret.
    _ids: itertools.count[int] = field(
        default_factory=lambda: itertools.count(secrets.randbits(47))
    )
    _own_fields: Fields = ()
    _own_bytes: bytes = b""

    def again(self, data: bytes, address: str, own: Fields) -> tuple[bytes, bool] | None:
        """Answer what was answered before; with it whether the connection is kept.

        None when the request is not known, or not any more because something has changed.
        """
        known = self.known.get(data)
        if known is None:
            return None
        began_s = time.perf_counter()
        request_id = f"{next(self._ids):012x}"
        body = self.phones.repeat(known.basis, request_id, self.now(), address)
        if body is None:
            self.known.pop(data, None)
            return None
        if not known.has_body:
            body = b""
        answer = b"".join((known.begin, self._own(own), known.rest, body))
        self.observe_s(time.perf_counter() - began_s)
        return answer, known.keeps_alive

    def first(
        self, data: bytes, client: object, local: Callable[[], object], scheme: str, own: Fields
    ) -> tuple[bytes, bool] | None:
        """Answer a plain request of a phone; None for all else, and when it has to wait."""
        head = parse_head(data)
        if head is None or not is_phone_path(head.raw_path):
            return None
        began_s = time.perf_counter()
        reply = self.app.read(head.scope(client, local(), scheme))
        if reply is None:
            return None
        keeps_alive = head.keeps_alive and _CLOSE not in reply.fields
        begin, rest = around(reply.status, reply.fields, is_closing=not head.keeps_alive)
        if reply.basis is not None and len(data) <= REPEATED_MAX_BYTES:
            self._keep(data, Known(reply.basis, begin, rest, bool(reply.body), keeps_alive))
        answer = b"".join((begin, self._own(own), rest, reply.body))
        self.observe_s(time.perf_counter() - began_s)
        return answer, keeps_alive

    def is_stranger(self, data: bytes) -> bool:
        """Tell whether a request names, in its path, a phone that is none of ours."""
        named = _MAC.search(data, 0, data.find(b"\r\n") + 1)
        return named is not None and not self.phones.knows(int(named[0], 16))

    def _keep(self, data: bytes, known: Known) -> None:
        if len(self.known) >= KEPT_MAX and data not in self.known:
            del self.known[next(iter(self.known))]
        self.known[data] = known

    def _own(self, own: Fields) -> bytes:
        if own is not self._own_fields:  # uvicorn makes a new list every second, for its date
            self._own_fields, self._own_bytes = own, lines_of(own)
        return self._own_bytes


def around(status: int, fields: Fields, *, is_closing: bool) -> tuple[bytes, bytes]:
    """What stands before and after the server's own fields, as uvicorn would write it."""
    sent = list(fields)
    if is_closing and _CLOSE not in sent:
        sent.append(_CLOSE)
    begin = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    return begin, lines_of(sent) + b"\r\n"


def lines_of(fields: Fields) -> bytes:
    """Write header fields, a line each."""
    return b"".join([b"%b: %b\r\n" % item for item in fields])
