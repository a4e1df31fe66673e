"""What a REGISTER asks for: contacts, how long, by which way. RFC 3261 §10.3 step 7, RFC 3327."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from offhook.sip.message import Headers
from offhook.sip.parse import digits
from offhook.sip.uri import SipUri, parse_name_addr, parse_uri, split_list

MAX_URI_CHARS = 512
MAX_PATHS = 5
MAX_INSTANCE_CHARS = 256
MAX_USER_AGENT_CHARS = 256
# RFC 3261 §10.3 step 7: an interval of an hour or more is never too brief.
_HOUR_S = 3600
# Of each phone what it asked for last; longer texts would only fill the memory.
_REMEMBERED = 16_384
_MAX_KEPT_CHARS = 512


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # there is one: hashed by what it is
class ExpiryPolicy:
    """How long a binding may live, in seconds."""

    min_s: int = 60
    max_s: int = 7200
    default_s: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class TooBrief:
    """The lifetime asked for is below what we allow: 423 with this Min-Expires."""

    min_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedContact:
    """One contact of a REGISTER; `granted_s` is 0 when it is to be removed."""

    uri: SipUri
    instance: str
    reg_id: str
    q: float
    granted_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a REGISTER asks for; `is_clearing` for `Contact: *`, no contacts for a question."""

    contacts: tuple[WantedContact, ...]
    is_clearing: bool
    paths: tuple[str, ...]
    user_agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A REGISTER that asks for what cannot be: status, reason and headers of the answer."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


Texts = tuple[str, ...]


def read_wanted(headers: Headers, policy: ExpiryPolicy) -> Wanted | Unfit:
    """Read what is asked for. A phone asks for the same for years, so that is remembered."""
    value = headers.index.get
    contacts, paths = value("contact", ()), value("path", ())
    expires, agents = headers.first("expires"), headers.first("user-agent") or ""
    is_long = len(contacts) > 1 or paths or len(agents) > _MAX_KEPT_CHARS
    if is_long or (contacts and len(contacts[0]) > _MAX_KEPT_CHARS):
        return read_unknown(contacts, paths, digits(expires), agents, policy)
    return _read_again(contacts, paths, digits(expires), agents, policy)


def read_unknown(
    contact_lines: Texts, path_lines: Texts, header_s: int | None, agent: str, policy: ExpiryPolicy
) -> Wanted | Unfit:
    """Do as `read_wanted`, from the values of Contact, Path, Expires and User-Agent."""
    paths = _read_paths(path_lines)
    if paths is None:
        return _bad("Malformed Path")
    pieces = [piece for value in contact_lines for piece in split_list(value)]
    is_clearing = "*" in pieces
    if is_clearing and (len(pieces) > 1 or header_s != 0):
        return _bad("Contact Star Needs Expires Zero")
    contacts: list[WantedContact] = []
    for piece in () if is_clearing else pieces:
        contact = _read_contact(piece, header_s, policy)
        if isinstance(contact, Unfit):
            return contact
        contacts.append(contact)
    return Wanted(
        contacts=tuple(contacts),
        is_clearing=is_clearing,
        paths=paths,
        user_agent=_clean(agent)[:MAX_USER_AGENT_CHARS],
    )


_read_again = lru_cache(maxsize=_REMEMBERED)(read_unknown)


def granted_expiry_s(asked_s: int | None, policy: ExpiryPolicy) -> int | TooBrief:
    """Choose the lifetime of a binding, in seconds.

    None means the request named no usable lifetime. Zero (removal) passes through. TooBrief
    carries the Min-Expires value for the 423 answer. RFC 3261 §10.3 step 7.
    """
    if asked_s is None:
        return policy.default_s
    if 0 < asked_s < policy.min_s and asked_s < _HOUR_S:
        return TooBrief(min_s=policy.min_s)
    return min(asked_s, policy.max_s)


def _read_contact(text: str, header_s: int | None, policy: ExpiryPolicy) -> WantedContact | Unfit:
    address = parse_name_addr(text)
    uri = parse_uri(address.uri) if address else None
    if address is None or not isinstance(uri, SipUri) or len(uri.text) > MAX_URI_CHARS:
        return _bad("Malformed Contact")
    if address.is_bare and "?" in uri.text:  # RFC 3261 §20.10, RFC 4475 §3.1.2.17
        return _bad("Contact Needs Angle Brackets")
    params = address.params
    granted_s = granted_expiry_s(
        digits(params["expires"]) if "expires" in params else header_s, policy
    )
    if isinstance(granted_s, TooBrief):
        least = (("Min-Expires", str(granted_s.min_s)),)
        return Unfit(status=423, reason="Interval Too Brief", headers=least)
    reg_id = digits(params.get("reg-id"))
    return WantedContact(
        uri=uri,
        instance=_clean(params.get("+sip.instance", ""))[:MAX_INSTANCE_CHARS],
        reg_id="" if reg_id is None else str(reg_id),
        q=_read_q(params.get("q", "")),
        granted_s=granted_s,
    )


def _bad(reason: str) -> Unfit:
    return Unfit(status=400, reason=reason)


def _read_paths(lines: Texts) -> tuple[str, ...] | None:
    """Read Path in order, or None when it could not be sent back as Route. RFC 3327 §5.3."""
    paths = [piece for value in lines for piece in split_list(value)]
    for path in paths:
        address = parse_name_addr(path)
        uri = parse_uri(address.uri) if address else None
        if not isinstance(uri, SipUri) or len(path) > MAX_URI_CHARS or path != _clean(path):
            return None
    return tuple(paths) if len(paths) <= MAX_PATHS else None


def _read_q(text: str) -> float:
    """Read q; anything that is not 0 to 1 counts as 1. RFC 3261 §20.10."""
    try:
        q = float(text)
    except ValueError:
        return 1.0
    return q if 0.0 <= q <= 1.0 else 1.0


def _clean(text: str) -> str:
    """Keep what can be shown and stored; the rest, from control characters on, becomes `?`."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "?" for sign in text)
