"""The messages of RFC 4475 and RFC 5118 as octets, read from the RFCs' own notation."""

from __future__ import annotations

import re
from pathlib import Path

_DATA = Path(__file__).parents[2] / "data" / "torture"
_MARKED = re.compile(r"<hex>([0-9A-F]+)</hex>|<repeat count=(\d+)>(.*?)</repeat>", re.DOTALL)
_ONE_LINE = re.compile(r"<allOneLine>\n(.*?)\n</allOneLine>", re.DOTALL)


def lines(*text: str, body: bytes = b"") -> bytes:
    return "\r\n".join((*text, "", "")).encode() + body


def request(method: str, *more: str, uri: str = "sip:user@example.com", **named: str) -> bytes:
    """A request in the RFC's manner, whose headers may be replaced (`to`, `from_`, `cseq`, …)."""
    headers = {
        "to": "To: sip:j.user@example.com",
        "from_": "From: sip:caller@example.net;tag=134161461246",
        "max_forwards": "Max-Forwards: 7",
        "call_id": "Call-ID: torture.0ha0isndaksdjasdf3234nas",
        "cseq": f"CSeq: 8 {method}",
        "via": "Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234",
        "length": "Content-Length: 0",
    }
    body = named.pop("body", "")
    headers.update(named)
    kept = [line for line in headers.values() if line]
    return lines(f"{method} {uri} SIP/2.0", *kept, *more, body=body.encode())


def octets(text: str) -> bytes:
    """Turn the notation into octets. RFC 4475 §2.1 to §2.3."""
    joined = _ONE_LINE.sub(lambda found: found.group(1).replace("\n", ""), text)
    data = b""
    at = 0
    for found in _MARKED.finditer(joined):
        data += joined[at : found.start()].replace("\n", "\r\n").encode()
        digits, count, piece = found.groups()
        data += bytes.fromhex(digits) if digits else piece.encode() * int(count)
        at = found.end()
    return data + joined[at:].replace("\n", "\r\n").encode()


def _read(name: str) -> dict[str, tuple[str, bytes]]:
    text = (_DATA / name).read_text(encoding="ascii")
    messages: dict[str, tuple[str, bytes]] = {}
    for part in re.split(r"^==== ", text, flags=re.MULTILINE)[1:]:
        title, _, message = part.partition("\n")
        section, _, message_name = title.partition(" ")
        messages[message_name] = section, octets(message)
    return messages


RFC4475 = _read("rfc4475.txt")
"""Name to section and octets."""

RFC5118 = _read("rfc5118.txt")

MESSAGES = {name: data for name, (_, data) in (RFC4475 | RFC5118).items()}


def _of(section: str) -> dict[str, bytes]:
    return {name: data for name, (where, data) in RFC4475.items() if where.startswith(section)}


VALID = _of("3.1.1.") | _of("3.4.")
"""To be accepted."""

BAD = _of("3.1.2.")
"""Wrong in their syntax."""

APPLICATION = _of("3.2.") | _of("3.3.")
"""Well-formed, and yet to be refused or read with care."""
