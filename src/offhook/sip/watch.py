"""Subscriptions that were granted, and their NOTIFYs: one at a time, each a transaction."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from offhook.sip.calls import Calls
from offhook.sip.dialog_info import (
    DIALOG_INFO,
    MESSAGE_SUMMARY,
    NO_MESSAGES,
    DialogState,
    ShownDialog,
    render_dialog_info,
    shown_dialog,
)
from offhook.sip.flow import Flow, Outbound
from offhook.sip.lost_watches import LostWatches
from offhook.sip.message import Request, Response, make_request
from offhook.sip.notifier import is_our_answer
from offhook.sip.transaction import Answered, ClientAction, ClientTransaction, TimedOut, Transmit
from offhook.sip.uri import SipUri, join_host_port, parse_name_addr, parse_uri
from offhook.sip.via import top_via, write_via

# Calls shown of one extension, the newest: a document has to fit a datagram.
MAX_SHOWN = 16
# Answers to a NOTIFY that say that nobody watches there any more. RFC 5057 §5.1, RFC 6665 §4.2.2.
_ENDING = frozenset({404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})

WatchId = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What each SUBSCRIBE of a dialog may change; `routes` is the route set, in its order."""

    contact: str
    flow: Flow
    routes: tuple[str, ...]
    event: str
    package: str
    cseq: int
    lifetime_s: int
    expires_at: float


@dataclass(slots=True, kw_only=True)
class Watch:
    """One subscription: `local` and `remote` are To and From of the first SUBSCRIBE.

    `shown` is what the last NOTIFY told, `branch` names it while it has no answer, `ending` is
    why the subscription ends with the next one, `looked_at` when its expiry is looked at next,
    `refreshed_at` when the phone last subscribed.
    """

    watcher: str
    target: str
    host: str
    call_id: str
    our_tag: str
    their_tag: str
    local: str
    remote: str
    terms: Terms
    version: int = 0
    cseq: int = 0
    shown: dict[str, ShownDialog] = field(default_factory=dict)
    branch: str = ""
    is_due: bool = False
    ending: str = ""
    looked_at: float = math.inf
    refreshed_at: float = 0.0

    @property
    def id(self) -> WatchId:
        """Its name: Call-ID and our tag."""
        return self.call_id, self.our_tag


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    watch: Watch
    flow: Flow
    transaction: ClientTransaction


Place = Callable[[str], tuple[str, int]]
"""Transport to the host and port phones know us by."""


def contact_here(place: Place, transport: str) -> str:
    """Write our Contact for a phone on a transport."""
    suffix = "" if transport == "udp" else f";transport={transport}"
    return f"<sip:{join_host_port(*place(transport))}{suffix}>"


