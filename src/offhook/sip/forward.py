"""What a proxy changes in a message on its way. RFC 3261 §16.4, §16.6, §16.7, §17.1.1.3."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from offhook.sip.digest import parse_credentials
from offhook.sip.flow import Place
from offhook.sip.message import Headers, Request, Response, canonical, read_headers
from offhook.sip.parse import digits
from offhook.sip.uri import SipUri, join_host_port, parse_name_addr, parse_uri, split_list
from offhook.sip.via import parse_cseq, parse_via

DEFAULT_HOPS = 70

IsOurs = Callable[[SipUri], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """What we add to a request: our Via, Record-Route values (topmost first), Route values."""

    uri: str
    via: str
    stamped_via: str
    record_routes: Sequence[str] = ()
    routes: Sequence[str] = ()


def hops_left(request: Request) -> int:
    """Read Max-Forwards; one that is absent will be 70. RFC 3261 §16.6 step 3."""
    hops = digits(request.headers.first("max-forwards"))
    return DEFAULT_HOPS if hops is None else hops


def values_of(headers: Headers, name: str) -> list[str]:
    """Give the values of a list header over all its lines, in order."""
    return [piece for value in headers.all(name) for piece in split_list(value) if piece]


def tag_of(headers: Headers, name: str) -> str:
    """Give the tag of From or To, empty when there is none."""
    address = parse_name_addr(headers.first(name) or "")
    return address.params.get("tag", "") if address else ""


def contact_of(headers: Headers) -> str:
    """Give the URI of the first Contact, empty when there is none."""
    values = values_of(headers, "contact")
    address = parse_name_addr(values[0]) if values else None
    return address.uri if address else ""


def dialog_id(request: Request) -> tuple[str, str, str]:
    """Give Call-ID, From tag and To tag. RFC 3261 §12."""
    headers = request.headers
    return headers.first("call-id") or "", tag_of(headers, "from"), tag_of(headers, "to")


def record_routes(place: Place, to: str, come_by: str) -> tuple[str, ...]:
    """Write our Record-Route: one entry, two where the transport changes. RFC 5658 §3.2."""
    return tuple(
        f"<sip:{join_host_port(*place.over(name))};transport={name};lr>"
        for name in dict.fromkeys((to, come_by))
    )


def strip_routes(request: Request, is_ours: IsOurs) -> tuple[str, list[str]]:
    """Take our own entries off the top of Route; gives the target and what is left.

    A strict router put our Record-Route into the Request-URI and the target at the end of Route.
    RFC 3261 §16.4.
    """
    uri, routes = request.uri, values_of(request.headers, "route")
    target = parse_uri(uri)
    if routes and isinstance(target, SipUri) and "lr" in target.params and is_ours(target):
        last = parse_name_addr(routes.pop())
        uri = last.uri if last else uri
    while routes and _is_our_route(routes[0], is_ours):
        routes.pop(0)
    return uri, routes


def _is_our_route(value: str, is_ours: IsOurs) -> bool:
    address = parse_name_addr(value)
    uri = parse_uri(address.uri) if address else None
    return isinstance(uri, SipUri) and is_ours(uri)


def loop_hash(request: Request, key: bytes) -> str:
    """Hash what decides where a request goes: equal ones went in a circle. RFC 3261 §16.6 step 8.

    Route and Proxy-Require are in, so that a spiral is told from a loop. RFC 5393 §4.2.1.
    """
    headers = request.headers
    number, _ = parse_cseq(headers.first("cseq") or "") or (0, "")
    parts = [request.uri, tag_of(headers, "from"), tag_of(headers, "to")]
    parts += [headers.first("call-id") or "", str(number)]
    parts += [*headers.all("route"), *headers.all("proxy-require")]
    text = "\n".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.blake2s(text, key=key, digest_size=8).hexdigest()


def is_looped(request: Request, place: Place, loop: str) -> bool:
    """Say whether a Via of ours already carries the hash of this very request."""
    for value in values_of(request.headers, "via"):
        via = parse_via(value)
        is_ours = via is not None and place.is_at(via.host, via.port or 5060)
        if via is not None and is_ours and via.branch.endswith(f".{loop}"):
            return True
    return False


def forwarded(request: Request, hop: Hop, realm: str) -> Request:
    """Copy a request for its next hop. Credentials for our realm stay with us. RFC 3261 §22.3."""
    is_counted = request.headers.first("max-forwards") is not None
    hops = max(0, hops_left(request) - 1) if is_counted else DEFAULT_HOPS
    lines = [f"Via: {hop.via}", f"Max-Forwards: {hops}"]
    lines += [f"Record-Route: {value}" for value in hop.record_routes]
    lines += [f"Route: {value}" for value in hop.routes]
    is_first_via = True
    for line in request.headers.lines:
        name = canonical(line.partition(":")[0])
        if name in ("route", "max-forwards", "content-length") or _is_for_us(name, line, realm):
            continue
        if name == "via" and is_first_via:
            is_first_via = False
            line = f"Via: {hop.stamped_via}" if hop.stamped_via else line
        lines.append(line)
    lines.append(f"Content-Length: {len(request.body)}")
    return replace(request, uri=hop.uri, headers=_reread(lines))


def _is_for_us(name: str, line: str, realm: str) -> bool:
    if name != "proxy-authorization":
        return False
    credentials = parse_credentials(line.partition(":")[2].replace("\r\n", " ").strip())
    return credentials is not None and credentials.realm == realm


def passed_back(response: Response, more: Sequence[str] = ()) -> Response:
    """Take our Via off a response and add header lines. RFC 3261 §16.7 step 3."""
    lines: list[str] = []
    is_first_via = True
    for line in response.headers.lines:
        name = canonical(line.partition(":")[0])
        if name == "via" and is_first_via:
            is_first_via = False
            rest = split_list(response.headers.first("via") or "")[1:]
            lines += [f"Via: {', '.join(rest)}"] if rest else []
        elif name != "content-length":
            lines.append(line)
    lines += [*more, f"Content-Length: {len(response.body)}"]
    return replace(response, headers=_reread(lines))


def ack_of(request: Request, response: Response) -> Request:
    """Acknowledge a final answer other than 2xx, hop by hop. RFC 3261 §17.1.1.3."""
    return _sibling(request, "ACK", response.headers.lines_of("to"))


def cancel_of(request: Request, reason: str = "") -> Request:
    """Cancel an INVITE of ours; `reason` is the value of a Reason header. RFC 3261 §9.1."""
    more = (f"Reason: {reason}",) if reason else ()
    return _sibling(request, "CANCEL", (*request.headers.lines_of("to"), *more))


def _sibling(request: Request, method: str, to: Sequence[str]) -> Request:
    headers = request.headers
    number, _ = parse_cseq(headers.first("cseq") or "") or (0, "")
    lines = [headers.lines_of("via")[0], *headers.lines_of("route"), *headers.lines_of("from")]
    lines += [*to, *headers.lines_of("call-id"), f"CSeq: {number} {method}"]
    lines += ["Max-Forwards: 70", "Content-Length: 0"]
    return Request(method=method, uri=request.uri, headers=_reread(lines))


def _reread(lines: Sequence[str]) -> Headers:
    headers = read_headers(lines)
    if isinstance(headers, str):  # pragma: no cover - every line was read before or is ours
        raise TypeError(headers)
    return headers
