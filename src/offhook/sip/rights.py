"""Who may send what: digest for what begins something, the known flow inside a call.

RFC 3261 §22.3; docs/decisions/0008-digest-begins-flow-continues.md says why.
"""

from __future__ import annotations

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
from offhook.sip.bindings import BindingTable, Source
from offhook.sip.calls import Dialog
from offhook.sip.message import Request
from offhook.sip.parse import address_of
from offhook.sip.registrar import Reply
from offhook.sip.uri import SipUri
from offhook.sip.via import Via

# Outside of any dialog a phone answers these with 481 and does nothing else. RFC 3261 §15.1.2,
# RFC 3262 §3, RFC 3311 §5.2, RFC 6086 §4.2.2; an ACK is not even answered.
_HARMLESS = frozenset({"ACK", "BYE", "PRACK", "UPDATE", "INFO"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request as it came in; `tag` is for our To, `loop` names what decides its way."""

    request: Request
    via: Via
    source: Source
    now: float
    tag: str
    loop: str


class Rights:
    """Judges who sent a request."""

    def __init__(
        self, *, authenticator: Authenticator, table: BindingTable, secret_of: SecretOf
    ) -> None:
        self._authenticator = authenticator
        self._table = table
        self._secret_of = secret_of

    def authenticate(self, arrival: Arrival) -> str | Reply:
        """Demand credentials, and that From names the extension they are of."""
        request, source = arrival.request, arrival.source
        claimed = _sender(request)
        verdict = self._authenticator.judge(
            request,
            PROXY_GATE,
            source.host,
            arrival.now,
            known_as=lambda: claimed if claimed in self._table.owners(str(source)) else "",
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

    def is_party(self, dialog: Dialog | None, request: Request, source: Source) -> bool:
        """Say whether a request with a To tag may pass without digest.

        In a call we carry: from the host of a side, or the flow of a phone of the two extensions.
        In one we do not know (we were restarted): only as the extension whose flow it is, and
        only what no phone obeys outside a call. A stranger who makes up a To tag, or writes a
        phone's address as the source of a datagram, so reaches nobody.
        """
        owners = self._table.owners(str(source))
        if dialog is not None:
            parties = {dialog.call.caller, dialog.call.callee}
            return dialog.has_host(source.host) or self._has_secret(owners & parties)
        claimed = _sender(request)
        return claimed in owners and self._has_secret({claimed}) and _is_harmless(request)

    def _has_secret(self, extensions: frozenset[str] | set[str]) -> bool:
        return any(self._secret_of(extension) is not None for extension in extensions)


def _sender(request: Request) -> str:
    sender = address_of(request.headers, "from")
    return sender.user if isinstance(sender, SipUri) else ""


def _is_harmless(request: Request) -> bool:
    """Tell a request that no phone obeys outside a call, or that reports of a transfer.

    A transfer's reports come after its call was hung up (RFC 3515 §2.4.4); of all events `refer`
    is the one that orders nothing.
    """
    if request.method == "NOTIFY":
        event = request.headers.first("event") or ""
        return event.partition(";")[0].strip().lower() == "refer"
    return request.method in _HARMLESS
