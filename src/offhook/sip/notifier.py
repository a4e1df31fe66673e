"""NOTIFY orders outside a dialog: the makers' check-sync and its kin. RFC 6665, vendor practice."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.sip.digest import answer_challenge
from offhook.sip.message import Request, Response, make_request
from offhook.sip.uri import join_host_port, split_list
from offhook.sip.via import parse_cseq, parse_via, write_via

_CHALLENGES = {
    401: ("www-authenticate", "Authorization"),
    407: ("proxy-authenticate", "Proxy-Authorization"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What a request of ours says of us: address and port phones know, and our name."""

    host: str
    port: int
    transport: str
    agent: str = "Offhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyParts:
    """One NOTIFY: `contact` the registered URI exactly, `path` its Path values in order.

    `call_id`, `tag` and `branch` are random texts; `branch` without the magic cookie.
    """

    contact: str
    aor: str
    path: tuple[str, ...] = ()
    event: str
    content_type: str = ""
    body: bytes = b""
    call_id: str
    tag: str
    branch: str


def build_notify(parts: NotifyParts, local: Local) -> Request:
    """Build the NOTIFY. Raises ValueError when a part would break a line.

    Request-URI is the contact as registered: baresip and pjsip compare its user part. Without
    Subscription-State many stacks answer 400; `active` is what they take. RFC 6665 §4.1.3,
    RFC 3261 §12.2.1.1 for Route, RFC 3327 §5.3 for its order.
    """
    place = join_host_port(local.host, local.port)
    suffix = "" if local.transport == "UDP" else f";transport={local.transport.lower()}"
    pairs = [
        ("Via", write_via(local.transport, local.host, local.port, f"z9hG4bK{parts.branch}")),
        ("Max-Forwards", "70"),
        *(("Route", path) for path in parts.path),
        ("From", f"<sip:{place}>;tag={parts.tag}"),
        ("To", f"<sip:{parts.aor}@{place}>"),
        ("Call-ID", parts.call_id),
        ("CSeq", "1 NOTIFY"),
        ("Contact", f"<sip:{place}{suffix}>"),
        ("Event", parts.event),
        ("Subscription-State", "active"),
        ("User-Agent", local.agent),
    ]
    if parts.body:
        pairs.append(("Content-Type", parts.content_type))
    return make_request("NOTIFY", parts.contact, pairs, parts.body)


def retry_with_credentials(
    request: Request,
    challenge: Response,
    *,
    username: str,
    secret: str,
    cnonce: str,
    branch: str,
) -> Request | None:
    """Answer a 401 or 407: the same request, next CSeq, new branch, with credentials.

    None when the phone asks for a digest we do not know. RFC 3261 §22.2, §8.1.3.5.
    """
    names = _CHALLENGES.get(challenge.status)
    if names is None:
        return None
    credentials = answer_challenge(
        challenge.headers.all(names[0]),
        username=username,
        secret=secret,
        method=request.method,
        uri=request.uri,
        cnonce=cnonce,
    )
    if credentials is None:
        return None
    number, method = parse_cseq(request.headers.first("cseq") or "") or (0, request.method)
    pairs: list[tuple[str, str]] = []
    for line in request.headers.lines:
        name, _, value = line.partition(": ")
        if name == "Via":
            value = _with_branch(value, branch)
        elif name == "CSeq":
            value = f"{number + 1} {method}"
        elif name in ("Content-Length", "Authorization", "Proxy-Authorization"):
            continue
        pairs.append((name, value))
    pairs.append((names[1], credentials))
    return make_request(request.method, request.uri, pairs, request.body)


def _with_branch(via: str, branch: str) -> str:
    pieces = via.split(";")
    return ";".join(f"branch=z9hG4bK{branch}" if p.startswith("branch=") else p for p in pieces)


def is_our_answer(response: Response, branch: str, method: str) -> bool:
    """Say whether a response belongs to the transaction `branch`: one Via only, ours. §18.1.2."""
    vias = [v for value in response.headers.all("via") for v in split_list(value)]
    cseq = parse_cseq(response.headers.first("cseq") or "")
    via = parse_via(vias[0]) if len(vias) == 1 else None
    return via is not None and via.branch == branch and cseq is not None and cseq[1] == method
