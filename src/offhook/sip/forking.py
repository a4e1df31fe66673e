"""One request on its way to one or more phones, and the answer that is chosen. RFC 3261 §16.7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from offhook.sip.bindings import Source
from offhook.sip.flow import Flow, Outbound, flow_back
from offhook.sip.forward import passed_back, tag_of
from offhook.sip.invite import InviteClient, ServerSide
from offhook.sip.message import Request, Response, render_response
from offhook.sip.transaction import (
    Answered,
    ClientAction,
    ClientTransaction,
    TimedOut,
    Transmit,
)
from offhook.sip.via import Via, stamp_via

_LOCAL_REASONS = {
    100: "Trying",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    487: "Request Terminated",
}
_CHALLENGES = (401, 407)
# RFC 3326 §3.1: with the first a phone lists no missed call; the second follows a 6xx.
_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
_NOWHERE = 'SIP;cause=600;text="Busy Everywhere"'
# Within 4xx: what the caller can mend, then what a callee said, then mere silence.
_MENDABLE = (401, 407, 415, 420, 484)
_SILENT = (408, 480, 487)
# What is offered does not suit the phone. RFC 3261 §21.4.13, §21.4.26, §21.6.4.
_UNSUITED = (415, 488, 606)
_UNHEARD = {408: "no answer at all", 480: "the connection is refused or closed"}


@dataclass(slots=True, kw_only=True)
class Branch:
    """One phone that was asked. `final` is its answer, or the status we put in its place.

    `was_heard` once it has answered anything at all; `contact` is the URI it was asked at.
    """

    name: str
    flow: Flow
    client: InviteClient | ClientTransaction
    final: Response | int = 0
    contact: str = ""
    was_heard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A call that a phone refused for what it offers, or that a phone did not react to.

    `response` is None for the latter: `reason` says whether it was silent or out of reach.
    """

    request: Request
    contact: str
    flow: Flow
    reason: str
    response: Response | None = None


def status_of(final: Response | int) -> int:
    """Give the status of an answer or of what stands for one."""
    return final if isinstance(final, int) else final.status


def best_of(finals: Sequence[Response | int]) -> Response | int:
    """Choose the best of the refusals: 6xx, else the lowest class. RFC 3261 §16.7 step 6."""
    return min(finals, key=lambda final: _rank(status_of(final)))


def _rank(status: int) -> tuple[int, int]:
    if status >= 600:
        return 0, 0
    if status in _MENDABLE:
        return status // 100, 0
    return status // 100, 2 if status in _SILENT else 1


def joined_challenges(chosen: Response, finals: Sequence[Response | int]) -> list[str]:
    """Collect the challenges of the other branches for a 401 or 407. §16.7 step 7."""
    if chosen.status not in _CHALLENGES:
        return []
    return [
        line
        for final in finals
        if isinstance(final, Response) and final is not chosen and final.status in _CHALLENGES
        for name in ("www-authenticate", "proxy-authenticate")
        for line in final.headers.lines_of(name)
    ]


def has_rung_out(branch: Branch) -> bool:
    """Say whether a phone was cancelled because it rang for too long."""
    return isinstance(branch.client, InviteClient) and branch.client.has_rung_out


