"""What the proxy's transactions tell of calls: begun, ringing, answered, refreshed, hung up."""

from __future__ import annotations

from offhook.sip.bindings import Source
from offhook.sip.calls import Calls, Side, session_s
from offhook.sip.flow import flow_of
from offhook.sip.forking import Forking
from offhook.sip.forward import contact_of, dialog_id, tag_of
from offhook.sip.message import Request

# Timeout (0, 408), out of reach, unknown there: the call is over as well. RFC 3261 §15.1.1.
_GONE = (0, 408, 480, 481)
_TELLING = ("BYE", "INVITE", "UPDATE")


class CallNotes:
    """Notes in `calls` what became of each transaction, which `key` names."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._ringing: dict[str, tuple[str, str]] = {}
        self._inside: dict[str, tuple[str, str, str]] = {}

    def begin(
        self, key: str, request: Request, parties: tuple[str, str], source: Source, now: float
    ) -> None:
        """Note an INVITE that begins a call from the first to the second of `parties`."""
        call_id, from_tag, _ = dialog_id(request)
        contact = contact_of(request.headers)
        side = Side(uri=contact, flow=flow_of(str(source), contact))
        self._calls.begin((call_id, from_tag), *parties, side, now)
        self._ringing[key] = call_id, from_tag

    def begin_inside(self, key: str, request: Request) -> None:
        """Note a request inside a call whose answer will tell something of it."""
        if request.method in _TELLING:
            self._inside[key] = dialog_id(request)

    def ring(self, key: str, status: int) -> None:
        """Note a provisional answer."""
        call = self._ringing.get(key)
        if call is not None and 100 < status < 200:
            self._calls.ring(call)

    def settle(self, key: str, forking: Forking, now: float) -> None:
        """Note a final answer; anything earlier tells nothing."""
        if not forking.server.is_final:
            return
        call, inside = self._ringing.pop(key, None), self._inside.pop(key, None)
        if call is not None:
            self._settle_first(call, forking, now)
        if inside is not None:
            self._settle_inside(inside, forking, now)

    def _settle_first(self, call: tuple[str, str], forking: Forking, now: float) -> None:
        if forking.accepted is None:
            self._calls.fail(call)
            return
        branch, response = forking.accepted
        side = Side(uri=contact_of(response.headers), flow=branch.flow)
        limit_s = session_s(response.headers)
        self._calls.answer(call, tag_of(response.headers, "to"), side, now, limit_s)

    def _settle_inside(self, inside: tuple[str, str, str], forking: Forking, now: float) -> None:
        if forking.request.method != "BYE":
            if forking.accepted is not None:
                branch, response = forking.accepted
                self._calls.refresh(*inside, session_s(response.headers), now)
                contact = contact_of(forking.request.headers)
                asker = Side(uri=contact, flow=flow_of(str(forking.source), contact))
                answerer = Side(uri=contact_of(response.headers), flow=branch.flow)
                self._calls.renew(*inside, asker, answerer)
        elif forking.accepted is not None or forking.status in _GONE:
            self._calls.end(*inside)  # not after a challenge: that BYE comes again
