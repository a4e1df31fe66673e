"""SIP URIs, name-addr, parameters and lists."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip.uri import (
    NameAddr,
    OtherUri,
    SipUri,
    is_same_uri,
    join_host_port,
    parse_name_addr,
    parse_uri,
    quote,
    read_params,
    split_list,
    unquote,
)


def sip(text: str) -> SipUri:
    uri = parse_uri(text)
    assert isinstance(uri, SipUri)
    return uri


def test_reads_every_part() -> None:
    uri = sip("SIPS:al%69ce:pw@Atlanta.Example:5061;transport=TCP;lr?subject=a&x=y")
    assert (uri.scheme, uri.user, uri.password) == ("sips", "alice", "pw")
    assert (uri.host, uri.port) == ("atlanta.example", 5061)
    assert uri.params == {"transport": "TCP", "lr": ""}
    assert uri.headers == "subject=a&x=y"


@pytest.mark.parametrize("host", ["pbx01", "a_b.local", "192.0.2.1", "[::1]"])
def test_takes_the_hosts_phones_write(host: str) -> None:
    assert sip(f"sip:1@{host}").host == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:@h",
        "1001@h",
        "sip:a b@h",
        "sip:a@h:99999",
        "sip:a@h:x",
        "sip:a@h;",
        "sip:a@h;;x",
        "sip:é@h",
        "sip:a@h\0",
        "<sip:a@h>",
        "tel:",
    ],
)
def test_refuses_what_is_no_uri(text: str) -> None:
    assert parse_uri(text) is None


def test_long_uris_are_read_like_short_ones() -> None:
    assert sip(f"sip:{'a' * 300}@h").user == "a" * 300


def test_other_schemes_are_told_apart() -> None:
    assert parse_uri("tel:+1") == OtherUri(text="tel:+1", scheme="tel")


def test_escapes_that_are_no_utf8_do_not_raise() -> None:
    assert sip("sip:%ff@h").user == "\udcff"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
    ],
)
def test_equal_by_rfc_3261_19_1_4(a: str, b: str) -> None:
    assert is_same_uri(sip(a), sip(b))
    assert is_same_uri(sip(b), sip(a))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@h", "sips:a@h"),
        ("sip:a:x@h", "sip:a:y@h"),
    ],
)
def test_different_by_rfc_3261_19_1_4(a: str, b: str) -> None:
    assert not is_same_uri(sip(a), sip(b))
    assert not is_same_uri(sip(b), sip(a))


def test_a_uri_equals_itself() -> None:
    assert is_same_uri(sip("sip:a@h;x"), sip("sip:a@h;x"))


def test_bare_address_gives_its_parameters_to_the_header() -> None:
    address = parse_name_addr("sip:a@h ; tag = x")
    assert address == NameAddr(display="", uri="sip:a@h", params={"tag": "x"}, is_bare=True)


def test_brackets_keep_parameters_in_the_uri() -> None:
    address = parse_name_addr('"a, b" <sip:a@h;x=1>;+sip.instance="<urn:uuid:1>"')
    assert address is not None
    assert (address.display, address.uri) == ("a, b", "sip:a@h;x=1")
    assert address.params == {"+sip.instance": "<urn:uuid:1>"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        '"open <sip:a@h>',
        '"closed" sip:a@h',
        '"a" b <sip:a@h>',
        'a "b" <sip:a@h>',
        "<sip:a@h",
        "<>",
        "<sip:a b@h>",
        "<sip:a@h>;;",
        "<sip:a@h> x",
        "sip:a@h;=",
        "a b",
    ],
)
def test_refuses_what_is_no_address(text: str) -> None:
    assert parse_name_addr(text) is None


def test_first_of_two_equal_parameters_wins() -> None:
    assert read_params(";a=1;A=2") == {"a": "1"}
    assert read_params(';a="1" ; A=2 ') == {"a": "1"}


def test_lists_split_outside_quotes_and_brackets() -> None:
    text = '"a, \\", b" <sip:a,b@h>, <sip:c@h>;x="1,2" , d'
    assert split_list(text) == ['"a, \\", b" <sip:a,b@h>', '<sip:c@h>;x="1,2"', "d"]
    assert split_list(' "never closed, a') == ['"never closed, a']
    assert split_list("<never closed, a") == ["<never closed, a"]


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_quoting_twice_is_undone_once(text: str) -> None:
    assert unquote(quote(text)) == text


@given(st.text(alphabet='"<>,\\; a=', max_size=40))
@settings(max_examples=300, deadline=None)
def test_list_pieces_hold_all_but_commas_and_blanks(text: str) -> None:
    def bare(value: str) -> str:
        return value.replace(",", "").replace(" ", "")

    assert bare("".join(split_list(text))) == bare(text)


def test_ipv6_gets_brackets_once() -> None:
    assert join_host_port("::1", 5060) == "[::1]:5060"
    assert join_host_port("[::1]", 5060) == "[::1]:5060"
    assert join_host_port("pbx", 5060) == "pbx:5060"
