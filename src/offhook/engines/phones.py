"""Between the SIP core's bindings and our registrations: MAC, moments, texts fit to be shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from offhook.core.mac import Mac, find_mac, parse_mac
from offhook.core.model import Registration
from offhook.sip.bindings import Binding
from offhook.sip.message import Request

# A UUID that is all zeros but for its version ends in the MAC: `00000000-0000-0000-0000-0011..`
# is sent by Cisco enterprise phones; `00000000-0000-1000-8000-<mac>` by others (unverified).
# Any other UUID is random, and its end only looks like a MAC.
_INSTANCE = re.compile(
    r"urn:uuid:0{8}-0{4}-[0-5]0{3}-[089ab]0{3}-([0-9a-f]{12})(?![0-9a-f])", re.IGNORECASE
)
SHOWN_CHARS = 64
_MAX_KEPT_CHARS = 512


def mac_of(request: Request) -> Mac | None:
    """Find a phone's MAC in its REGISTER: header `Mac`, then instance, then User-Agent.

    Yealink and its kin send `Mac: 00:15:65:12:34:56` when register_mac is on, Grandstream
    `MAC: 000B82...` when its MAC header is on.
    """
    headers = request.headers
    texts = (headers.first("mac") or "", headers.all("contact"), headers.first("user-agent") or "")
    is_usual = len(texts[1]) == 1 and len(texts[0] + texts[1][0] + texts[2]) <= _MAX_KEPT_CHARS
    return (_find_again if is_usual else find_phone_mac)(*texts)


def find_phone_mac(mac_header: str, contacts: tuple[str, ...], user_agent: str) -> Mac | None:
    """Find a phone's MAC in its header `Mac`, then in an instance, then in its User-Agent."""
    mac = find_mac(mac_header)
    if mac is not None:
        return mac
    for contact in contacts:
        found = _INSTANCE.search(contact)
        if found is not None:
            return parse_mac(found.group(1))
    return find_mac(user_agent)


_find_again = lru_cache(maxsize=16_384)(find_phone_mac)  # of a phone the same for years


def note_of(request: Request) -> str:
    """Give the MAC as text to keep with a binding, empty when the phone does not tell it."""
    mac = mac_of(request)
    return mac.plain if mac else ""


def to_registration(binding: Binding) -> Registration:
    """Tell a binding in our words."""
    return Registration(
        extension=binding.aor,
        contact=binding.contact,
        source=binding.source,
        call_id=binding.call_id,
        cseq=binding.cseq,
        user_agent=binding.user_agent,
        mac=parse_mac(binding.note),
        path=binding.path,
        instance=binding.instance,
        q=binding.q,
        registered_at=_moment(binding.registered_at),
        refreshed_at=_moment(binding.refreshed_at),
        expires_at=_moment(binding.expires_at),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def shown(text: str) -> str:
    """Escape what a stranger wrote so that it can stand in a log, and cut it to 64 characters."""
    if len(text) <= SHOWN_CHARS and text.isprintable():
        return text
    cut = text[: SHOWN_CHARS + 1]
    if not cut.isprintable():
        cut = "".join(
            sign if sign.isprintable() else sign.encode("unicode_escape", "replace").decode()
            for sign in cut
        )
    return cut if len(cut) <= SHOWN_CHARS else f"{cut[: SHOWN_CHARS - 3]}..."
