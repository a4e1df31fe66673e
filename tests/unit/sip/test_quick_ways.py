"""What phones usually send is read by quick ways; each gives exactly what the general way gives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip import bindings, digest, message, parse, uri, via, wanted
from offhook.sip.digest import parse_digest_fields, read_any_fields
from offhook.sip.message import Request, read_headers, read_usual_headers
from offhook.sip.server import Reaction
from offhook.sip.uri import parse_name_addr, read_any_params, read_name_addr, read_params
from tests.fuzz.seeds import seeds
from tests.unit.sip.build import Pbx, register
from tests.unit.sip.rfc4475 import MESSAGES

GENERAL: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (message.read_usual_headers, lambda lines: None),
    (message._echoed_lines, message._echo_any),
    (uri.read_params, uri.read_any_params),
    (uri.parse_name_addr, uri.read_name_addr),
    (uri.parse_uri, uri.parse_uri.__wrapped__),  # type: ignore[attr-defined] # of `remembered`
    (via.parse_cseq, via.parse_cseq.__wrapped__),  # type: ignore[attr-defined] # of `remembered`
    (via._read_sent_by, via._read_sent_by.__wrapped__),  # type: ignore[attr-defined] # the same
    (parse._read_request_line, parse._read_request_line.__wrapped__),  # type: ignore[attr-defined] # the same
    (digest._read_usual_fields, lambda text: None),
    (digest._hash_again, digest._hash),
    (wanted._read_again, wanted.read_unknown),
    (bindings._place_of, bindings._place_of_any),
]


@contextmanager
def general_ways() -> Iterator[None]:
    """Go without every quick way, wherever it was imported."""
    modules = [module for name, module in sys.modules.items() if name.startswith("offhook.sip")]
    with pytest.MonkeyPatch.context() as patch:
        for quick, general in GENERAL:
            for module in modules:
                for name, found in list(vars(module).items()):
                    if found is quick:
                        patch.setattr(module, name, general)
        yield


def reactions(datagrams: list[bytes]) -> list[Reaction]:
    """What a server does with datagrams, each once as it is and once with credentials."""
    pbx = Pbx()
    given: list[Reaction] = []
    for data in datagrams:
        first = pbx.receive(data)
        given.append(first)
        if first.status == 401 and isinstance(parse.parse_datagram(data), Request):
            signed = pbx.sign(data)
            given += [pbx.receive(signed), pbx.receive(signed)]
            pbx.now += 40
    return given


def must_agree(datagrams: list[bytes]) -> None:
    quick = reactions(datagrams)
    with general_ways():
        general = reactions(datagrams)
    assert quick == general


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_agree_on_torture(name: str) -> None:
    must_agree([MESSAGES[name]])


def test_agree_on_seeds_of_fuzzing() -> None:
    must_agree(list(seeds("datagram")))


BLANKS = st.sampled_from(["", " ", "  ", "\t", "\r\n ", "\x0b", "\xa0"])
USUAL = ["Via", "From", "To", "Call-ID", "CSeq", "Contact", "Expires", "User-Agent", "Path", "Mac"]
NAMES = st.sampled_from(
    [*USUAL, "v", "f", "t", "i", "m", "AUTHORIZATION", "X-Odd", "", "Via ", " To"]
)
TEXTS = st.text(
    alphabet=st.sampled_from('abz09;=,<>"\\@: \t%.-+\u00e9\x0b\xa0') | st.sampled_from("sip:;tag="),
    max_size=24,
)
ADDRESSES = st.builds(
    "{}{}<sip:{}@192.0.2.1{}>{}".format, st.sampled_from(["", '"A>B" ', "A "]), BLANKS,
    st.sampled_from(["1001", "1002", "%31001", "a b"]), st.sampled_from(["", ":5060", ";lr"]),
    st.sampled_from(["", ";tag=1", ";Tag=1", ';tag="1"', ";tag=1;tag=2", " ;q=0.5", ";"])
    | TEXTS,
)  # fmt: skip


@given(st.lists(st.builds("{}{}{}{}{}".format, NAMES, st.sampled_from([":", ": ", ""]), BLANKS,
                          TEXTS | ADDRESSES, BLANKS), max_size=8))  # fmt: skip
def test_headers_agree(lines: list[str]) -> None:
    text = "\r\n".join(["REGISTER sip:a SIP/2.0", *lines])
    with general_ways():
        general = parse._read_headers(text, list(lines))
    quick = parse._read_headers(text, list(lines))
    assert quick == general
    if not isinstance(quick, str) and not isinstance(general, str):
        assert (quick.names, dict(quick.index)) == (general.names, dict(general.index))


@given(TEXTS | ADDRESSES)
def test_addresses_and_parameters_agree(text: str) -> None:
    assert parse_name_addr(text) == read_name_addr(text)
    assert read_params(text) == read_any_params(text)
    assert read_params(f";{text}") == read_any_params(f";{text}")


CONTACTS = st.builds(
    "{}:{}@{}{}{}".format,
    st.sampled_from(["sip", "sips", "SIP", "tel", ""]),
    st.sampled_from(["1001", "a.b-c_d+e", "%31", "a:b", "", "é", "a@b", "*"]),
    st.sampled_from(["192.0.2.1", "[::1]", "Phone", "1..2", ""]),
    st.sampled_from(["", ":5060", ":05060", ":506", ":59999", ":65535", ":65536", ":0", ":\u0661"]),
    st.sampled_from(["", ";transport=tcp", ";transport=TCP", ";ob", "\n", "?a=b", ";"]),
)


@given(CONTACTS | TEXTS)
def test_places_of_contacts_agree(contact: str) -> None:
    assert bindings._place_of(contact) == bindings._place_of_any(contact)


FIELDS = st.builds(
    "{}{}{}{}{}".format,
    BLANKS,
    st.sampled_from(["username", "realm", "Realm", "nonce", "uri", "response", "nc", "qop", "x"]),
    st.sampled_from(["=", " =", "= ", ""]),
    st.sampled_from(['"1001"', "auth", "SHA-256", '"a,b"', '"', '""', '"a"b"', '"\\""', "", "a b"])
    | TEXTS,
    BLANKS,
)


@given(st.lists(FIELDS, max_size=6))
def test_digest_fields_agree(fields: list[str]) -> None:
    value = f"Digest {','.join(fields)}"
    start = len(value) - len(value[6:].lstrip(" \t"))
    assert parse_digest_fields(value) == read_any_fields(value, start)


REGISTERS = st.builds(
    lambda contact, expires, cseq, user: register(
        f"Expires: {expires}", contact=contact, cseq=cseq, user=user, branch="two"
    ),
    ADDRESSES | st.just("*") | st.just('<sip:1001@192.0.2.10:5062>;+sip.instance="<urn:uuid:1>"'),
    st.sampled_from(["0", "3600", "10", "soon", ""]),
    st.integers(1, 3),
    st.sampled_from(["1001", "1002", "9999"]),
)


@settings(deadline=None)
@given(st.lists(REGISTERS, min_size=1, max_size=4))
def test_registers_agree(datagrams: list[bytes]) -> None:
    must_agree(datagrams)


def test_what_is_usual_is_read_the_quick_way() -> None:
    """Otherwise the tests above would compare the general way with itself."""
    lines = ["Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa", "To: <sip:1001@192.0.2.1>"]
    assert read_usual_headers(lines) == read_headers(lines)
    assert read_usual_headers([*lines, "X-Odd: 1"]) is None
    assert read_usual_headers(["Via"]) is read_usual_headers(["v: x"]) is None
    assert digest._read_usual_fields('username="1001", realm="a", nc=00000001') == {
        "username": "1001",
        "realm": "a",
        "nc": "00000001",
    }
