"""NOTIFY through Kamailio's `tm.t_uac_wait`: the order to parameters, its answer to an outcome.

Credentials for a phone that challenges are put in here and not by Kamailio: its 5.6.3 knows one
algorithm and logs a double free in uac_send.c when it answers a challenge.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from offhook.actions.ports import NotifyKind, NotifyOrder, NotifyOutcome
from offhook.engines.kamailio_location import Location
from offhook.engines.kamailio_rpc import RpcAnswer, RpcClient
from offhook.engines.phones import shown
from offhook.sip.flow import flow_of
from offhook.sip.message import Request, Response
from offhook.sip.notifier import Local, NotifyParts, build_notify, retry_with_credentials
from offhook.sip.parse import parse_datagram
from offhook.sip.uri import SipUri, join_host_port, parse_name_addr, parse_uri

_CHALLENGES = (401, 407)
_TRIES = 3
# Kamailio writes these itself; a tag in From would stand there twice.
_KAMAILIOS = ("Via: ", "Max-Forwards: ", "Content-Length: ", "User-Agent: ")


@dataclass(slots=True)
class Once:
    """Calls `on_sent` once, however often Kamailio is given the order."""

    on_sent: Callable[[], None]
    is_told: bool = False

    def __call__(self) -> None:
        """Call it, unless it was."""
        if not self.is_told:
            self.is_told = True
            self.on_sent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """The end of a transaction: what the phone said, or with `is_local` what Kamailio made up."""

    code: int
    reason: str
    is_local: bool
    response: Response | None = None


def build_order(order: NotifyOrder, location: Location, local: Local) -> Request:
    """Build the NOTIFY. Raises ValueError when a part of it cannot stand in a request."""
    registration = location.registration
    if not isinstance(parse_uri(registration.contact), SipUri):
        raise ValueError("the registered contact is no SIP URI")  # noqa: TRY004 - it is a text
    return build_notify(
        NotifyParts(
            contact=registration.contact,
            aor=registration.extension,
            path=registration.path,
            event=order.notify.event,
            content_type=order.notify.content_type,
            body=order.notify.body.encode(),
            call_id=order.call_id or secrets.token_hex(16),
            tag=secrets.token_hex(8),
            branch=secrets.token_hex(12),
        ),
        local,
    )


def parameters(request: Request, location: Location, socket: str) -> tuple[str, ...]:
    """Give the parameters of `tm.t_uac_wait`: method, URI, next hop, socket, headers, body."""
    lines = [line for line in request.headers.lines if not line.startswith(_KAMAILIOS)]
    lines = [line.partition(";tag=")[0] if line.startswith("From: ") else line for line in lines]
    headers = "".join(f"{line}\r\n" for line in lines)
    body = (request.body.decode(),) if request.body else ()
    return request.method, request.uri, next_hop(location), socket or ".", headers, *body


def next_hop(location: Location) -> str:
    """Say where the NOTIFY goes: the first Path, else where the REGISTER came from. RFC 3327 §5.3.

    Raises ValueError when the Path is no URI.
    """
    registration = location.registration
    if registration.path:
        path = parse_name_addr(registration.path[0])
        if path is None or not isinstance(parse_uri(path.uri), SipUri):
            raise ValueError("the phone registered a Path that is no SIP URI")
        return path.uri
    if location.received:
        return location.received
    flow = flow_of(registration.source, registration.contact)
    return f"sip:{join_host_port(flow.host, flow.port)};transport={flow.transport}"


def parse_final(answer: RpcAnswer) -> Final:
    """Read the answer of `tm.t_uac_wait`: code, reason, and the phone's headers as the last.

    Without headers no phone answered. Raises ValueError when it is none.
    """
    found = json.loads(answer.text, strict=False).get("result")
    if not isinstance(found, list) or len(found) < 3 or not isinstance(found[0], int):
        raise ValueError("tm.t_uac_wait gave no status")
    code, reason, headers = found[0], shown(str(found[1])), str(found[-1])
    if not headers.strip():
        return Final(code=code, reason=reason, is_local=True)
    parsed = parse_datagram(f"SIP/2.0 {code} -\r\n{headers}".encode())
    response = parsed if isinstance(parsed, Response) else None
    return Final(code=code, reason=reason, is_local=False, response=response)


async def run_order(
    order: NotifyOrder,
    location: Location,
    local: Local,
    rpc: RpcClient,
    *,
    socket: str,
    on_sent: Callable[[], None],
) -> NotifyOutcome:
    """Carry out one order through one node, with credentials when the phone asks for them.

    Raises OSError when Kamailio did not take the request or gave no answer about it, TimeoutError
    when the time is over, ValueError when the order cannot be written.
    """
    deadline = monotonic() + order.timeout_s
    request = build_order(order, location, local)
    was_challenged = False
    for _ in range(_TRIES):
        sent_at = monotonic()
        answer = await rpc.call(
            "tm.t_uac_wait",
            *parameters(request, location, socket),
            timeout_s=max(deadline - sent_at, 0.0),
            on_sent=on_sent,
            is_ours=order.is_ours,
        )
        if answer.error:
            return failed(f"Kamailio: {shown(answer.error)}")
        final = parse_final(answer)
        retry = _retry(order, request, final)
        if retry is None or (was_challenged and not _is_stale(final)):
            break
        was_challenged, request = True, retry
    return _outcome(final, (monotonic() - sent_at) * 1000, was_challenged=was_challenged)


def failed(reason: str) -> NotifyOutcome:
    """An order that could not be sent."""
    return NotifyOutcome(kind=NotifyKind.FAILED, reason=reason)


def _retry(order: NotifyOrder, request: Request, final: Final) -> Request | None:
    if final.code not in _CHALLENGES or final.response is None or not order.secret:
        return None
    return retry_with_credentials(
        request,
        final.response,
        username=order.username,
        secret=order.secret.reveal(),
        cnonce=secrets.token_hex(8),
        branch=secrets.token_hex(12),
    )


def _is_stale(final: Final) -> bool:
    headers = final.response.headers if final.response else None
    names = ("www-authenticate", "proxy-authenticate")
    values = [value for name in names for value in headers.all(name)] if headers else []
    return any("stale=true" in value.lower().replace('"', "") for value in values)


def _outcome(final: Final, rtt_ms: float, *, was_challenged: bool) -> NotifyOutcome:
    if final.is_local and final.code != 408:
        return failed(f"Kamailio could not send it: {final.code} {final.reason}")
    if final.is_local:
        return NotifyOutcome(kind=NotifyKind.UNANSWERED, was_challenged=was_challenged)
    is_challenge = final.code in _CHALLENGES
    kind = NotifyKind.REFUSED
    if final.code < 300:
        kind = NotifyKind.ACCEPTED
    elif is_challenge:
        kind = NotifyKind.CHALLENGED
    return NotifyOutcome(
        kind=kind,
        code=final.code,
        reason=final.reason,
        rtt_ms=rtt_ms,
        was_challenged=was_challenged or is_challenge,
    )
