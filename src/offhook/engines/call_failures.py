"""A call that a phone made fail, as an event for the diagnosis."""

from __future__ import annotations

from datetime import datetime

from offhook.core.events import CallFailed
from offhook.engines.phones import shown
from offhook.sip.forking import Failure
from offhook.sip.message import Headers
from offhook.sip.parse import address_of
from offhook.sip.uri import SipUri, parse_uri


def call_failed(failure: Failure, at: datetime) -> CallFailed:
    """Tell a failure in our words; the phones' texts are escaped."""
    headers = failure.request.headers
    caller, callee = address_of(headers, "from"), parse_uri(failure.request.uri)
    return CallFailed(
        caller=shown(caller.user if isinstance(caller, SipUri) else ""),
        callee=shown(callee.user if isinstance(callee, SipUri) else ""),
        contact=shown(failure.contact),
        source=str(failure.flow),
        status=failure.response.status if failure.response else 0,
        reason=shown(failure.reason),
        caller_agent=_agent(headers),
        callee_agent=_agent(failure.response.headers) if failure.response else "",
        at=at,
    )


def _agent(headers: Headers) -> str:
    """Give who wrote a message: a phone that answers names itself in Server or User-Agent."""
    return shown(headers.first("user-agent") or headers.first("server") or "")