class Forking:
    """The response context of one request. `accepted` is the branch and 2xx that came first."""

    def __init__(self, *, request: Request, source: Source, via: Via, tag: str, agent: str) -> None:
        self.request = request
        self.source = source
        self.server = ServerSide(
            is_invite=request.method == "INVITE", is_reliable=source.transport != "udp"
        )
        self.branches: list[Branch] = []
        self.accepted: tuple[Branch, Response] | None = None
        self.status = 0
        self.scheduled: float | None = None
        self._back = flow_back(via, source)
        self._via = stamp_via(request.headers, via, source.host, source.port)
        self._tag = tag
        self._agent = agent
        self._is_cancelled = False
        self._is_call = request.method == "INVITE" and not tag_of(request.headers, "to")
        self._failures: list[Failure] = []

    @property
    def is_ended(self) -> bool:
        """True when nothing more can happen."""
        return self.server.is_ended and all(branch.client.is_ended for branch in self.branches)

    @property
    def wake_at(self) -> float | None:
        """The next moment something is due."""
        moments = [self.server.wake_at, *(branch.client.wake_at for branch in self.branches)]
        due = [at for at in moments if at is not None]
        return min(due) if due else None

    def take_failures(self) -> list[Failure]:
        """Give what made a new call fail since this was asked last."""
        failures, self._failures = self._failures, []
        return failures

    def start(self, branches: Sequence[Branch], now: float) -> list[Outbound]:
        """Ask all phones at once; an INVITE gets its 100 before."""
        self.branches = list(branches)
        out = self._say(100, now) if self.request.method == "INVITE" else []
        for branch in branches:
            out += self._act(branch, branch.client.start(now), now)
        return out

    def repeat(self) -> list[Outbound]:
        """Take a retransmission of the request."""
        data = self.server.on_repeat()
        return [self._up(data)] if data else []

    def cancel(self, now: float) -> list[Outbound]:
        """Take the caller's CANCEL. RFC 3261 §16.10."""
        self._is_cancelled = True
        return self._cancel_pending(now)

    def on_response(self, branch: Branch, response: Response, now: float) -> list[Outbound]:
        """Take a response to one branch."""
        return self._act(branch, branch.client.on_response(response, now), now)

    def on_unsendable(self, branch: Branch, now: float) -> list[Outbound]:
        """Take that a phone cannot be reached: as if it had said 480 (RFC 3261 §16.9)."""
        branch.client.give_up()
        return self._fail(branch, 480, now)

    def on_time(self, now: float) -> list[Outbound]:
        """Do what is due at this moment."""
        data = self.server.on_time(now)
        out = [self._up(data)] if data else []
        for branch in self.branches:
            out += self._act(branch, branch.client.on_time(now), now)
        return out

    def _act(self, branch: Branch, actions: Sequence[ClientAction], now: float) -> list[Outbound]:
        out: list[Outbound] = []
        for action in actions:
            match action:
                case Transmit(data=data):
                    out.append(Outbound(data=data, flow=branch.flow, branch=branch.name))
                case Answered(response=response):
                    out += self._hear(branch, response, now)
                case TimedOut():
                    out += self._fail(branch, 408, now)
        return out

    def _hear(self, branch: Branch, response: Response, now: float) -> list[Outbound]:
        branch.was_heard = True
        if response.status < 200:
            return self._pass(response, now) if response.status > 100 else []
        if response.status == 487 and has_rung_out(branch):
            return self._fail(branch, 408, now)  # §16.8: it was we who cancelled
        branch.final = response
        if response.status >= 300:
            out = self._cancel_pending(now, _NOWHERE) if response.status >= 600 else []
            return out + self._choose(now)
        if self.accepted is None:
            self.accepted = branch, response
        return self._pass(response, now) + self._cancel_pending(now, _ELSEWHERE)

    def _fail(self, branch: Branch, status: int, now: float) -> list[Outbound]:
        if branch.final:
            return []
        branch.final = status
        if not branch.was_heard:
            self._note_failure(branch, _UNHEARD[status])
        return self._choose(now)

    def _note_failure(self, branch: Branch, reason: str, response: Response | None = None) -> None:
        if self._is_call:
            self._failures.append(
                Failure(
                    request=self.request,
                    contact=branch.contact,
                    flow=branch.flow,
                    reason=reason,
                    response=response,
                )
            )

    def _cancel_pending(self, now: float, reason: str = "") -> list[Outbound]:
        out: list[Outbound] = []
        for branch in self.branches:
            if not branch.final and isinstance(branch.client, InviteClient):
                out += self._act(branch, branch.client.cancel(now, reason), now)
        return out

    def _choose(self, now: float) -> list[Outbound]:
        """Answer when every branch has ended."""
        finals = [branch.final for branch in self.branches]
        if self.server.is_final or not all(finals):
            return []
        best = best_of(finals)
        if isinstance(best, Response):
            if best.status in _UNSUITED:
                chosen = next(branch for branch in self.branches if branch.final is best)
                self._note_failure(chosen, best.reason, best)
            more = joined_challenges(best, finals)
            if best.status == 503:  # it would make the caller leave us, not the phone
                best = replace(best, status=500, reason="Server Internal Error")
            return self._pass(best, now, more)
        if best == 408 and self.request.method != "INVITE":
            self.server.give_up()  # RFC 4320 §4.2: the sender has given up as well
            return []
        return self._say(487 if self._is_cancelled else best, now)

    def _pass(self, response: Response, now: float, more: Sequence[str] = ()) -> list[Outbound]:
        return self._answer(response.status, passed_back(response, more).emit(), now)

    def _say(self, status: int, now: float) -> list[Outbound]:
        data = render_response(
            self.request,
            status,
            _LOCAL_REASONS[status],
            [("Server", self._agent)],
            top_via=self._via,
            to_tag=self._tag if status > 100 else "",
        )
        return self._answer(status, data, now)

    def _answer(self, status: int, data: bytes, now: float) -> list[Outbound]:
        if not self.server.answer(status, data, now):
            return []
        self.status = status if status >= 200 else self.status
        return [self._up(data)]

    def _up(self, data: bytes) -> Outbound:
        return Outbound(data=data, flow=self._back)
