"""Answers of a server that may send anything: entries, or a DirectoryError."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.actions.directory_ports import DirectoryError
from offhook.core.secret import Secret
from offhook.directory.ldap_session import Found, LdapSession
from offhook.directory.ldap_settings import LdapSettings, LdapTimeouts

SETTINGS = LdapSettings(
    servers=("ldaps://dc1.example.test",),
    bind_dn="svc@example.test",
    bind_password=Secret("hush"),
    timeouts=LdapTimeouts(message_s=2.0),
)
PAGED = b"1.2.840.113556.1.4.319"


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


def entry(dn: str, message: int = 1, **values: list[bytes]) -> bytes:
    rows = [
        tlv(0x30, tlv(4, name.encode()), tlv(0x31, *(tlv(4, value) for value in items)))
        for name, items in values.items()
    ]
    return tlv(0x30, tlv(2, bytes([message])), tlv(0x64, tlv(4, dn.encode()), tlv(0x30, *rows)))


def reference(message: int = 1) -> bytes:
    url = b"ldaps://example.test/CN=Configuration"
    return tlv(0x30, tlv(2, bytes([message])), tlv(0x73, tlv(4, url)))


def done(message: int = 1, result: int = 0, cookie: bytes | None = b"") -> bytes:
    op = tlv(0x65, tlv(10, bytes([result])), tlv(4), tlv(4, b"diagnostic"))
    controls = b""
    if cookie is not None:
        value = tlv(4, tlv(0x30, tlv(2, b"\0"), tlv(4, cookie)))
        controls = tlv(0xA0, tlv(0x30, tlv(4, PAGED), value))
    return tlv(0x30, tlv(2, bytes([message])), op, controls)


def read(answer: bytes) -> list[list[Found]]:
    """Read all pages of a session whose server says this and hangs up."""
    left, right = socket.socketpair()
    session = LdapSession(SETTINGS.parsed_servers()[0], SETTINGS)
    session._wire._socket = left
    try:
        right.sendall(answer)
        right.shutdown(socket.SHUT_WR)
        return list(session.pages("DC=x", "(cn=*)", ["cn"]))
    finally:
        right.close()
        session.close()


GOOD = entry("CN=a", cn=[b"a", b"\xff"], ipPhone=[b"1"]) + reference() + done()


def test_names_are_lower_case_and_values_raw() -> None:
    assert read(GOOD) == [[Found(dn="CN=a", values={"cn": (b"a", b"\xff"), "ipphone": (b"1",)})]]


def test_pages_follow_while_there_is_a_cookie() -> None:
    answer = entry("CN=a") + done(cookie=b"1") + entry("CN=b", 2) + done(2, cookie=b"1")
    pages = read(answer + entry("CN=c", 3) + done(3))
    assert [[found.dn for found in page] for page in pages] == [["CN=a"], ["CN=b"], ["CN=c"]]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (done(cookie=None), "a page that does not say whether more follow"),
        (done(result=10), "the search ended with referral (10)"),
        (done(result=4), "the search ended with sizeLimitExceeded (4)"),
        (done(result=3), "the search ended with timeLimitExceeded (3)"),
        (done(result=32), "there is no 'DC=x'"),
        (done(result=123), "an answer that cannot be read"),
        (done(message=9), "an answer that cannot be read"),
        (b"\x30\x03\x02\x01\x01", "an answer that cannot be read"),
        (done(cookie=b"c") + done(2, cookie=b"c"), "the pages do not come to an end"),
    ],
)
def test_anything_but_a_whole_page_is_incomplete(answer: bytes, problem: str) -> None:
    with pytest.raises(DirectoryError) as caught:
        read(answer)
    assert caught.value.code == "P507"
    assert caught.value.values["problem"] == problem


@pytest.mark.parametrize("size", range(len(GOOD)))
def test_cut_answer_is_no_answer(size: int) -> None:
    with pytest.raises(DirectoryError) as caught:
        read(GOOD[:size])
    assert caught.value.code == "P501"


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4))
def test_damaged_answer_is_read_or_refused(damage: list[tuple[int, int]]) -> None:
    answer = bytearray(GOOD)
    for place, octet in damage:
        answer[place] = octet
    try:
        read(bytes(answer))
    except DirectoryError as error:
        assert error.code in ("P501", "P507")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_nonsense_is_refused(body: bytes) -> None:
    with pytest.raises(DirectoryError):
        read(tlv(0x30, tlv(2, b"\x01"), body))


def test_password_is_in_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    session = LdapSession(SETTINGS.parsed_servers()[0], SETTINGS)
    with pytest.raises(DirectoryError) as caught:
        session._ask("bind", read_server_info=False)
    assert caught.value.__cause__ is None
    assert "hush" not in caplog.text + str(caught.value)
