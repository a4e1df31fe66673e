"""Answers requests that were answered before, byte for byte, without looking into them again.

A phone asks for the same file in the same bytes for years. What those bytes mean was found out
once, by the way every request takes; while what the answer rests on stands, it is given from here.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from offhook.actions.basis import Basis
from offhook.actions.phones import Answer, Phones
from offhook.actions.ports import Clock
from offhook.web.peer import Scope

HEARD = "offhook.heard"
"""Where a scope says in which bytes its request came, when it is one that may come again."""

HEAD_MAX_BYTES = 1024
KEPT_MAX = 65_536
"""Requests remembered, about 1.5 kB each."""

Fields = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Heard:
    """A whole request without a body, as it came; whether the connection is kept after it."""

    head: bytes
    keeps_alive: bool


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
    """The requests answered before, by their bytes."""

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

    def keep(self, scope: Scope, answer: Answer, fields: Fields, *, has_body: bool) -> None:
        """Remember how a request was answered."""
        heard: Heard | None = scope.get(HEARD)
        if heard is None or answer.basis is None:
            return
        if len(self.known) >= KEPT_MAX and heard.head not in self.known:
            del self.known[next(iter(self.known))]
        end = b"\r\n" if heard.keeps_alive else b"connection: close\r\n\r\n"
        self.known[heard.head] = Known(
            answer.basis,
            f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n".encode(),
            _lines(fields) + end,
            has_body and answer.status != HTTPStatus.NOT_MODIFIED,
            heard.keeps_alive,
        )

    def again(self, head: bytes, known: Known, address: str, own: Fields) -> bytes | None:
        """Answer once more, and record it; `own` are the fields the server puts first.

        None when the request has to take the usual way, because something has changed.
        """
        began_s = time.perf_counter()
        request_id = f"{next(self._ids):012x}"
        body = self.phones.repeat(known.basis, request_id, self.now(), address)
        if body is None:
            self.known.pop(head, None)
            return None
        if own is not self._own_fields:  # uvicorn makes a new list every second, for its date
            self._own_fields, self._own_bytes = own, _lines(own)
        self.observe_s(time.perf_counter() - began_s)
        return b"".join((known.begin, self._own_bytes, known.rest, body if known.has_body else b""))


def is_repeatable(head: bytes) -> bool:
    """True for one whole request for reading that nothing follows."""
    return (
        len(head) <= HEAD_MAX_BYTES
        and head.startswith((b"GET ", b"HEAD "))
        and head.find(b"\r\n\r\n") == len(head) - 4
    )


def _lines(fields: Fields) -> bytes:
    return b"".join(b"%b: %b\r\n" % (name, value) for name, value in fields)