class Watches:
    """All subscriptions. `now` of the methods is the epoch; NOTIFYs are repeated by `clock`."""

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
        clock: Callable[[], float],
        random_text: Callable[[], str],
        agent: str,
        of_watcher: int,
        lost: LostWatches,
    ) -> None:
        self._lost = lost
        self._calls = calls
        self._place = place
        self._clock = clock
        self._random_text = random_text
        self._agent = agent
        self._of_watcher = of_watcher
        self._by_id: dict[WatchId, Watch] = {}
        self._by_target: dict[str, dict[WatchId, None]] = {}
        self._by_watcher: dict[str, dict[WatchId, None]] = {}
        self._pending: dict[str, _Pending] = {}
        self._due: list[tuple[float, str]] = []
        self._expiring: list[tuple[float, WatchId]] = []

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def wake_at(self) -> float | None:
        """The next moment a NOTIFY is to be repeated or given up."""
        while self._due and self._due[0][1] not in self._pending:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def find(self, call_id: str, their_tag: str, our_tag: str) -> Watch | None:
        """Find the subscription a SUBSCRIBE inside a dialog belongs to."""
        watch = self._by_id.get((call_id, our_tag))
        return watch if watch is not None and watch.their_tag == their_tag else None

    def begin(self, watch: Watch, now: float) -> tuple[Outbound, ...]:
        """Take a subscription and tell its state at once.

        A phone that was restarted subscribes anew and leaves its old ones behind, so the ones
        refreshed longest ago make room.
        """
        mine = self._by_watcher.setdefault(watch.watcher, {})
        while len(mine) >= self._of_watcher:
            self._drop(self._by_id[next(iter(mine))])
            mine = self._by_watcher.setdefault(watch.watcher, {})
        self._by_id[watch.id] = watch
        mine[watch.id] = None
        self._by_target.setdefault(watch.target, {})[watch.id] = None
        return self._granted(watch, now)

    def refresh(self, watch: Watch, terms: Terms, now: float) -> tuple[Outbound, ...]:
        """Take a new lifetime, contact and way; tell the state again. RFC 6665 §4.2.1.2."""
        watch.terms = terms
        mine = self._by_watcher[watch.watcher]
        mine[watch.id] = mine.pop(watch.id)
        return self._granted(watch, now)

    def _granted(self, watch: Watch, now: float) -> tuple[Outbound, ...]:
        if watch.terms.lifetime_s:
            watch.ending, watch.refreshed_at = "", now
            self._lost.regain(watch.watcher, watch.target, watch.terms.flow.host)
            self._plan_expiry(watch)
        else:
            watch.ending = "timeout"
        return self._notify(watch, now)

    # --- what makes a NOTIFY -------------------------------------------------------------------

    def on_calls(self, extensions: Iterable[str], now: float) -> tuple[Outbound, ...]:
        """Tell who watches extensions whose calls have changed, if it shows."""
        sends: list[Outbound] = []
        for extension in extensions:
            for watch_id in tuple(self._by_target.get(extension, ())):
                watch = self._by_id[watch_id]
                if watch.terms.package == "dialog" and self._visible(watch) != watch.shown:
                    sends += self._notify(watch, now)
        return tuple(sends)

    def end_of(self, extension: str, *, is_gone: bool, now: float) -> tuple[Outbound, ...]:
        """End what an extension watches, and when it is gone who watches it. RFC 6665 §4.1.3."""
        sends: list[Outbound] = []
        for watch_id in tuple(self._by_watcher.get(extension, ())):
            sends += self._end(self._by_id[watch_id], "deactivated", now)
        for watch_id in tuple(self._by_target.get(extension, ())) if is_gone else ():
            sends += self._end(self._by_id[watch_id], "noresource", now)
        return tuple(sends)

    def expire(self, now: float) -> tuple[Outbound, ...]:
        """End what was not refreshed in time."""
        sends: list[Outbound] = []
        while self._expiring and self._expiring[0][0] <= now:
            _, watch_id = heapq.heappop(self._expiring)
            watch = self._by_id.get(watch_id)
            if watch is None:
                continue
            watch.looked_at = math.inf
            if watch.terms.expires_at <= now:
                self._lose(watch, "not refreshed in time", now)
                sends += self._end(watch, "timeout", now)
            else:
                self._plan_expiry(watch)
        return tuple(sends)

    def _plan_expiry(self, watch: Watch) -> None:
        # An entry that is too early is harmless, and so a chatty phone does not fill the heap.
        if watch.terms.expires_at < watch.looked_at:
            watch.looked_at = watch.terms.expires_at
            heapq.heappush(self._expiring, (watch.looked_at, watch.id))

    def _end(self, watch: Watch, reason: str, now: float) -> tuple[Outbound, ...]:
        watch.ending = watch.ending or reason
        return self._notify(watch, now)

    def _notify(self, watch: Watch, now: float) -> tuple[Outbound, ...]:
        """Send the state, or remember to when the NOTIFY before it has its answer."""
        if watch.branch:
            watch.is_due = True
            return ()
        branch = f"z9hG4bK{self._random_text()}"
        flow = watch.terms.flow
        data = self._build(watch, branch, now).emit()
        transaction = ClientTransaction(data, is_reliable=flow.is_reliable)
        self._pending[branch] = _Pending(watch=watch, flow=flow, transaction=transaction)
        watch.branch, watch.is_due = branch, False
        if watch.ending:
            self._drop(watch)
        return self._act_and_plan(branch, transaction.start(self._clock()), now)

    # --- what comes of it ----------------------------------------------------------------------

    def on_response(self, response: Response, now: float) -> tuple[Outbound, ...] | None:
        """Take a response; None when it answers nothing of ours."""
        via = top_via(response.headers)
        pending = self._pending.get(via.branch) if via else None
        if via is None or pending is None or not is_our_answer(response, via.branch, "NOTIFY"):
            return None
        actions = pending.transaction.on_response(response, self._clock())
        return self._act(via.branch, actions, now)

    def branches_over(self, flow: str) -> tuple[str, ...]:
        """Name the NOTIFYs that wait on a connection."""
        return tuple(name for name, item in self._pending.items() if str(item.flow) == flow)

    def on_unsendable(self, branch: str, now: float) -> tuple[Outbound, ...]:
        """Take that a NOTIFY could not be sent or met silence: nobody watches there.

        A phone that has refreshed by another way since then is told by that.
        """
        pending = self._pending.pop(branch, None)
        if pending is None:
            return ()
        watch = pending.watch
        watch.branch = ""
        if self._by_id.get(watch.id) is watch and watch.terms.flow != pending.flow:
            return self._notify(watch, now)
        self._lose(watch, "no answer to NOTIFY", now)
        self._drop(watch)
        return ()

    def on_time(self, now: float) -> tuple[Outbound, ...]:
        """Repeat and give up what is due by the clock."""
        sends: list[Outbound] = []
        moment = self._clock()
        while self._due and self._due[0][0] <= moment:
            _, branch = heapq.heappop(self._due)
            pending = self._pending.get(branch)
            if pending is not None:
                sends += self._act_and_plan(branch, pending.transaction.on_time(moment), now)
        return tuple(sends)

    def _act(
        self, branch: str, actions: Iterable[ClientAction], now: float
    ) -> tuple[Outbound, ...]:
        pending = self._pending[branch]
        sends: list[Outbound] = []
        for action in actions:
            match action:
                case Transmit(data=data):
                    sends.append(Outbound(data=data, flow=pending.flow, branch=branch))
                case Answered(response=response):
                    del self._pending[branch]
                    sends += self._on_answer(pending.watch, response.status, now)
                case TimedOut():
                    sends += self.on_unsendable(branch, now)
        return tuple(sends)

    def _act_and_plan(
        self, branch: str, actions: Iterable[ClientAction], now: float
    ) -> tuple[Outbound, ...]:
        sends = self._act(branch, actions, now)
        pending = self._pending.get(branch)
        wake_at = pending.transaction.wake_at if pending else None
        if wake_at is not None:
            heapq.heappush(self._due, (wake_at, branch))
        return sends

    def _on_answer(self, watch: Watch, status: int, now: float) -> tuple[Outbound, ...]:
        watch.branch = ""
        if status in _ENDING:
            self._lose(watch, f"answer {status} to NOTIFY", now)
            self._drop(watch)
        is_waiting = watch.is_due and self._by_id.get(watch.id) is watch
        return self._notify(watch, now) if is_waiting else ()

    def _lose(self, watch: Watch, reason: str, now: float) -> None:
        """Tell that a busy lamp goes dark, unless the subscription was ended on purpose."""
        is_live = self._by_id.get(watch.id) is watch and not watch.ending
        if is_live and watch.terms.package == "dialog":
            self._lost.lose(watch, watch.terms.flow.host, reason, now)

    def _drop(self, watch: Watch) -> None:
        if self._by_id.get(watch.id) is not watch:
            return
        del self._by_id[watch.id]
        for index, key in (
            (self._by_watcher, watch.watcher),
            (self._by_target, watch.target),
        ):
            del index[key][watch.id]
            if not index[key]:
                del index[key]

    # --- what a NOTIFY says --------------------------------------------------------------------

    def _visible(self, watch: Watch) -> dict[str, ShownDialog]:
        calls = tuple(self._calls.of(watch.target).items())[-MAX_SHOWN:]
        return {name: shown_dialog(name, call, watch.target) for name, call in calls}

    def _body(self, watch: Watch) -> tuple[str, bytes]:
        """Write the state; a call that is over is shown once more, as terminated."""
        if watch.terms.package == "message-summary":
            return MESSAGE_SUMMARY, NO_MESSAGES
        visible = self._visible(watch)
        ended = [
            ShownDialog(
                id=item.id,
                is_caller=item.is_caller,
                state=DialogState.TERMINATED,
                other=item.other,
            )
            for name, item in watch.shown.items()
            if name not in visible
        ]
        watch.shown = visible
        dialogs = (*ended, *visible.values())
        body = render_dialog_info(watch.target, watch.host, watch.version, dialogs)
        watch.version += 1
        return DIALOG_INFO, body

    def _build(self, watch: Watch, branch: str, now: float) -> Request:
        """Build the next NOTIFY of a dialog. RFC 3261 §12.2.1.1, RFC 6665 §4.2.2."""
        terms = watch.terms
        transport = terms.flow.transport
        uri, routes = _routed(terms)
        left_s = max(1, int(terms.expires_at - now))
        state = f"active;expires={left_s}"
        content_type, body = self._body(watch)
        watch.cseq += 1
        pairs = [
            ("Via", write_via(transport.upper(), *self._place(transport), branch)),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in routes),
            ("From", f"{watch.local};tag={watch.our_tag}"),
            ("To", watch.remote),
            ("Call-ID", watch.call_id),
            ("CSeq", f"{watch.cseq} NOTIFY"),
            ("Contact", contact_here(self._place, transport)),
            ("Event", terms.event),
            (
                "Subscription-State",
                f"terminated;reason={watch.ending}" if watch.ending else state,
            ),
            ("User-Agent", self._agent),
            ("Content-Type", content_type),
        ]
        return make_request("NOTIFY", uri, pairs, body)


def _routed(terms: Terms) -> tuple[str, tuple[str, ...]]:
    """Give Request-URI and Route; a strict router first in line gets itself as Request-URI."""
    if not terms.routes:
        return terms.contact, ()
    first = parse_name_addr(terms.routes[0])
    uri = parse_uri(first.uri) if first else None
    if first is None or not isinstance(uri, SipUri) or "lr" in uri.params:
        return terms.contact, terms.routes
    return first.uri, (*terms.routes[1:], f"<{terms.contact}>")
