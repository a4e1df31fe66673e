"""Who watches whom: SUBSCRIBE of registered phones, taken or refused. RFC 6665, 4235, 3842."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from offhook.sip.auth import Authenticator, SecretOf
from offhook.sip.bindings import BindingTable, Source
from offhook.sip.calls import Calls
from offhook.sip.dialog_info import DIALOG_INFO, MESSAGE_SUMMARY
from offhook.sip.flow import Outbound, flow_of
from offhook.sip.forking import Failure
from offhook.sip.forward import contact_of, dialog_id, values_of
from offhook.sip.lost_watches import LostWatches, Tell
from offhook.sip.message import Request, Response
from offhook.sip.parse import digits
from offhook.sip.registrar import Reply, bad_extension, unsupported
from offhook.sip.rights import Arrival, Rights
from offhook.sip.uri import SipUri, parse_uri
from offhook.sip.via import Via, parse_cseq
from offhook.sip.wanted import ExpiryPolicy, TooBrief, granted_expiry_s
from offhook.sip.watch import Terms, Watch, Watches, contact_here

MAX_WATCHES = 16_384
# Three expansion modules of 60 keys, twice: a phone that was restarted subscribes anew.
MAX_OF_WATCHER = 400
PACKAGES = {"dialog": DIALOG_INFO, "message-summary": MESSAGE_SUMMARY}
ALLOW_EVENTS = ("Allow-Events", ", ".join(PACKAGES))
BAD_EVENT = Reply(status=489, reason="Bad Event", headers=(ALLOW_EVENTS,))
# Phones may subscribe before they have registered.
_UNREGISTERED = Reply(status=480, reason="Register First", headers=(("Retry-After", "5"),))
_UNKNOWN = Reply(status=481, reason="Subscription Does Not Exist")
# One hour is what RFC 4235 §3.4 and RFC 3842 §3.4 name.
POLICY = ExpiryPolicy(min_s=60, max_s=3600, default_s=3600)


def event_of(request: Request) -> str:
    """Give the event package a request names, empty when it names none."""
    return (request.headers.first("event") or "").partition(";")[0].strip().lower()


class Subscriptions:
    """Answers SUBSCRIBE and keeps what follows from it.

    The notifier's face is that of the proxy: responses, timers and lost connections come in, bytes
    go out. `now` of the methods is the epoch; timers run by the `clock` of `watches`.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        table: BindingTable,
        secret_of: SecretOf,
        calls: Calls,
        place: Callable[[str], tuple[str, int]],
        clock: Callable[[], float],
        random_text: Callable[[], str],
        agent: str = "Offhook",
        capacity: int = MAX_WATCHES,
        of_watcher: int = MAX_OF_WATCHER,
        tell: Tell = lambda _: None,
    ) -> None:
        self._rights = Rights(authenticator=authenticator, table=table, secret_of=secret_of)
        self._table = table
        self._secret_of = secret_of
        self._place = place
        self._capacity = capacity
        self._watches = Watches(
            calls=calls,
            place=place,
            clock=clock,
            random_text=random_text,
            agent=agent,
            of_watcher=of_watcher,
            lost=LostWatches(tell),
        )

    def __len__(self) -> int:
        return len(self._watches)

    @property
    def wake_at(self) -> float | None:
        """The next moment `on_time` has something to do, by the clock."""
        return self._watches.wake_at

    def is_for_us(self, request: Request) -> bool:
        """Say whether a SUBSCRIBE is ours to answer: not one between two phones, of a REFER."""
        return not dialog_id(request)[2] or event_of(request) in PACKAGES

    def take(
        self, request: Request, via: Via, source: Source, now: float, tag: str
    ) -> tuple[Reply, tuple[Outbound, ...]]:
        """Answer a SUBSCRIBE; `tag` is for our To. What is to be sent follows the answer."""
        user = self._rights.authenticate(
            Arrival(request=request, via=via, source=source, now=now, tag=tag, loop="")
        )
        if isinstance(user, Reply):
            return user, ()
        if not self._is_registered(user, source, now):
            return _UNREGISTERED, ()
        unknown = unsupported(request, ())
        if unknown:
            return bad_extension(unknown), ()
        if event_of(request) not in PACKAGES:
            return BAD_EVENT, ()
        granted_s = granted_expiry_s(digits(request.headers.first("expires")), POLICY)
        if isinstance(granted_s, TooBrief):
            headers = (("Min-Expires", str(granted_s.min_s)),)
            return Reply(status=423, reason="Interval Too Brief", headers=headers), ()
        call_id, their_tag, our_tag = dialog_id(request)
        terms = self._terms(request, source, granted_s, now)
        if isinstance(terms, Reply):
            return terms, ()
        if our_tag:
            watch = self._watches.find(call_id, their_tag, our_tag)
            return self._refresh(watch, user, terms, now)
        return self._begin(request, user, terms, tag, now)

    def _refresh(
        self, watch: Watch | None, user: str, terms: Terms, now: float
    ) -> tuple[Reply, tuple[Outbound, ...]]:
        if watch is None or watch.watcher != user or watch.terms.package != terms.package:
            return _UNKNOWN, ()
        if terms.cseq <= watch.terms.cseq:
            return Reply(status=500, reason="CSeq Out Of Order", is_kept=True), ()
        return self._granted(terms), self._watches.refresh(watch, terms, now)

    def _begin(
        self, request: Request, user: str, terms: Terms, tag: str, now: float
    ) -> tuple[Reply, tuple[Outbound, ...]]:
        uri = parse_uri(request.uri)
        target = uri.user if isinstance(uri, SipUri) else ""
        if not isinstance(uri, SipUri) or self._secret_of(target) is None:
            return Reply(status=404, reason="Not Found", is_kept=True), ()
        call_id, their_tag, _ = dialog_id(request)
        watch = Watch(
            watcher=user,
            target=target,
            host=uri.host,
            call_id=call_id,
            our_tag=tag,
            their_tag=their_tag,
            local=request.headers.first("to") or "",
            remote=request.headers.first("from") or "",
            terms=terms,
        )
        if len(self._watches) >= self._capacity:
            retry = (("Retry-After", "60"),)
            return Reply(status=503, reason="Too Many Subscriptions", headers=retry), ()
        return self._granted(terms), self._watches.begin(watch, now)

    def _granted(self, terms: Terms) -> Reply:
        headers = (
            ("Expires", str(terms.lifetime_s)),
            ("Contact", contact_here(self._place, terms.flow.transport)),
            *(("Record-Route", route) for route in terms.routes),
            ALLOW_EVENTS,
        )
        return Reply(status=200, reason="OK", headers=headers, is_kept=True)

    def _terms(
        self, request: Request, source: Source, lifetime_s: int, now: float
    ) -> Terms | Reply:
        """Read what each SUBSCRIBE may change: where to, by which way, until when."""
        headers = request.headers
        contact = contact_of(headers)
        event = headers.first("event") or ""
        routes = tuple(values_of(headers, "record-route"))
        written = (contact, event, *routes, *headers.all("from"), *headers.all("to"))
        is_plain = all("\0" not in text for text in written)
        if not isinstance(parse_uri(contact), SipUri) or not is_plain:
            return Reply(status=400, reason="Malformed Contact")
        package = event_of(request)
        accepted = [
            value.partition(";")[0].strip().lower() for value in values_of(headers, "accept")
        ]
        if accepted and not {PACKAGES[package], "application/*", "*/*"} & set(accepted):
            return Reply(status=406, reason="Not Acceptable")
        return Terms(
            contact=contact,
            flow=flow_of(str(source), contact, has_path=bool(routes)),
            routes=routes,
            event=_echoed(event),
            package=package,
            cseq=(parse_cseq(headers.first("cseq") or "") or (0, ""))[0],
            lifetime_s=lifetime_s,
            expires_at=now + lifetime_s,
        )

    def _is_registered(self, user: str, source: Source, now: float) -> bool:
        """Say whether an extension has a phone at this host."""
        return any(
            binding.expires_at > now and flow_of(binding.source, "").host == source.host
            for binding in self._table.of(user)
        )

    # --- what makes NOTIFYs --------------------------------------------------------------------

    def on_calls(self, extensions: Iterable[str], now: float) -> tuple[Outbound, ...]:
        """Tell who watches extensions whose calls have changed."""
        return self._watches.on_calls(extensions, now)

    def on_removed(self, extension: str, now: float) -> tuple[Outbound, ...]:
        """Take that an extension was removed, or its secret changed: its watching ends.

        Who watches it is told when it does not exist any more. RFC 6665 §4.1.3.
        """
        is_gone = self._secret_of(extension) is None
        return self._watches.end_of(extension, is_gone=is_gone, now=now)

    def on_response(self, response: Response, now: float) -> tuple[Outbound, ...] | None:
        """Take a response; None when it answers nothing of ours."""
        return self._watches.on_response(response, now)

    def branches_over(self, flow: str) -> tuple[str, ...]:
        """Name the NOTIFYs that wait on a connection."""
        return self._watches.branches_over(flow)

    def on_unsendable(self, name: str, now: float) -> tuple[Outbound, ...]:
        """Take that a NOTIFY could not be sent: who it was for watches no longer."""
        return self._watches.on_unsendable(name, now)

    def take_failures(self) -> tuple[Failure, ...]:
        """Give nothing: a lamp that is out of reach is no fault of a call."""
        return ()

    def on_time(self, now: float) -> tuple[Outbound, ...]:
        """Do what is due by the clock: NOTIFYs again, or their end."""
        return self._watches.on_time(now)

    def expire(self, now: float) -> tuple[Outbound, ...]:
        """End what was not refreshed. Call about once a second."""
        return self._watches.expire(now)


def _echoed(event: str) -> str:
    """Keep the package and the `id` a NOTIFY must repeat. RFC 6665 §8.2.1."""
    package, *params = (piece.strip() for piece in event.split(";"))
    ids = [piece for piece in params if piece.lower().startswith("id=")]
    return ";".join((package, *ids[:1]))
