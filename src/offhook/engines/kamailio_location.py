"""Where phones are, as Kamailio tells it: answers of `ul.dump` and events, to values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from offhook.core.mac import Mac
from offhook.core.model import Registration
from offhook.engines.kamailio_events import EventFields
from offhook.engines.phones import find_phone_mac
from offhook.sip.uri import (
    NameAddr,
    SipUri,
    join_host_port,
    parse_name_addr,
    parse_uri,
    split_list,
)

_NOT_SET = "[not set]"
_NO_AGENT = "n/a"
# A contact without end (`ul.add` with 0) is looked at again with every dump.
PERMANENT_S = 86_400
# Inside a JSON string a quotation mark is always escaped: what a phone sent cannot look like this.
_RECORD = re.compile(r'\{\s*"Info"\s*:')
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A contact at a node. `socket` (`udp:10.0.0.1:5060`) is empty at nodes that only copied it.

    `received` is the URI of the source address, when Kamailio kept one.
    """

    registration: Registration
    node: str
    socket: str = ""
    received: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others: extension and contact."""
        return self.registration.extension, self.registration.contact


def parse_dump(text: str, node: str, now: datetime) -> list[Location]:
    """Read an answer of `ul.dump` or `ul.lookup`, one record at a time. Raises ValueError.

    10,000 contacts are 5.5 MB: read at once, they would keep the interpreter for 50 ms.
    """
    if text.startswith('{"jsonrpc"') and text.rstrip().endswith("}"):
        return [item for record in _records(text) for item in _locations(record, node, now)]
    raise ValueError("no JSON-RPC answer")


def _records(text: str) -> Iterator[object]:
    if '"AoRs"' not in text and '"Domains"' not in text:
        yield json.loads(text, strict=False).get("result")
        return
    at = 0
    while (found := _RECORD.search(text, at)) is not None:
        record, at = _DECODER.raw_decode(text, found.start())
        yield record["Info"]


def _locations(record: object, node: str, now: datetime) -> Iterator[Location]:
    if not isinstance(record, Mapping) or not isinstance(record.get("Contacts"), list):
        return
    for item in record["Contacts"]:
        contact = item.get("Contact") if isinstance(item, Mapping) else None
        if isinstance(contact, Mapping):
            found = _location(str(record.get("AoR", "")), contact, node, now)
            if found is not None:
                yield found


def _location(aor: str, kept: EventFields, node: str, now: datetime) -> Location | None:
    left_s = kept.get("Expires")
    if left_s == "permanent":
        left_s = PERMANENT_S
    address = _text(kept, "Address")
    # "deleted" and "expired" are records that Kamailio has not thrown away yet.
    if not isinstance(left_s, int) or left_s <= 0 or not address:
        return None
    instance = _text(kept, "Instance").strip("<>\"'")
    modified = _moment(kept.get("Last-Modified"), now)
    received = _text(kept, "Received")
    agent = _text(kept, "User-Agent")
    agent = "" if agent == _NO_AGENT else agent
    q = kept.get("Q")
    registration = Registration(
        extension=aor.partition("@")[0],
        contact=address,
        source=_source_of(received or address),
        call_id=_text(kept, "Call-ID"),
        cseq=_number(kept, "CSeq"),
        user_agent=agent,
        mac=find_phone_mac("", (instance,), agent),
        path=tuple(split_list(path)) if (path := _text(kept, "Path")) else (),
        instance=instance,
        q=q / 1000 if isinstance(q, int) and 0 <= q <= 1000 else 1.0,
        registered_at=modified,
        refreshed_at=modified,
        expires_at=now + timedelta(seconds=left_s),
    )
    return Location(
        registration=registration, node=node, socket=_text(kept, "Socket"), received=received
    )


def location_of(event: EventFields, node: str, now: datetime) -> Location | None:
    """Read a `registered` or `refreshed`; None when only a lookup can tell what it changed."""
    address = _one_contact(event)
    expires_s = _number(event, "expires")
    aor, source = _text(event, "aor"), _text(event, "source")
    if address is None or not aor or expires_s <= 0 or source.count(":") < 2:
        return None
    instance = address.params.get("+sip.instance", "").strip("<>")
    agent = _text(event, "user_agent")
    registration = Registration(
        extension=aor,
        contact=address.uri,
        source=source.lower(),
        call_id=_text(event, "callid"),
        cseq=_number(event, "cseq"),
        user_agent=agent,
        mac=find_phone_mac(_text(event, "mac"), (instance,), agent),
        instance=instance,
        registered_at=now,
        refreshed_at=now,
        expires_at=now + timedelta(seconds=expires_s),
    )
    return Location(
        registration=registration,
        node=node,
        socket=_text(event, "socket"),
        received=_text(event, "received"),
    )


def contact_of(event: EventFields) -> str:
    """Give the one contact URI of an event; empty when it names none or several."""
    address = _one_contact(event)
    return address.uri if address is not None else ""


def _one_contact(event: EventFields) -> NameAddr | None:
    value = _text(event, "contact")
    parts = split_list(value) if value else []
    is_one = len(parts) == 1 and parts[0] != "*"
    return parse_name_addr(parts[0]) if is_one else None


def mac_of_event(event: EventFields) -> Mac | None:
    """Find the MAC of the phone that an event tells of."""
    agent = _text(event, "user_agent")
    return find_phone_mac(_text(event, "mac"), (_text(event, "contact"),), agent)


def _source_of(uri_text: str) -> str:
    uri = parse_uri(uri_text)
    if not isinstance(uri, SipUri):
        return "udp:0.0.0.0:0"
    default = "tls" if uri.scheme == "sips" else "udp"
    transport = uri.params.get("transport", default).lower()
    port = uri.port or (5061 if transport == "tls" else 5060)
    return f"{transport}:{join_host_port(uri.host, port)}"


def _text(fields: EventFields, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) and value != _NOT_SET else ""


# RFC 3261 §20.19: delta-seconds are below 2**32; what is larger is no time of a phone's.
_LARGEST = 2**32 - 1


def _number(fields: EventFields, name: str) -> int:
    value = fields.get(name)
    return min(value, _LARGEST) if isinstance(value, int) else 0


def _moment(seconds: object, now: datetime) -> datetime:
    """Give Kamailio's moment, but none after ours: its clock may be ahead."""
    if not isinstance(seconds, int) or seconds <= 0:
        return now
    return min(datetime.fromtimestamp(min(seconds, 4_102_444_800), UTC), now)
