"""The socket under an LDAP connection."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.actions.directory_ports import DirectoryError
from offhook.directory.ldap_settings import LdapServer, LdapTimeouts
from offhook.directory.ldap_wire import MessageMeter, Wire, tls_context

QUICK = LdapTimeouts(connect_s=5.0, message_s=0.3)
MESSAGE = b"\x30\x03abc"
LONG = b"\x30\x84\x00\x00\x01\x00" + b"x" * 256


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


def server_at(port: int, host: str = "127.0.0.1") -> LdapServer:
    return LdapServer(name="ldaps://dc1", host=host, port=port, is_ldaps=True)


def connected(listener: socket.socket) -> tuple[Wire, socket.socket]:
    wire = Wire(server_at(listener.getsockname()[1]), QUICK)
    wire.connect()
    peer, _ = listener.accept()
    return wire, peer


def receive_all(wire: Wire) -> None:
    while wire.recv(1):
        pass


@given(st.lists(st.sampled_from([MESSAGE, LONG]), max_size=6), st.lists(st.integers(1, 300)))
def test_messages_are_counted_however_they_are_cut(messages: list[bytes], cuts: list[int]) -> None:
    meter, data, ended = MessageMeter(1000), b"".join(messages), 0
    for cut in cuts:
        ended += meter.feed(data[:cut])
        data = data[cut:]
    assert ended + meter.feed(data) == len(messages)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400",
        b"\x31\x03abc",
        b"\x30\x80",
        b"\x30\x85\x00\x00\x00\x00\x01",
        b"\x30\x00",
        b"\x30\x82\x03\xe9",
        b"\x30\x84\x7f\xff\xff\xff",
    ],
)
def test_other_bytes_and_huge_messages_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not LDAP|a message of"):
        MessageMeter(1000).feed(data)


@given(st.binary(max_size=40))
def test_any_bytes_are_counted_or_refused(data: bytes) -> None:
    try:
        MessageMeter(1000).feed(data)
    except ValueError:
        return


def test_silence_ends_at_the_deadline(listener: socket.socket) -> None:
    wire, peer = connected(listener)
    with peer:
        wire.sendall(b"question")
        with pytest.raises(OSError, match="no answer for"):
            wire.recv(1)
    wire.close()
    assert wire.failure is not None
    assert (wire.failure.code, wire.failure.values["problem"]) == ("P501", "no answer for 0.3 s")


def test_dripping_bytes_do_not_move_the_deadline(listener: socket.socket) -> None:
    wire, peer = connected(listener)
    ended = threading.Event()

    def drip() -> None:
        for octet in LONG:
            if ended.wait(0.01):
                return
            peer.sendall(bytes([octet]))

    with peer:
        wire.sendall(b"question")
        thread = threading.Thread(target=drip)
        start = time.monotonic()
        thread.start()
        with pytest.raises(OSError, match="no answer for"):
            receive_all(wire)
        assert time.monotonic() - start < 2
        ended.set()
        thread.join()
    wire.close()


def test_end_of_the_connection_is_kept_as_the_failure(listener: socket.socket) -> None:
    wire, peer = connected(listener)
    peer.close()
    wire.sendall(b"question")
    assert wire.recv(1) == b""
    wire.close()
    assert wire.failure is not None
    assert wire.failure.values["problem"] == "connection closed by the server"


def test_answer_without_end_is_refused(listener: socket.socket) -> None:
    wire, peer = connected(listener)
    message = b"\x30\x84\x00\x80\x00\x00" + bytes(0x800000)

    def flood() -> None:
        with peer, contextlib.suppress(OSError):
            while True:
                peer.sendall(message)

    thread = threading.Thread(target=flood)
    thread.start()
    wire.sendall(b"question")
    with pytest.raises(OSError, match="a page of more than"):
        receive_all(wire)
    wire.close()
    thread.join()
    assert wire.failure is not None
    assert wire.failure.code == "P507"


def test_abort_wakes_the_reader(listener: socket.socket) -> None:
    wire = Wire(server_at(listener.getsockname()[1]), LdapTimeouts(message_s=60))
    wire.connect()
    ended: list[bytes] = []
    wire.sendall(b"question")
    thread = threading.Thread(target=lambda: ended.append(wire.recv(1)))
    thread.start()
    wire.abort()
    thread.join(timeout=10)
    assert ended == [b""] or not thread.is_alive()
    with pytest.raises(OSError, match="stopped"):
        wire.sendall(b"more")
    wire.close()


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".test"])
def test_name_that_is_none_is_unreachable(host: str) -> None:
    with pytest.raises(DirectoryError) as caught:
        Wire(server_at(636, host), QUICK).connect()
    assert caught.value.values["problem"] == "its name is not a host name"


def test_refused_connection_is_unreachable(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(DirectoryError) as caught:
        Wire(server_at(port), QUICK).connect()
    assert (caught.value.code, caught.value.values["problem"]) == ("P501", "connection refused")


def test_tls_is_strict_unless_told_otherwise() -> None:
    strict = tls_context("ldaps://dc1", "", is_verified=True)
    assert strict.minimum_version == ssl.TLSVersion.TLSv1_2
    assert strict.check_hostname
    assert strict.verify_mode == ssl.CERT_REQUIRED
    loose = tls_context("ldaps://dc1", "", is_verified=False)
    assert loose.minimum_version == ssl.TLSVersion.TLSv1_2
    assert loose.verify_mode == ssl.CERT_NONE


def test_unusable_ca_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "none.pem"):
        with pytest.raises(DirectoryError) as caught:
            tls_context("ldaps://dc1", str(tmp_path / name), is_verified=True)
        assert caught.value.code == "P504"
        assert name in str(caught.value.values["problem"])
