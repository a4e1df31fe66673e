"""The proxy between extensions: who may send what to whom, and by which way. RFC 3261 §16.

It never resolves a name and never sends where a request asks it to: a request goes to a registered
contact, or to the other side of a call it carried itself, over the flow known for it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from offhook.sip.auth import (
    PROXY_GATE,
    Allowed,
    Authenticator,
    Barred,
    Challenged,
    Misdirected,
    SecretOf,
)
from offhook.sip.bindings import Binding, BindingTable, Source
from offhook.sip.calls import Calls, Dialog, Side
from offhook.sip.flow import Flow, Outbound, flow_of
from offhook.sip.forking import Branch, Forking
from offhook.sip.forward import (
    Hop,
    contact_of,
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
from offhook.sip.invite import InviteClient
from offhook.sip.message import Request, Response
from offhook.sip.parse import address_of
from offhook.sip.registrar import Reply, bad_extension
from offhook.sip.transaction import ClientTransaction, invite_key, transaction_key
from offhook.sip.uri import SipUri, parse_uri
from offhook.sip.via import Via, stamp_via, top_via, write_via

MAX_TRANSACTIONS = 8192

_NOT_FOUND = Reply(status=404, reason="Not Found", is_kept=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """What is to be sent; `reply` answers the request itself where that is ours to do."""

    sends: tuple[Outbound, ...] = ()
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    request: Request
    via: Via
    source: Source
    now: float
    tag: str
    loop: str


class Proxy:
    """Carries calls and messages between extensions, statefully.

    `place` gives the host and port phones know us by. `now` of the methods is the epoch, for
    digest and calls; timers run by `clock`, which must not jump.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        table: BindingTable,
        secret_of: SecretOf,
        realm: str,
        place: Callable[[], tuple[str, int]],
        key: bytes,
        clock: Callable[[], float],
        random_text: Callable[[], str],
        agent: str = "Offhook",
        calls: Calls | None = None,
        capacity: int = MAX_TRANSACTIONS,
    ) -> None:
        self._authenticator = authenticator
        self._table = table
        self._secret_of = secret_of
        self._realm = realm
        self._place = place
        self._key = key
        self._clock = clock
        self._random_text = random_text
        self._agent = agent
        self.calls = calls or Calls()
        self._capacity = capacity
        self._open: dict[str, Forking] = {}
        self._branches: dict[str, tuple[str, Branch]] = {}
        self._ringing: dict[str, tuple[str, str]] = {}
        self._due: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._open)

    @property
    def wake_at(self) -> float | None:
        """The next moment `on_time` has something to do, by the clock."""
        return self._due[0][0] if self._due else None

    # --- what arrives --------------------------------------------------------------------------

    def repeat(self, request: Request, via: Via, source: Source) -> tuple[Outbound, ...] | None:
        """Take a request that was taken before; None when it is new."""
        forking = self._open.get(transaction_key(request, via, str(source)))
        return tuple(forking.repeat()) if forking else None

    def take(
        self, request: Request, via: Via, source: Source, now: float, tag: str
    ) -> Reply | Forwarded:
        """Take a new request for an extension, or one inside a dialog; `tag` is for our To."""
        loop = loop_hash(request, self._key)
        arrival = _Arrival(request=request, via=via, source=source, now=now, tag=tag, loop=loop)
        refused = self._check(arrival)
        if refused is not None:
            return refused
        if tag_of(request.headers, "to"):
            return self._take_in_dialog(arrival)
        user = self._authenticate(arrival)
        return user if isinstance(user, Reply) else self._take_first(arrival, user)

    def cancel(self, via: Via, source: Source) -> Forwarded | None:
        """Take a CANCEL; None when there is nothing to cancel."""
        key = invite_key(via, str(source))
        forking = self._open.get(key)
        if forking is None:
            return None
        sends = forking.cancel(self._clock())
        self._settle(key, forking, 0.0)
        return Forwarded(sends=tuple(sends), reply=Reply(status=200, reason="OK", is_kept=True))

    def acknowledge(self, request: Request, via: Via, source: Source) -> tuple[Outbound, ...]:
        """Take an ACK: that of a refusal ends here, that of a 2xx goes on. Never answered."""
        key = invite_key(via, str(source))
        forking = self._open.get(key)
        if forking is not None and forking.server.on_ack(self._clock()):
            self._settle(key, forking, 0.0)
            return ()
        loop = loop_hash(request, self._key)
        arrival = _Arrival(request=request, via=via, source=source, now=0.0, tag="", loop=loop)
        dialog = self._dialog_of(request)
        if self._check(arrival) is not None or not self._is_party(dialog, source):
            return ()
        uri, routes = strip_routes(request, self._is_ours)
        flow = self._flow_to(dialog, uri)
        if flow is None:
            return ()
        _, data = self._copy(arrival, uri, flow, routes)
        return (Outbound(data=data.emit(), flow=flow),)

    def on_response(self, response: Response, now: float) -> tuple[Outbound, ...] | None:
        """Take a response; None when it answers nothing of ours."""
        via = top_via(response.headers)
        found = self._branches.get(via.branch) if via else None
        if found is None:
            return None
        key, branch = found
        forking = self._open[key]
        sends = forking.on_response(branch, response, self._clock())
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

    def _check(self, arrival: _Arrival) -> Reply | None:
        """Check as RFC 3261 §16.3 asks."""
        request = arrival.request
        if hops_left(request) == 0:
            return Reply(status=483, reason="Too Many Hops")
        if is_looped(request, self._place(), arrival.loop):
            return Reply(status=482, reason="Loop Detected")
        unknown = values_of(request.headers, "proxy-require")
        return bad_extension(unknown) if unknown else None

    def _authenticate(self, arrival: _Arrival) -> str | Reply:
        """Demand credentials, and that From names the extension they are of."""
        request, source = arrival.request, arrival.source
        sender = address_of(request.headers, "from")
        claimed = sender.user if isinstance(sender, SipUri) else ""
        is_known = any(b.source == str(source) for b in self._table.of(claimed))
        verdict = self._authenticator.judge(
            request, PROXY_GATE, source.host, arrival.now, is_known=is_known
        )
        match verdict:
            case Challenged():
                headers = tuple((PROXY_GATE.challenge, value) for value in verdict.values)
                return Reply(status=PROXY_GATE.status, reason=PROXY_GATE.reason, headers=headers)
            case Allowed(user=user) if user == claimed:
                return user
            case Allowed():
                return Reply(status=403, reason="Not Your Address", is_kept=True)
            case Barred():
                return Reply(status=403, reason="Too Many Failures")
            case Misdirected():
                return Reply(status=400, reason="Digest For Another URI")
            case _:  # pragma: no cover
                assert_never(verdict)

    def _is_party(self, dialog: Dialog | None, source: Source) -> bool:
        """Say whether a request inside a dialog comes from a phone we know.

        Without this a stranger who makes up a To tag could reach every phone, with a reboot order
        for instance.
        """
        if dialog is not None and dialog.has_host(source.host):
            return True
        return any(self._secret_of(aor) is not None for aor in self._table.owners(str(source)))

    # --- where to ------------------------------------------------------------------------------

    def _take_first(self, arrival: _Arrival, caller: str) -> Reply | Forwarded:
        request, source = arrival.request, arrival.source
        uri = parse_uri(request.uri)
        callee = uri.user if isinstance(uri, SipUri) else ""
        if self._secret_of(callee) is None:
            return _NOT_FOUND
        bindings = [
            binding
            for binding in self._table.of(callee)
            if binding.expires_at > arrival.now and binding.source != str(source)
        ]
        if not bindings:
            return Reply(status=480, reason="Temporarily Unavailable", is_kept=True)
        reply = self._start(arrival, [_target_of(binding) for binding in bindings])
        if request.method == "INVITE" and isinstance(reply, Forwarded):
            contact = contact_of(request.headers)
            call = request.headers.first("call-id") or "", tag_of(request.headers, "from")
            side = Side(uri=contact, flow=flow_of(str(source), contact))
            self.calls.begin(call, caller, callee, side, arrival.now)
            self._ringing[transaction_key(request, arrival.via, str(source))] = call
        return reply

    def _take_in_dialog(self, arrival: _Arrival) -> Reply | Forwarded:
        request = arrival.request
        dialog = self._dialog_of(request)
        if not self._is_party(dialog, arrival.source):
            user = self._authenticate(arrival)
            if isinstance(user, Reply):
                return user
        uri, routes = strip_routes(request, self._is_ours)
        flow = self._flow_to(dialog, uri)
        if flow is None:
            return Reply(status=404, reason="Not Found")
        if request.method == "BYE":
            self.calls.end(*dialog_id(request))
        return self._start(arrival, [(uri, flow, routes)])

    def _dialog_of(self, request: Request) -> Dialog | None:
        return self.calls.find(*dialog_id(request))

    def _flow_to(self, dialog: Dialog | None, text: str) -> Flow | None:
        """Find the way to a contact: one of this call's extensions, its side, else any contact."""
        uri = parse_uri(text)
        bindings = self._table.at(uri) if isinstance(uri, SipUri) else ()
        bindings = tuple(b for b in bindings if self._secret_of(b.aor) is not None)
        if dialog is None:
            return _flow(bindings[-1]) if bindings else None
        parties = (dialog.call.caller, dialog.call.callee)
        own = [binding for binding in bindings if binding.aor in parties]
        if own:
            return _flow(own[-1])
        return dialog.flow_to(text) or (_flow(bindings[-1]) if bindings else None)

    def _is_ours(self, uri: SipUri) -> bool:
        host, port = self._place()
        return uri.host.strip("[]") == host and (uri.port or 5060) == port

    # --- on the way ----------------------------------------------------------------------------

    def _start(
        self, arrival: _Arrival, targets: Sequence[tuple[str, Flow, Sequence[str]]]
    ) -> Reply | Forwarded:
        if len(self._open) >= self._capacity:
            retry = (("Retry-After", "10"),)
            return Reply(status=503, reason="Too Many Transactions", headers=retry)
        request, source = arrival.request, arrival.source
        key = transaction_key(request, arrival.via, str(source))
        forking = Forking(
            request=request, source=source, via=arrival.via, tag=arrival.tag, agent=self._agent
        )
        branches: list[Branch] = []
        for uri, flow, routes in targets:
            name, copy = self._copy(arrival, uri, flow, routes)
            client: InviteClient | ClientTransaction
            if request.method == "INVITE":
                client = InviteClient(copy, is_reliable=flow.is_reliable)
            else:
                client = ClientTransaction(copy.emit(), is_reliable=flow.is_reliable)
            branch = Branch(name=name, flow=flow, client=client)
            self._branches[name] = (key, branch)
            branches.append(branch)
        self._open[key] = forking
        sends = forking.start(branches, self._clock())
        self._settle(key, forking, arrival.now)
        return Forwarded(sends=tuple(sends))

    def _copy(
        self, arrival: _Arrival, uri: str, flow: Flow, routes: Sequence[str]
    ) -> tuple[str, Request]:
        """Copy a request for a target; gives the name of its branch too. RFC 3261 §16.6."""
        request, source = arrival.request, arrival.source
        host, port = self._place()
        name = f"z9hG4bK{self._random_text()}.{arrival.loop}"
        is_first = request.method == "INVITE" and not tag_of(request.headers, "to")
        hop = Hop(
            uri=uri,
            via=write_via(flow.transport.upper(), host, port, name),
            stamped_via=stamp_via(request.headers, arrival.via, source.host, source.port),
            record_routes=record_routes((host, port), flow.transport, source.transport)
            if is_first
            else (),
            routes=routes,
        )
        return name, forwarded(request, hop, self._realm)

    def _settle(self, key: str, forking: Forking, now: float) -> None:
        """Note what became of a call, forget what has ended, plan the next wake-up."""
        call = self._ringing.get(key)
        if call is not None and forking.server.is_final:
            del self._ringing[key]
            if forking.accepted is None:
                self.calls.fail(call)
            else:
                branch, response = forking.accepted
                side = Side(uri=contact_of(response.headers), flow=branch.flow)
                self.calls.answer(call, tag_of(response.headers, "to"), side, now)
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


def _flow(binding: Binding) -> Flow:
    return flow_of(binding.source, binding.contact, has_path=bool(binding.path))


def _target_of(binding: Binding) -> tuple[str, Flow, Sequence[str]]:
    return binding.contact, _flow(binding), binding.path
