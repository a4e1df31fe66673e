"""DHCP on the wire: what is asked, what offers say, and what strangers may send."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.diagnosis.probe_facts import DhcpOffer
from offhook.probes.dhcp_message import (
    MAGIC,
    NotAnOffer,
    parse_offer,
    read_options,
    render_discover,
)

HARDWARE = bytes.fromhex("02acce000001")
TRANSACTION = 0x12345678


def option(code: int, value: bytes) -> bytes:
    """Write an option, in parts when it is long: RFC 3396 §5."""
    parts = [value[at : at + 255] for at in range(0, len(value), 255)] or [b""]
    return b"".join(bytes((code, len(part))) + part for part in parts)


def offer(
    options: bytes,
    *,
    sname: bytes = b"",
    file: bytes = b"",
    kind: int = 2,
    transaction: int = TRANSACTION,
    hardware: bytes = HARDWARE,
) -> bytes:
    head = bytes((2, 1, 6, 0)) + transaction.to_bytes(4, "big") + bytes(20)
    head += hardware.ljust(16, b"\0") + sname.ljust(64, b"\0") + file.ljust(128, b"\0")
    return head + MAGIC + option(53, bytes((kind,))) + options + b"\xff"


def read(packet: bytes) -> DhcpOffer | NotAnOffer:
    return parse_offer(packet, TRANSACTION, HARDWARE, "eth0", "192.0.2.254")


def offered(packet: bytes) -> DhcpOffer:
    found = read(packet)
    assert isinstance(found, DhcpOffer), found
    return found


def test_discover_asks_for_a_broadcast_answer_and_requests_no_address() -> None:
    packet = render_discover(TRANSACTION, HARDWARE)
    options = read_options(packet[240:])
    assert packet[0] == 1
    assert packet[10:12] == b"\x80\x00"
    assert options[53] == b"\x01"
    assert 50 not in options
    assert {66, 43, 150, 160} <= set(options[55])
    assert len(packet) >= 300


def test_discover_of_something_else_than_ethernet_is_refused() -> None:
    with pytest.raises(ValueError, match="no Ethernet address"):
        render_discover(1, b"\1\2")


def test_offer_tells_its_options_as_texts() -> None:
    found = offered(
        offer(
            option(54, ipaddress.IPv4Address("192.0.2.7").packed)
            + option(66, b"http://192.0.2.1:8080/provision/\0")
            + option(150, ipaddress.IPv4Address("192.0.2.1").packed * 2)
            + option(160, b"http://old/")
        )
    )
    assert found.server == "192.0.2.7"
    assert found.options == (
        (66, "http://192.0.2.1:8080/provision/"),
        (150, "192.0.2.1, 192.0.2.1"),
        (160, "http://old/"),
    )


def test_parts_of_a_long_option_are_joined() -> None:
    url = b"http://192.0.2.1/" + b"a" * 300
    assert offered(offer(option(66, url))).option(66) == url.decode()


def test_vendor_option_is_a_url_or_has_parts_or_is_bytes() -> None:
    assert offered(offer(option(43, b"http://a/"))).option(43) == "http://a/"
    parts = option(2, b"http://b/") + option(3, b"\1")
    assert offered(offer(option(43, parts))).option(43) == "http://b/"
    assert offered(offer(option(43, b"\xf1\x04\xc0\x00\x02\x01"))).option(43).startswith("0xf104")


def test_fields_are_texts_unless_they_hold_options() -> None:
    found = offered(offer(b"", sname=b"pbx.example.org", file=b"boot.cfg"))
    assert (found.sname, found.boot_file) == ("pbx.example.org", "boot.cfg")
    held = option(66, b"http://in-sname/") + b"\xff"
    found = offered(offer(option(52, b"\2"), sname=held, file=b"boot.cfg"))
    assert (found.sname, found.boot_file) == ("", "boot.cfg")
    assert found.option(66) == "http://in-sname/"


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "no DHCP message"),
        (offer(b"")[:239], "no DHCP message"),
        (offer(b"", transaction=1), "no answer to our question"),
        (render_discover(TRANSACTION, HARDWARE), "no answer to our question"),
        (offer(b"", hardware=bytes(6)), "an answer to somebody else"),
        (offer(b"", kind=5), "no OFFER"),
    ],
)
def test_what_is_no_offer_to_us_has_a_reason(packet: bytes, reason: str) -> None:
    assert read(packet) == NotAnOffer(reason=reason)


def test_option_that_is_cut_off_ends_the_reading() -> None:
    assert read_options(option(66, b"a") + b"\x96\x08ab") == {66: b"a"}
    assert read_options(b"\0\0\x42") == {}


@settings(max_examples=200)
@given(st.binary(max_size=600))
def test_any_bytes_after_the_head_are_read(data: bytes) -> None:
    head = offer(b"")[:240]
    found = read(head + data)
    assert isinstance(found, DhcpOffer | NotAnOffer)
    if isinstance(found, DhcpOffer):
        assert all(text.isprintable() and text for _, text in found.options)


@settings(max_examples=200)
@given(st.binary(max_size=700))
def test_any_bytes_are_an_offer_or_a_reason(data: bytes) -> None:
    assert isinstance(read(data), DhcpOffer | NotAnOffer)


@given(st.dictionaries(st.integers(1, 254), st.binary(max_size=600), max_size=8))
def test_options_read_back_as_written(wanted: dict[int, bytes]) -> None:
    written = b"".join(option(code, value) for code, value in wanted.items())
    assert read_options(written + b"\xff junk") == wanted
