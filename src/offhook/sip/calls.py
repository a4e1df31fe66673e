"""The calls we know of: who with whom, ringing or talking, and the ways to both sides."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from offhook.sip.flow import Flow
from offhook.sip.message import Headers
from offhook.sip.parse import digits

MAX_CALLS = 4096
# A phone that lost its power never says BYE; this is the last guard, others act earlier.
MAX_AGE_S = 12 * 3600.0
# A phone that is gone this long, by its registration, does not talk any more.
GONE_S = 300.0
LOOK_EVERY_S = 10.0
# Phones hang up themselves before their session expires (RFC 4028 §10); clocks differ a little.
SESSION_GRACE_S = 32.0


class CallState(StrEnum):
    """ringing until somebody answers, then talking."""

    RINGING = "ringing"
    TALKING = "talking"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call between two extensions; `since` is when its state began, in epoch seconds.

    `has_rung` tells whether a phone of the callee has said that it rings.
    """

    caller: str
    callee: str
    state: CallState
    since: float
    has_rung: bool = False
    began: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One end: its Contact in this call, and the way to it."""

    uri: str
    flow: Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """A call with what is needed to carry its later requests.

    `asked` counts the INVITEs without an answer yet, `expires_at` is the end of an RFC 4028
    session, `seen` when the phone of each side was last found registered (None for never).
    """

    call: Call
    to_tag: str
    sides: tuple[Side, ...]
    asked: int = 1
    expires_at: float | None = None
    seen: tuple[float | None, ...] = (None, None)

    def flow_to(self, uri: str) -> Flow | None:
        """Give the way to the side whose Contact a Request-URI names."""
        return next((side.flow for side in self.sides if side.uri == uri), None)

    def has_host(self, host: str) -> bool:
        """Say whether one of the sides is at this address."""
        return any(side.flow.host == host for side in self.sides)


IsThere = Callable[[str, str, float], bool]
"""Say whether an extension has a phone at a host, or one that registered since a moment."""


class Calls:
    """Calls by Call-ID and the caller's tag; the oldest is forgotten when there are too many."""

    def __init__(self, *, capacity: int = MAX_CALLS, max_age_s: float = MAX_AGE_S) -> None:
        self._capacity = capacity
        self._max_age_s = max_age_s
        self._dialogs: OrderedDict[tuple[str, str], Dialog] = OrderedDict()
        self._by_extension: dict[str, dict[tuple[str, str], None]] = {}
        self._changed: dict[str, None] = {}
        self._looked_at = 0.0

    def __len__(self) -> int:
        return len(self._dialogs)

    def all(self, now: float) -> tuple[Call, ...]:
        """Give every call, oldest first."""
        return tuple(dialog.call for dialog in self.dialogs(now))

    def dialogs(self, now: float) -> tuple[Dialog, ...]:
        """Give every call with its sides, oldest first."""
        self._forget_old(now)
        return tuple(self._dialogs.values())

    def of(self, extension: str) -> dict[str, Call]:
        """Give the calls of an extension by a name that tells nothing of their Call-ID."""
        keys = self._by_extension.get(extension, ())
        return {_name(key): self._dialogs[key].call for key in keys}

    def take_changed(self) -> tuple[str, ...]:
        """Name the extensions whose calls have changed since the last time."""
        changed = tuple(self._changed)
        self._changed.clear()
        return changed

    def begin(self, key: tuple[str, str], caller: str, callee: str, side: Side, now: float) -> None:
        """Note an INVITE to a phone; another one of a call we know is only counted."""
        self._forget_old(now)
        known = self._dialogs.get(key)
        if known is not None:
            self._dialogs[key] = replace(known, asked=known.asked + 1)
            return
        call = Call(caller=caller, callee=callee, state=CallState.RINGING, since=now, began=now)
        self._dialogs[key] = Dialog(call=call, to_tag="", sides=(side,))
        for extension in (caller, callee):
            self._by_extension.setdefault(extension, {})[key] = None
        self._tell(call)
        if len(self._dialogs) > self._capacity:
            self._drop(next(iter(self._dialogs)))

    def ring(self, key: tuple[str, str]) -> None:
        """Note that a phone of the callee has said it rings."""
        dialog = self._dialogs.get(key)
        if dialog is not None and dialog.call.state is CallState.RINGING:
            self._put(key, replace(dialog, call=replace(dialog.call, has_rung=True)))

    def answer(
        self,
        key: tuple[str, str],
        to_tag: str,
        side: Side,
        now: float,
        session_s: int | None = None,
    ) -> None:
        """Note who answered; the first one counts. `session_s` is its Session-Expires."""
        dialog = self._dialogs.get(key)
        if dialog is None:
            return
        asked = max(0, dialog.asked - 1)
        if dialog.to_tag:
            self._dialogs[key] = replace(dialog, asked=asked)
            return
        self._put(
            key,
            replace(
                dialog,
                call=replace(dialog.call, state=CallState.TALKING, since=now),
                to_tag=to_tag,
                sides=(*dialog.sides, side),
                asked=asked,
                expires_at=_end(session_s, now),
            ),
        )
        self._dialogs.move_to_end(key)

    def fail(self, key: tuple[str, str]) -> None:
        """Note that an INVITE failed; the call goes when it was the last and none was answered."""
        dialog = self._dialogs.get(key)
        if dialog is None:
            return
        self._dialogs[key] = dialog = replace(dialog, asked=max(0, dialog.asked - 1))
        if not dialog.to_tag and not dialog.asked:
            self._drop(key)

    def refresh(
        self, call_id: str, from_tag: str, to_tag: str, session_s: int | None, now: float
    ) -> None:
        """Note an accepted re-INVITE or UPDATE: the session begins anew. RFC 4028 §7.2, §8.2."""
        key = self._key(call_id, from_tag, to_tag)
        if key is not None:
            self._dialogs[key] = replace(self._dialogs[key], expires_at=_end(session_s, now))

    def renew(self, call_id: str, from_tag: str, to_tag: str, asker: Side, answerer: Side) -> None:
        """Note the Contacts of an accepted re-INVITE or UPDATE. RFC 3261 §12.2.1.2, §12.2.2."""
        key = self._key(call_id, from_tag, to_tag)
        if key is None:
            return
        new = (asker, answerer) if key[1] == from_tag else (answerer, asker)
        old = self._dialogs[key].sides
        sides = tuple(b if b.uri else a for a, b in zip(old, new, strict=False))
        self._dialogs[key] = replace(self._dialogs[key], sides=sides)

    def end(self, call_id: str, from_tag: str, to_tag: str) -> None:
        """Forget a call that was hung up by either side."""
        key = self._key(call_id, from_tag, to_tag)
        if key is not None:
            self._drop(key)

    def find(self, call_id: str, from_tag: str, to_tag: str) -> Dialog | None:
        """Find the call a request inside a dialog belongs to, whichever side sent it."""
        key = self._key(call_id, from_tag, to_tag)
        return self._dialogs[key] if key else None

    def sweep(self, now: float, is_there: IsThere) -> None:
        """End what nobody hangs up: sessions that expired, phones that are gone.

        A side that was never registered (a caller needs none) ends nothing. Looks at most every
        ten seconds.
        """
        self._forget_old(now)
        if 0 <= now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        for key, dialog in tuple(self._dialogs.items()):
            if dialog.expires_at is not None and now >= dialog.expires_at:
                self._drop(key)
                continue
            seen = _seen(dialog, now, is_there)
            if any(at is not None and now - at > GONE_S for at in seen):
                self._drop(key)
            else:
                self._dialogs[key] = replace(dialog, seen=seen)

    def _key(self, call_id: str, from_tag: str, to_tag: str) -> tuple[str, str] | None:
        for caller_tag, callee_tag in ((from_tag, to_tag), (to_tag, from_tag)):
            dialog = self._dialogs.get((call_id, caller_tag))
            if dialog is not None and dialog.to_tag in ("", callee_tag):
                return call_id, caller_tag
        return None

    def _put(self, key: tuple[str, str], dialog: Dialog) -> None:
        if self._dialogs[key].call != dialog.call:
            self._tell(dialog.call)
        self._dialogs[key] = dialog

    def _drop(self, key: tuple[str, str]) -> None:
        call = self._dialogs.pop(key).call
        for extension in {call.caller, call.callee}:
            keys = self._by_extension[extension]
            del keys[key]
            if not keys:
                del self._by_extension[extension]
        self._tell(call)

    def _tell(self, call: Call) -> None:
        self._changed[call.caller] = self._changed[call.callee] = None

    def _forget_old(self, now: float) -> None:
        # Sorted by `since`, because an answered call moves to the end.
        while self._dialogs:
            key, oldest = next(iter(self._dialogs.items()))
            if now - oldest.call.since < self._max_age_s:
                return
            self._drop(key)


def session_s(headers: Headers) -> int | None:
    """Read Session-Expires of a 2xx; None when it sets no limit. RFC 4028 §4."""
    return digits((headers.first("session-expires") or "").partition(";")[0].strip()) or None


def _end(session_s: int | None, now: float) -> float | None:
    return None if session_s is None else now + session_s + SESSION_GRACE_S


def _seen(dialog: Dialog, now: float, is_there: IsThere) -> tuple[float | None, ...]:
    """Note which sides are registered now; a phone that moved has registered since the call."""
    call, found = dialog.call, list(dialog.seen)
    for number, (extension, side) in enumerate(
        zip((call.caller, call.callee), dialog.sides, strict=False)
    ):
        if is_there(extension, side.flow.host, call.began):
            found[number] = now
    return tuple(found)


def _name(key: tuple[str, str]) -> str:
    text = "\n".join(key).encode("utf-8", "surrogateescape")
    return hashlib.blake2s(text, digest_size=8).hexdigest()
