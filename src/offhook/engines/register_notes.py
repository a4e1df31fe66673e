"""What a REGISTER told, as one record for the diagnosis; healthy first ones tell nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from offhook.core.mac import parse_mac
from offhook.core.model import RegisterNote, RegisterOutcome
from offhook.engines.phones import mac_of, shown
from offhook.sip.bindings import Bound, Source
from offhook.sip.digest import parse_digest_fields
from offhook.sip.message import Headers, Request
from offhook.sip.parse import address_of, digits
from offhook.sip.registrar import Refused
from offhook.sip.remembered import remembered
from offhook.sip.server import Reaction
from offhook.sip.uri import SipUri, parse_name_addr, parse_uri, split_list
from offhook.sip.via import Via, top_via

_CHALLENGED = 401


def note_register(
    request: Request, source: Source, reaction: Reaction, at: datetime
) -> RegisterNote | None:
    """Tell a REGISTER that was answered; None for one that tells nothing.

    That is a retransmission, and a request without credentials that was asked for some, as a
    phone's first one always is. It does tell something when it names no user, or when its answer
    goes to another port than it came from.
    """
    via = top_via(request.headers)
    if via is None or not reaction.status:
        return None
    to = address_of(request.headers, "to")
    extension, domain = (to.user, to.host) if isinstance(to, SipUri) else ("", "")
    is_first = reaction.status == _CHALLENGED and "authorization" not in request.headers.index
    if is_first and extension and not _is_answered_elsewhere(via, source):
        return None
    bound = next((effect for effect in reaction.effects if isinstance(effect, Bound)), None)
    first = request.headers.first
    claimed, realm, digest_uri = _claims(request.headers) if bound is None else (extension, "", "")
    contact = _read_contact(first("contact") or "")
    asked = first("expires") if contact.expires is None else contact.expires
    return RegisterNote(
        extension=shown(extension),
        domain=shown(domain),
        claimed=None if claimed is None else shown(claimed),
        realm=shown(realm) if realm else "",
        digest_uri=shown(digest_uri) if digest_uri else "",
        uri=shown(request.uri),
        source=str(source),
        via_host=shown(via.host.strip("[]")),
        via_port=via.port,
        has_rport="rport" in via.params,
        contact_host=contact.host,
        contact_port=contact.port,
        has_path="path" in request.headers.index,
        call_id=shown(first("call-id") or ""),
        user_agent=shown(first("user-agent") or ""),
        mac=mac_of(request) if bound is None else parse_mac(bound.binding.note),
        asked_s=digits(asked),
        granted_s=_granted_s(bound),
        status=reaction.status,
        outcome=_outcome(reaction),
        at=at,
    )


def _is_answered_elsewhere(via: Via, source: Source) -> bool:
    """Say whether the answer goes to the port of sent-by and that is another. RFC 3581 §4."""
    is_by_via = source.transport == "udp" and "rport" not in via.params
    return is_by_via and (via.port or 5060) != source.port


def _claims(headers: Headers) -> tuple[str | None, str, str]:
    """Read user, realm and URI of the first credentials; None and empty texts without any."""
    for value in headers.all("authorization"):
        fields = parse_digest_fields(value)
        if fields is not None:
            return fields.get("username", ""), fields.get("realm", ""), fields.get("uri", "")
    return None, "", ""


@dataclass(frozen=True, slots=True)
class _Contact:
    """Where a phone says it is; its own `expires` goes before the header. RFC 3261 §10.2.1.1."""

    host: str
    port: int | None
    expires: str | None


@remembered(16_384)
def _read_contact(value: str) -> _Contact:
    address = parse_name_addr(split_list(value)[0]) if value else None
    expires = address.params.get("expires") if address else None
    uri = parse_uri(address.uri) if address else None
    if not isinstance(uri, SipUri):
        return _Contact("", None, expires)
    return _Contact(shown(uri.host.strip("[]")), uri.port, expires)


def _granted_s(bound: Bound | None) -> int | None:
    binding = bound.binding if bound is not None else None
    return round(binding.expires_at - binding.refreshed_at) if binding is not None else None


def _outcome(reaction: Reaction) -> RegisterOutcome:
    if reaction.why:
        return RegisterOutcome(reaction.why)
    for effect in reaction.effects:
        if isinstance(effect, Refused):
            return RegisterOutcome(effect.reason)
        if isinstance(effect, Bound):
            return RegisterOutcome.REGISTERED
    if reaction.status < 300:
        return RegisterOutcome.REMOVED
    is_asked = reaction.status == _CHALLENGED
    return RegisterOutcome.CHALLENGED if is_asked else RegisterOutcome.REFUSED
