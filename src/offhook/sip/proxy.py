"""The proxy between extensions: who may send what to whom, and by which way. RFC 3261 §16.

It never resolves a name and never sends where a request asks it to: a request goes to a registered
contact, or to the other side of a call it carried itself, over the flow known for it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offhook.sip.auth import Authenticator, SecretOf
from offhook.sip.bindings import BindingTable, Source
from offhook.sip.call_notes import CallNotes
from offhook.sip.calls import Calls, Dialog
from offhook.sip.flow import Outbound, Place
from offhook.sip.forking import Branch, Failure, Forking
from offhook.sip.forward import (
    Hop,
    dialog_id,
    forwarded,
    hops_left,
    is_looped,
    loop_hash,
    record_routes,
    strip_routes,
    tag_of,
    values_of,
)
from offhook.sip.invite import TIMER_C_S, InviteClient
from offhook.sip.message import Request, Response
from offhook.sip.openings import MAX_OPEN_OF_ONE, RETRY_AFTER_S, Openings
from offhook.sip.registrar import Reply, bad_extension
from offhook.sip.rights import Arrival, Rights
from offhook.sip.routing import Routing, Target
from offhook.sip.transaction import ClientTransaction, invite_key, transaction_key
from offhook.sip.uri import SipUri
from offhook.sip.via import Via, parse_cseq, stamp_via, top_via, write_via

MAX_TRANSACTIONS = 8192
# These begin a dialog that has to come back through us. RFC 3261 §16.6 step 4, RFC 3515 §2.4.4.
_BEGINNING = ("INVITE", "REFER")

_NOT_FOUND = Reply(status=404, reason="Not Found", is_kept=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """What is to be sent; `reply` answers the request itself where that is ours to do.

    `after` is sent after the reply.
    """

    sends: tuple[Outbound, ...] = ()
    reply: Reply | None = None
    after: tuple[Outbound, ...] = ()


class Proxy:
    """Carries calls and messages between extensions, statefully.

    `place` gives the host and port phones know us by, over TLS the port is `tls_port`. `now` of
    the methods is the epoch, for digest and calls; timers run by `clock`, which must not jump.
    `ring_s` is timer C, `of_one` how much an extension may begin at one time.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        table: BindingTable,
        secret_of: SecretOf,
        realm: str,
        place: Callable[[], tuple[str, int]],
        tls_port: Callable[[], int] = lambda: 0,
        key: bytes,
        clock: Callable[[], float],
        random_text: Callable[[], str],
        agent: str = "Offhook",
        calls: Calls | None = None,
        capacity: int = MAX_TRANSACTIONS,
        ring_s: float = TIMER_C_S,
        of_one: int = MAX_OPEN_OF_ONE,
    ) -> None:
        self._rights = Rights(authenticator=authenticator, table=table, secret_of=secret_of)
        self._routing = Routing(table=table, secret_of=secret_of)
        self._openings = Openings(limit=of_one)
        self._realm = realm
        self._ring_s = ring_s
        self._place: Callable[[], Place] = lambda: Place(*place(), tls_port())
        self._key = key
        self._clock = clock
        self._random_text = random_text
        self._agent = agent
        self.calls = calls or Calls()
        self._notes = CallNotes(self.calls)
        self._capacity = capacity
        self._open: dict[str, Forking] = {}
        self._branches: dict[str, tuple[str, Branch]] = {}
        self._due: list[tuple[float, str]] = []
        self._failures: list[Failure] = []

    def __len__(self) -> int:
        return len(self._open)

    @property
    def wake_at(self) -> float | None:
        """The next moment `on_time` has something to do, by the clock."""
        return self._due[0][0] if self._due else None

    def take_failures(self) -> list[Failure]:
        """Give the calls that failed by a phone since this was asked last."""
        failures, self._failures = self._failures, []
        return failures

    # --- what arrives --------------------------------------------------------------------------

    def repeat(self, key: str) -> tuple[Outbound, ...] | None:
        """Take a request by its `transaction_key` that was taken before; None when it is new."""
        forking = self._open.get(key)
        return tuple(forking.repeat()) if forking else None

    def take(
        self, request: Request, via: Via, source: Source, now: float, tag: str
    ) -> Reply | Forwarded:
        """Take a new request for an extension, or one inside a dialog; `tag` is for our To."""
        loop = loop_hash(request, self._key)
        arrival = Arrival(request=request, via=via, source=source, now=now, tag=tag, loop=loop)
        refused = self._check(arrival)
        if refused is not None:
            return refused
        if tag_of(request.headers, "to"):
            return self._take_in_dialog(arrival)
        user = self._rights.authenticate(arrival)
        return user if isinstance(user, Reply) else self._take_first(arrival, user)

    def cancel(self, request: Request, via: Via, source: Source) -> Forwarded | None:
        """Take a CANCEL; None when there is nothing to cancel."""
        key = invite_key(request, via, str(source))
        forking = self._open.get(key)
        if forking is None:
            return None
        sends = forking.cancel(self._clock())
        self._settle(key, forking, 0.0)
        return Forwarded(sends=tuple(sends), reply=Reply(status=200, reason="OK", is_kept=True))

    def acknowledge(self, request: Request, via: Via, source: Source) -> tuple[Outbound, ...]:
        """Take an ACK: that of a refusal ends here, that of a 2xx goes on. Never answered."""
        key = invite_key(request, via, str(source))
        forking = self._open.get(key)
        if forking is not None and forking.server.on_ack(self._clock()):
            self._settle(key, forking, 0.0)
            return ()
        loop = loop_hash(request, self._key)
        arrival = Arrival(request=request, via=via, source=source, now=0.0, tag="", loop=loop)
        dialog = self._dialog_of(request)
        if self._check(arrival) is not None or not self._rights.is_party(dialog, request, source):
            return ()
        uri, routes = strip_routes(request, self._is_ours)
        flow = self._routing.flow_to(dialog, uri)
        if flow is None:
            return ()
        _, data = self._copy(arrival, Target(uri=uri, flow=flow, routes=tuple(routes)))
        return (Outbound(data=data.emit(), flow=flow),)

    def on_response(self, response: Response, now: float) -> tuple[Outbound, ...] | None:
        """Take a response; None when it answers nothing of ours."""
        via = top_via(response.headers)
        found = self._branches.get(via.branch) if via else None
        if found is None:
            return None
        key, branch = found
        forking = self._open[key]
        if not _is_answer_to(forking.request, response):
            return ()
        sends = forking.on_response(branch, response, self._clock())
        self._notes.ring(key, response.status)
        self._settle(key, forking, now)
        return tuple(sends)

    def branches_over(self, flow: str) -> tuple[str, ...]:
        """Name the branches that wait on a connection."""
        return tuple(
            name
            for name, (_, branch) in self._branches.items()
            if not branch.final and str(branch.flow) == flow
        )

    def on_unsendable(self, name: str, now: float) -> tuple[Outbound, ...]:
        """Take that a branch's bytes could not be sent."""
        found = self._branches.get(name)
        if found is None:
            return ()
        key, branch = found
        forking = self._open[key]
        sends = forking.on_unsendable(branch, self._clock())
        self._settle(key, forking, now)
        return tuple(sends)

    def on_time(self, now: float) -> tuple[Outbound, ...]:
        """Do what is due."""
        sends: list[Outbound] = []
        moment = self._clock()
        while self._due and self._due[0][0] <= moment:
            at, key = heapq.heappop(self._due)
            forking = self._open.get(key)
            if forking is None or forking.scheduled != at:
                continue
            forking.scheduled = None
            sends += forking.on_time(moment)
            self._settle(key, forking, now)
        return tuple(sends)

    # --- who may -------------------------------------------------------------------------------

    def _check(self, arrival: Arrival) -> Reply | None:
        """Check as RFC 3261 §16.3 asks."""
        request = arrival.request
        if hops_left(request) == 0:
            return Reply(status=483, reason="Too Many Hops")
        if is_looped(request, self._place(), arrival.loop):
            return Reply(status=482, reason="Loop Detected")
        unknown = values_of(request.headers, "proxy-require")
        return bad_extension(unknown) if unknown else None

    # --- where to ------------------------------------------------------------------------------

    def _take_first(self, arrival: Arrival, caller: str) -> Reply | Forwarded:
        request, source = arrival.request, arrival.source
        callee = self._routing.extension_of(request.uri)
        if callee is None:
            return _NOT_FOUND
        targets = self._routing.targets_of(callee, source, arrival.now)
        if not targets:
            return Reply(status=480, reason="Temporarily Unavailable", is_kept=True)
        if not self._openings.has_room(caller):
            retry = (("Retry-After", str(RETRY_AFTER_S)),)
            return Reply(status=486, reason="Too Many Calls Of Yours", headers=retry)
        key = transaction_key(request, arrival.via, str(source))
        self._openings.add(caller, key)
        reply = self._start(arrival, targets)
        if not isinstance(reply, Forwarded):
            self._openings.close(key)
        elif request.method == "INVITE":
            self._notes.begin(key, request, (caller, callee), source, arrival.now)
        return reply

    def _take_in_dialog(self, arrival: Arrival) -> Reply | Forwarded:
        request = arrival.request
        dialog = self._dialog_of(request)
        if not self._rights.is_party(dialog, request, arrival.source):
            user = self._rights.authenticate(arrival)
            if isinstance(user, Reply):
                return user
            if dialog is not None and user not in (dialog.call.caller, dialog.call.callee):
                return Reply(status=403, reason="Not Your Call", is_kept=True)
        uri, routes = strip_routes(request, self._is_ours)
        flow = self._routing.flow_to(dialog, uri)
        if flow is None:
            return Reply(status=404, reason="Not Found")
        reply = self._start(arrival, [Target(uri=uri, flow=flow, routes=tuple(routes))])
        if isinstance(reply, Forwarded):
            key = transaction_key(request, arrival.via, str(arrival.source))
            self._notes.begin_inside(key, request)
        return reply

    def _dialog_of(self, request: Request) -> Dialog | None:
        return self.calls.find(*dialog_id(request))

    def _is_ours(self, uri: SipUri) -> bool:
        return self._place().is_named_by(uri)

    # --- on the way ----------------------------------------------------------------------------

    def _start(self, arrival: Arrival, targets: Sequence[Target]) -> Reply | Forwarded:
        if len(self._open) >= self._capacity:
            retry = (("Retry-After", "10"),)
            return Reply(status=503, reason="Too Many Transactions", headers=retry)
        request, source = arrival.request, arrival.source
        key = transaction_key(request, arrival.via, str(source))
        forking = Forking(
            request=request, source=source, via=arrival.via, tag=arrival.tag, agent=self._agent
        )
        branches: list[Branch] = []
        for target in targets:
            name, copy = self._copy(arrival, target)
            is_reliable = target.flow.is_reliable
            client: InviteClient | ClientTransaction
            if request.method == "INVITE":
                client = InviteClient(copy, is_reliable=is_reliable, timer_c_s=self._ring_s)
            else:
                client = ClientTransaction(copy.emit(), is_reliable=is_reliable)
            branch = Branch(name=name, flow=target.flow, client=client, contact=target.uri)
            self._branches[name] = (key, branch)
            branches.append(branch)
        self._open[key] = forking
        sends = forking.start(branches, self._clock())
        self._settle(key, forking, arrival.now)
        return Forwarded(sends=tuple(sends))

    def _copy(self, arrival: Arrival, target: Target) -> tuple[str, Request]:
        """Copy a request for a target; gives the name of its branch too. RFC 3261 §16.6."""
        request, source = arrival.request, arrival.source
        place = self._place()
        transport = target.flow.transport
        host, port = place.over(transport)
        name = f"z9hG4bK{self._random_text()}.{arrival.loop}"
        is_first = request.method in _BEGINNING and not tag_of(request.headers, "to")
        hop = Hop(
            uri=target.uri,
            via=write_via(transport.upper(), host, port, name),
            stamped_via=stamp_via(request.headers, arrival.via, source.host, source.port),
            record_routes=record_routes(place, transport, source.transport) if is_first else (),
            routes=target.routes,
        )
        return name, forwarded(request, hop, self._realm)

    def _settle(self, key: str, forking: Forking, now: float) -> None:
        """Note what became of a call, forget what has ended, plan the next wake-up."""
        self._notes.settle(key, forking, now)
        if forking.server.is_final:
            self._openings.close(key)
        self._failures += forking.take_failures()
        if forking.is_ended:
            self._open.pop(key, None)
            for branch in forking.branches:
                self._branches.pop(branch.name, None)
            return
        wake_at = forking.wake_at
        # An entry that is too early is harmless, and so a chatty phone does not fill the heap.
        if wake_at is not None and (forking.scheduled is None or wake_at < forking.scheduled):
            forking.scheduled = wake_at
            heapq.heappush(self._due, (wake_at, key))


def _is_answer_to(request: Request, response: Response) -> bool:
    """Tell a response that can go on: to this method, with a Via below ours. §16.7 step 3."""
    _, method = parse_cseq(response.headers.first("cseq") or "") or (0, "")
    if method == "CANCEL":  # of ours, so nobody's Via is below
        return request.method == "INVITE"
    return method == request.method and len(values_of(response.headers, "via")) > 1
