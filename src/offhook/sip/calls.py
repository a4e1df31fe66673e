"""The calls we know of: who with whom, ringing or talking, and the ways to both sides."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import StrEnum

from offhook.sip.flow import Flow

MAX_CALLS = 4096
# A phone that lost its power never says BYE; the call is forgotten then.
MAX_AGE_S = 12 * 3600.0


class CallState(StrEnum):
    """ringing until somebody answers, then talking."""

    RINGING = "ringing"
    TALKING = "talking"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call between two extensions; `since` is when its state began, in epoch seconds."""

    caller: str
    callee: str
    state: CallState
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One end: its Contact in this call, and the way to it."""

    uri: str
    flow: Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """A call with what is needed to carry its later requests."""

    call: Call
    to_tag: str
    sides: tuple[Side, ...]

    def flow_to(self, uri: str) -> Flow | None:
        """Give the way to the side whose Contact a Request-URI names."""
        return next((side.flow for side in self.sides if side.uri == uri), None)

    def has_host(self, host: str) -> bool:
        """Say whether one of the sides is at this address."""
        return any(side.flow.host == host for side in self.sides)


class Calls:
    """Calls by Call-ID and the caller's tag; the oldest is forgotten when there are too many."""

    def __init__(self, *, capacity: int = MAX_CALLS, max_age_s: float = MAX_AGE_S) -> None:
        self._capacity = capacity
        self._max_age_s = max_age_s
        self._dialogs: OrderedDict[tuple[str, str], Dialog] = OrderedDict()

    def __len__(self) -> int:
        return len(self._dialogs)

    def all(self, now: float) -> tuple[Call, ...]:
        """Give every call, oldest first."""
        self._forget_old(now)
        return tuple(dialog.call for dialog in self._dialogs.values())

    def begin(self, key: tuple[str, str], caller: str, callee: str, side: Side, now: float) -> None:
        """Note that a phone rings; a key in use stays as it is."""
        self._forget_old(now)
        if key in self._dialogs:
            return
        call = Call(caller=caller, callee=callee, state=CallState.RINGING, since=now)
        self._dialogs[key] = Dialog(call=call, to_tag="", sides=(side,))
        if len(self._dialogs) > self._capacity:
            self._dialogs.popitem(last=False)

    def answer(self, key: tuple[str, str], to_tag: str, side: Side, now: float) -> None:
        """Note who answered; the first one counts."""
        dialog = self._dialogs.get(key)
        if dialog is None or dialog.to_tag:
            return
        call = replace(dialog.call, state=CallState.TALKING, since=now)
        self._dialogs[key] = Dialog(call=call, to_tag=to_tag, sides=(*dialog.sides, side))
        self._dialogs.move_to_end(key)

    def fail(self, key: tuple[str, str]) -> None:
        """Forget a call that nobody answered."""
        dialog = self._dialogs.get(key)
        if dialog is not None and not dialog.to_tag:
            del self._dialogs[key]

    def end(self, call_id: str, from_tag: str, to_tag: str) -> None:
        """Forget a call that was hung up by either side."""
        key = self._key(call_id, from_tag, to_tag)
        if key is not None:
            del self._dialogs[key]

    def find(self, call_id: str, from_tag: str, to_tag: str) -> Dialog | None:
        """Find the call a request inside a dialog belongs to, whichever side sent it."""
        key = self._key(call_id, from_tag, to_tag)
        return self._dialogs[key] if key else None

    def _key(self, call_id: str, from_tag: str, to_tag: str) -> tuple[str, str] | None:
        for caller_tag, callee_tag in ((from_tag, to_tag), (to_tag, from_tag)):
            dialog = self._dialogs.get((call_id, caller_tag))
            if dialog is not None and dialog.to_tag in ("", callee_tag):
                return call_id, caller_tag
        return None

    def _forget_old(self, now: float) -> None:
        # Sorted by `since`, because an answered call moves to the end.
        while self._dialogs:
            oldest = next(iter(self._dialogs.values()))
            if now - oldest.call.since < self._max_age_s:
                return
            self._dialogs.popitem(last=False)
