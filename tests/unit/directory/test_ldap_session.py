"""Answers of a server that may send anything: entries, or a DirectoryError."""

from __future__ import annotations

import socket
import threading

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
ID = b"\x02\x04\x55\xaa\x55\xaa"
"""Stands for the number of the request; ldap3 counts over all connections."""


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


def entry(dn: str, **values: list[bytes]) -> bytes:
    rows = [
        tlv(0x30, tlv(4, name.encode()), tlv(0x31, *(tlv(4, value) for value in items)))
        for name, items in values.items()
    ]
    return tlv(0x30, ID, tlv(0x64, tlv(4, dn.encode()), tlv(0x30, *rows)))


def reference() -> bytes:
    return tlv(0x30, ID, tlv(0x73, tlv(4, b"ldaps://example.test/CN=Configuration")))


def done(result: int = 0, cookie: bytes | None = b"") -> bytes:
    op = tlv(0x65, tlv(10, bytes([result])), tlv(4), tlv(4, b"diagnostic"))
    controls = b""
    if cookie is not None:
        value = tlv(4, tlv(0x30, tlv(2, b"\0"), tlv(4, cookie)))
        controls = tlv(0xA0, tlv(0x30, tlv(4, PAGED), value))
    return tlv(0x30, ID, op, controls)


def answer_each(peer: socket.socket, answers: tuple[bytes, ...]) -> None:
    """Answer a request with each, under the request's own id; then hang up."""
    for answer in answers:
        request = peer.recv(4096)
        at = 2 if request[1] < 0x80 else 2 + (request[1] & 0x7F)
        number = int.from_bytes(request[at + 2 : at + 2 + request[at + 1]], "big")
        peer.sendall(answer.replace(ID, tlv(2, number.to_bytes(4, "big"))))
    peer.shutdown(socket.SHUT_WR)


def read(*answers: bytes) -> list[list[Found]]:
    """Read all pages from a server that says these."""
    left, right = socket.socketpair()
    session = LdapSession(SETTINGS.parsed_servers()[0], SETTINGS)
    session._wire._socket = left
    peer = threading.Thread(target=answer_each, args=(right, answers))
    peer.start()
    try:
        return list(session.pages("DC=x", "(cn=*)", ["cn"]))
    finally:
        session.close()
        peer.join()
        right.close()


GOOD = entry("CN=a", cn=[b"a", b"\xff"], ipPhone=[b"1"]) + reference() + done()


def test_names_are_lower_case_and_values_raw() -> None:
    assert read(GOOD) == [[Found(dn="CN=a", values={"cn": (b"a", b"\xff"), "ipphone": (b"1",)})]]


def test_pages_follow_while_there_is_a_cookie() -> None:
    pages = read(
        entry("CN=a") + done(cookie=b"1"),
        entry("CN=b") + done(cookie=b"1"),
        entry("CN=c") + done(),
    )
    assert [[found.dn for found in page] for page in pages] == [["CN=a"], ["CN=b"], ["CN=c"]]


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ([done(cookie=None)], "a page that does not say whether more follow"),
        ([done(result=10)], "the search ended with referral (10)"),
        ([done(result=4)], "the search ended with sizeLimitExceeded (4)"),
        ([done(result=3)], "the search ended with timeLimitExceeded (3)"),
        ([done(result=32)], "there is no 'DC=x'"),
        ([done(result=99)], "an answer that cannot be read"),
        ([done().replace(ID, tlv(2, bytes(4)))], "an answer that cannot be read"),
        ([tlv(0x30, ID)], "an answer that cannot be read"),
        ([done(cookie=b"c"), done(cookie=b"c")], "the pages do not come to an end"),
    ],
)
def test_anything_but_a_whole_page_is_incomplete(answers: list[bytes], problem: str) -> None:
    with pytest.raises(DirectoryError) as caught:
        read(*answers)
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
        pages = read(bytes(answer))
    except DirectoryError:
        return
    for found in (found for page in pages for found in page):
        assert all(type(value) is bytes for values in found.values.values() for value in values)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_nonsense_is_refused(body: bytes) -> None:
    with pytest.raises(DirectoryError):
        read(tlv(0x30, ID, body))


def test_password_is_in_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    session = LdapSession(SETTINGS.parsed_servers()[0], SETTINGS)
    with pytest.raises(DirectoryError) as caught:
        session._ask("bind", read_server_info=False)
    assert caught.value.__cause__ is None
    assert "hush" not in caplog.text + str(caught.value)
