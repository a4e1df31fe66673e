"""A SIP server with phones and strangers around it, and what must hold after every input."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from xml.etree import ElementTree

from offhook.engines.phones import note_of, shown
from offhook.sip.bindings import Source
from offhook.sip.dialog_info import DIALOG_INFO
from offhook.sip.digest import answer_challenge
from offhook.sip.flow import Outbound, flow_of
from offhook.sip.message import Headers, Junk, Refusal, Request, Response, read_headers
from offhook.sip.parse import parse_datagram
from offhook.sip.server import Reaction
from offhook.sip.uri import split_list
from offhook.sip.via import MAGIC_COOKIE, answerable_via, reply_address, stamp_via
from tests.unit.sip.build import Pbx

USERS = ("1001", "1002")
SECRETS = tuple(f"secret{user}".encode() for user in (*USERS, "watson", "user"))
PHONES = (
    Source(transport="udp", host="192.0.2.10", port=5062),
    Source(transport="udp", host="192.0.2.20", port=5064),
    Source(transport="tcp", host="192.0.2.30", port=40_000),
    Source(transport="udp", host="2001:db8::5", port=5060),
    Source(transport="tls", host="192.0.2.40", port=40_001),
)
STRANGERS = (
    Source(transport="udp", host="203.0.113.9", port=5060),
    Source(transport="tcp", host="203.0.113.10", port=50_000),
)
SOURCES = (*PHONES, *STRANGERS)
# One input may lead to a copy for each contact of an extension, a CANCEL for each, an answer or
# two. A timer's moment may come for several transactions at once.
MAX_CONTACTS = 3
MAX_SENDS = 2 * MAX_CONTACTS + 4
# Everything we write into an answer; anything else came through a hole.
OUR_HEADERS = frozenset(
    {
        "via",
        "from",
        "to",
        "call-id",
        "cseq",
        "contact",
        "path",
        "date",
        "allow",
        "accept",
        "supported",
        "unsupported",
        "server",
        "content-length",
        "www-authenticate",
        "proxy-authenticate",
        "min-expires",
        "retry-after",
        "allow-events",
        "expires",
        "require",
        "record-route",
    }
)
_LINE_END = re.compile(r"\r\n(?![ \t])")


class BrokenError(AssertionError):
    """Something that must hold did not."""


def must(holds: object, what: str, *evidence: object) -> None:
    """Raise BrokenError with the evidence unless it holds."""
    if not holds:
        raise BrokenError(f"{what}: {evidence!r}")


@dataclass
class Room:
    """Feeds a server and judges each reaction.

    `said` are the requests that reached a phone, newest last, with the flow they took.
    """

    pbx: Pbx = field(default_factory=lambda: Pbx(max_contacts=MAX_CONTACTS))
    said: list[Outbound] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    _flows: set[str] = field(default_factory=set)
    _proved: set[str] = field(default_factory=set)
    _digests: set[bytes] = field(default_factory=set)
    _answers: set[bytes] = field(default_factory=set)
    _inputs: list[bytes] = field(default_factory=list)

    # --- inputs --------------------------------------------------------------------------------

    def feed(self, data: bytes, source: Source) -> Reaction:
        """Let bytes arrive and check what comes of it."""
        self._inputs.append(data)
        reaction = self.pbx.receive(data, source)
        self.statuses[reaction.status] += 1
        parsed = parse_datagram(data)
        if isinstance(parsed, Request):
            must(shown(note_of(parsed)).isprintable(), "a note cannot be shown")
        self._learn_flows()
        if reaction.answer is not None:
            self._check_answer(reaction, data, source)
        sends = reaction.sends + reaction.after
        must(source in PHONES or not sends or self._is_from_proved(source), "a stranger relays")
        # Who answers with a branch of ours, which nobody can guess, has been asked.
        if reaction.response is not None:
            sends += self._hear(reaction.response)
        self._check_sends(sends, MAX_SENDS)
        self._tell()
        return reaction

    def _hear(self, response: Response) -> tuple[Outbound, ...]:
        taken = self.pbx.proxy.on_response(response, self.pbx.now)
        if taken is None:
            taken = self.pbx.subscriptions.on_response(response, self.pbx.now)
        return taken or ()

    def _tell(self) -> None:
        """Tell who watches calls what has changed, as the engine does."""
        self.pbx.proxy.take_failures()
        changed = self.pbx.proxy.calls.take_changed()
        watching = self.pbx.subscriptions
        most = len(watching)
        self._check_sends(watching.on_calls(changed, self.pbx.now), most)

    def sign(self, data: bytes, user: str, source: Source, nc: int = 1) -> bytes:
        """Add credentials of a user as its phone does, when the server asks for them."""
        answer = self.feed(data, source).answer
        challenge = parse_datagram(answer.data) if answer else None
        request = parse_datagram(data)
        if not isinstance(challenge, Response) or not isinstance(request, Request):
            return data
        name, header = _HEADERS.get(challenge.status, ("", ""))
        value = answer_challenge(
            challenge.headers.all(name),
            username=user,
            secret=f"secret{user}",
            method=request.method,
            uri=request.uri,
            cnonce="c",
            nc=nc,
        )
        if value is None:
            return data
        self._proved.add(source.host)
        self._digests.add(value.partition('response="')[2][:32].encode())
        head, _, body = data.partition(b"\r\n\r\n")
        branch = b"branch=" + MAGIC_COOKIE.encode()
        head = head.replace(branch, branch + b"s%d" % len(self._digests), 1)
        return head + f"\r\n{header}: {value}\r\n\r\n".encode("utf-8", "surrogateescape") + body

    def wait(self, seconds: float) -> None:
        """Let time pass and timers fire, one moment after the other."""
        end = self.pbx.now + seconds
        while (wake_at := self._wake_at()) is not None and wake_at <= end:
            self.pbx.now = now = max(self.pbx.now, wake_at)
            most = MAX_SENDS * (len(self.pbx.proxy) + 1) + len(self.pbx.subscriptions)
            sends = self.pbx.proxy.on_time(now) + self.pbx.subscriptions.on_time(now)
            self._check_sends(sends, most)
            wake_at = self._wake_at()
            must(wake_at is None or wake_at > now, "a timer does not end")
            self._tell()
        self.pbx.now = end
        self.pbx.table.expire(end)
        watching = self.pbx.subscriptions
        most = len(watching)
        self._check_sends(watching.expire(end), most)

    def _wake_at(self) -> float | None:
        due = (self.pbx.proxy.wake_at, self.pbx.subscriptions.wake_at)
        return min((at for at in due if at is not None), default=None)

    def lose(self, at: int) -> None:
        """Let what was sent turn out unsendable."""
        if self.said:
            branch = self.said[at % len(self.said)].branch
            for side in (self.pbx.proxy, self.pbx.subscriptions):
                self._check_sends(side.on_unsendable(branch, self.pbx.now), MAX_SENDS)
            self._tell()

    def remove(self, user: str) -> None:
        """Drop an extension's phones and what it watches."""
        watching = self.pbx.subscriptions
        self.pbx.table.drop(user)
        most = len(watching)
        self._check_sends(watching.on_removed(user, self.pbx.now), most)

    def end(self) -> None:
        """After a day without anybody nothing may be left."""
        self.wait(86_400.0)
        self.wait(3600.0)
        proxy = self.pbx.proxy
        must(len(proxy) == 0, "transactions leak", len(proxy))
        must(len(self.pbx.subscriptions) == 0, "subscriptions leak")
        must(self._wake_at() is None, "a timer is left", self._wake_at())
        must(not proxy.calls.all(self.pbx.now), "calls leak")
        self._tell()
        must(len(self.pbx.table) == 0, "bindings leak")
        self.pbx.answers.find("", self.pbx.now)
        must(len(self.pbx.answers) == 0, "answers leak")
        watches = self.pbx.subscriptions._watches
        for owner in (proxy, proxy.calls, self.pbx.table, self.pbx.subscriptions, watches):
            kept = {name: held for name, held in vars(owner).items() if _is_full(held)}
            must(not kept, "something is kept for ever", type(owner).__name__, kept)

    # --- what must hold ------------------------------------------------------------------------

    def _learn_flows(self) -> None:
        must(len(self.pbx.table) <= MAX_CONTACTS * 4, "too many bindings")
        for binding in self.pbx.table.all():
            flow = flow_of(binding.source, binding.contact, has_path=bool(binding.path))
            self._flows |= {str(flow), binding.source}

    def _is_from_proved(self, source: Source) -> bool:
        return source.host in self._proved

    def _check_answer(self, reaction: Reaction, data: bytes, source: Source) -> None:
        answer = reaction.answer
        if answer is None or answer.data == b"\r\n":
            return
        must(answer.host == source.host, "answered somebody else", answer, source)
        request, is_refused = _request_of(data)
        via = answerable_via(request.headers) if request else None
        if request is None or via is None:
            raise BrokenError(f"answered what is no request: {data!r}")
        if answer.data in self._answers:
            return  # a repeated request gets what its transaction was told, whatever it says now
        self._answers.add(answer.data)
        # The answer to what is malformed repeats it, and so may not parse either.
        given = parse_datagram(answer.data)
        must(is_refused or isinstance(given, Response), "an answer does not parse", given)
        headers = _headers_of(answer.data)
        must((answer.host, answer.port) == reply_address(via, source.host, source.port), "port")
        stamped = stamp_via(request.headers, via, source.host, source.port)
        first, *others = request.headers.all("via")
        must(
            headers.all("via") == ((stamped or first).strip(" \t"), *others),
            "Via changed",
            answer.data,
        )
        for name in ("call-id", "cseq", "from"):
            must(headers.all(name) == request.headers.all(name), f"{name} changed")
        must(set(headers.index) <= OUR_HEADERS, "header injected", answer.data)
        self._check_octets(answer.data)

    def _check_sends(self, sends: tuple[Outbound, ...], at_most: int) -> None:
        must(len(sends) <= at_most, "one input makes too many sends", len(sends))
        for sent in sends:
            parsed = parse_datagram(sent.data)
            # A callee's answer goes back as it is, even with a caller's Via that it spoiled.
            is_spoilt = sent.data.startswith(b"SIP/2.0 ") and isinstance(parsed, Junk)
            is_read = isinstance(parsed, Request | Response)
            must(is_read or is_spoilt, "sent what does not parse", sent, parsed)
            is_known = str(sent.flow) in self._flows or sent.flow.host in self._proved
            must(is_known, "sent to somebody unknown", sent)
            if isinstance(parsed, Request):
                if parsed.headers.first("content-type") == DIALOG_INFO:
                    ElementTree.fromstring(parsed.body)
                vias = [v for value in parsed.headers.all("via") for v in split_list(value)]
                must(" 192.0.2.1:506" in vias[0], "sent without our Via", sent)
                self.methods[parsed.method] += 1
                self.said = [*self.said[-15:], sent]
            self._check_octets(sent.data)
            must(not any(digest in sent.data for digest in self._digests), "digest passed on")

    def _check_octets(self, data: bytes) -> None:
        """No line ends but by CR LF, and no secret that nobody said leaves."""
        head = data.partition(b"\r\n\r\n")[0].replace(b"\r\n", b"")
        must(b"\r" not in head and b"\n" not in head, "a line break within a line", data)
        for secret in SECRETS:
            if secret in data:
                must(any(secret in given for given in self._inputs), "secret told", data)


_HEADERS = {
    401: ("www-authenticate", "Authorization"),
    407: ("proxy-authenticate", "Proxy-Authorization"),
}


def _is_full(held: object) -> bool:
    return isinstance(held, dict | list | set) and len(held) > 0


def _request_of(data: bytes) -> tuple[Request | None, bool]:
    """Read the request and whether it is malformed."""
    parsed = parse_datagram(data)
    if isinstance(parsed, Refusal):
        return parsed.request, True
    return (parsed if isinstance(parsed, Request) else None), False


def _headers_of(data: bytes) -> Headers:
    text = data.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    headers = read_headers(_LINE_END.split(text)[1:])
    if isinstance(headers, str):
        raise BrokenError(f"an answer has no headers: {data!r}")
    return headers
