"""DHCP messages as values: write a DISCOVER, read an OFFER. RFC 2131, 2132, 3396; no I/O."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from offhook.diagnosis.probe_facts import DhcpOffer

MAGIC = b"\x63\x82\x53\x63"
_HEAD = 236
_PAD, _END, _OVERLOAD, _TYPE, _SERVER_ID = 0, 255, 52, 53, 54
_DISCOVER, _OFFER = 1, 2
_TEXTS = (66, 67, 159, 160)
_WANTED = (1, 3, 6, 15, 42, 43, 66, 67, 150, 159, 160)
"""What phones ask for beside the address; servers leave out what nobody asked. RFC 2132 §9.8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAnOffer:
    """A packet that is no answer to our DISCOVER, and why."""

    reason: str


def render_discover(transaction: int, hardware: bytes) -> bytes:
    """Write a DISCOVER that asks for a broadcast answer. RFC 2131 §4.1, §4.4.1.

    `transaction` is 32 bits wide, `hardware` an Ethernet address of six bytes.
    """
    if len(hardware) != 6:
        raise ValueError(f"no Ethernet address: {hardware.hex()}")
    head = bytes((1, 1, 6, 0)) + transaction.to_bytes(4, "big")
    head += b"\0\0" + b"\x80\0" + bytes(16)  # secs, flags: broadcast; four addresses
    head += hardware + bytes(10) + bytes(64) + bytes(128)
    options = bytes((_TYPE, 1, _DISCOVER))
    options += bytes((61, 7, 1)) + hardware  # client identifier, RFC 2132 §9.14
    options += bytes((55, len(_WANTED), *_WANTED))
    options += bytes((57, 2)) + (1500).to_bytes(2, "big")  # largest message, RFC 2132 §9.10
    message = head + MAGIC + options + bytes((_END,))
    return message.ljust(300, b"\0")  # BOOTP relays may drop shorter ones, RFC 1542 §2.1


def parse_offer(
    packet: bytes, transaction: int, hardware: bytes, interface: str, sender: str
) -> DhcpOffer | NotAnOffer:
    """Read the answer to our DISCOVER; whatever else a stranger sends is a reason, not an error."""
    if len(packet) < _HEAD + len(MAGIC) or packet[_HEAD : _HEAD + 4] != MAGIC:
        return NotAnOffer(reason="no DHCP message")
    if packet[0] != 2 or packet[4:8] != transaction.to_bytes(4, "big"):
        return NotAnOffer(reason="no answer to our question")
    if packet[28:34] != hardware:
        return NotAnOffer(reason="an answer to somebody else")
    options = _all_options(packet)
    if options.get(_TYPE) != bytes((_OFFER,)):
        return NotAnOffer(reason="no OFFER")
    overload = options.get(_OVERLOAD, b"\0")[:1] or b"\0"
    server = options.get(_SERVER_ID, b"")
    return DhcpOffer(
        server=str(ipaddress.IPv4Address(server)) if len(server) == 4 else sender,
        interface=interface,
        options=tuple(_told(options)),
        sname="" if overload[0] & 2 else _field(packet[44:108]),
        boot_file="" if overload[0] & 1 else _field(packet[108:236]),
    )


def read_options(data: bytes) -> dict[int, bytes]:
    """Read options up to the end mark; parts of one option are joined. RFC 2132 §2, RFC 3396 §7.

    An option that is cut off ends the reading.
    """
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and data[at] != _END:
        if data[at] == _PAD:
            at += 1
            continue
        if at + 1 >= len(data) or at + 2 + data[at + 1] > len(data):
            break
        code, end = data[at], at + 2 + data[at + 1]
        found[code] = found.get(code, b"") + data[at + 2 : end]
        at = end
    return found


def _all_options(packet: bytes) -> dict[int, bytes]:
    """Those of the options field, then of file and sname when they hold some. RFC 2131 §4.1."""
    found = read_options(packet[_HEAD + 4 :])
    overload = (found.get(_OVERLOAD, b"\0")[:1] or b"\0")[0]
    fields = ((1, packet[108:236]), (2, packet[44:108]))
    for bit, field in fields:
        if overload & bit:
            for code, value in read_options(field).items():
                found[code] = found.get(code, b"") + value
    return found


def _told(options: Mapping[int, bytes]) -> list[tuple[int, str]]:
    told = [(code, _text(options[code])) for code in _TEXTS if code in options]
    if 43 in options:
        told.append((43, _vendor(options[43])))
    if 150 in options:
        told.append((150, _servers(options[150])))
    return sorted((code, text) for code, text in told if text)


def _servers(value: bytes) -> str:
    """Option 150 is a list of addresses (RFC 5859 §2); some sites put a text there."""
    if value and len(value) % 4 == 0 and not _is_text(value):
        parts = (value[at : at + 4] for at in range(0, len(value), 4))
        return ", ".join(str(ipaddress.IPv4Address(part)) for part in parts)
    return _text(value)


def _vendor(value: bytes) -> str:
    """Option 43 is a plain URL or has parts of its own (RFC 2132 §8.4): their texts."""
    if _is_text(value):
        return _text(value)
    parts = read_options(value).values()
    texts = [_text(part) for part in parts if len(part) > 3 and _is_text(part)]
    return ", ".join(texts) or f"0x{value[:64].hex()}"


def _is_text(value: bytes) -> bool:
    value = value.rstrip(b"\0")
    return bool(value) and all(0x20 <= byte < 0x7F for byte in value)


def _field(value: bytes) -> str:
    return _text(value.partition(b"\0")[0])


def _text(value: bytes) -> str:
    """Make a value printable; servers end texts with NUL although they should not."""
    text = value.rstrip(b"\0").decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "?" for char in text).strip()
