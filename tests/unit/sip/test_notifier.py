"""NOTIFY as strict phones want it, and its answer to a challenge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offhook.sip.digest import is_right_response, parse_credentials
from offhook.sip.message import Request, Response, render_response
from offhook.sip.notifier import (
    Local,
    NotifyParts,
    build_notify,
    is_our_answer,
    retry_with_credentials,
)
from tests.unit.sip.build import request_of, response_of

UDP = Local(host="192.0.2.1", port=5060, transport="UDP")
PARTS = NotifyParts(
    contact="sip:1001-0xabc@192.0.2.10:5062;transport=udp?x=y",
    aor="1001",
    path=("<sip:p1;lr>", "<sip:p2;lr>"),
    event="check-sync;reboot=true",
    call_id="cafe",
    tag="t1",
    branch="b1",
)


def test_the_order_is_complete() -> None:
    notify = request_of(build_notify(PARTS, UDP).emit())
    headers = notify.headers
    assert (notify.method, notify.uri) == ("NOTIFY", PARTS.contact)
    assert headers.all("route") == PARTS.path
    assert headers.first("from") == "<sip:192.0.2.1:5060>;tag=t1"
    assert headers.first("to") == "<sip:1001@192.0.2.1:5060>"
    assert headers.first("contact") == "<sip:192.0.2.1:5060>"
    assert headers.first("event") == "check-sync;reboot=true"
    assert headers.first("subscription-state") == "active"
    assert headers.first("max-forwards") == "70"
    assert headers.first("cseq") == "1 NOTIFY"
    assert headers.first("content-length") == "0"
    assert headers.first("content-type") is None
    assert headers.first("via") == "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKb1;rport"


def test_a_body_brings_its_type_and_tcp_its_transport() -> None:
    parts = replace(PARTS, content_type="text/plain", body=b"action=restart")
    notify = build_notify(parts, replace(UDP, transport="TCP", host="2001:db8::1"))
    assert notify.headers.first("content-type") == "text/plain"
    assert notify.headers.first("content-length") == "14"
    assert notify.headers.first("contact") == "<sip:[2001:db8::1]:5060;transport=tcp>"
    assert (notify.headers.first("via") or "").startswith("SIP/2.0/TCP [2001:db8::1]:5060;")


@pytest.mark.parametrize("event", ["a\r\nX: y", "a\0"])
def test_an_event_cannot_add_a_header(event: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        build_notify(replace(PARTS, event=event), UDP)


def challenged(status: int, name: str, *values: str) -> Response:
    notify = build_notify(PARTS, UDP)
    pairs = [(name, value) for value in values]
    return response_of(render_response(notify, status, "x", pairs, to_tag="p"))


def retry(response: Response) -> Request | None:
    return retry_with_credentials(
        replace(build_notify(PARTS, UDP), body=b""),
        response,
        username="1001",
        secret="s3cret",
        cnonce="cn",
        branch="b2",
    )


@pytest.mark.parametrize(
    ("status", "asked", "answered"),
    [
        (401, "WWW-Authenticate", "authorization"),
        (407, "Proxy-Authenticate", "proxy-authorization"),
    ],
)
def test_a_challenge_is_answered(status: int, asked: str, answered: str) -> None:
    again = retry(challenged(status, asked, 'Digest realm="grandstream", nonce="n", qop="auth"'))
    assert again is not None
    credentials = parse_credentials(again.headers.first(answered) or "")
    assert credentials is not None
    assert credentials.uri == PARTS.contact
    assert is_right_response(credentials, "s3cret", "NOTIFY")
    assert again.headers.first("cseq") == "2 NOTIFY"
    assert (again.headers.first("via") or "").endswith("branch=z9hG4bKb2;rport")
    assert len(again.headers.all("content-length")) == 1
    assert again.headers.first("call-id") == "cafe"


def test_a_second_challenge_replaces_the_credentials() -> None:
    value = 'Digest realm="r", nonce="n", qop="auth"'
    first = retry(challenged(401, "WWW-Authenticate", value))
    assert first is not None
    again = retry_with_credentials(
        first,
        challenged(401, "WWW-Authenticate", value.replace('"n"', '"m"')),
        username="1001",
        secret="s3cret",
        cnonce="cn",
        branch="b3",
    )
    assert again is not None
    assert len(again.headers.all("authorization")) == 1
    assert again.headers.first("cseq") == "3 NOTIFY"


def test_what_cannot_be_answered_gives_none() -> None:
    assert retry(challenged(401, "WWW-Authenticate", 'Basic realm="r"')) is None
    assert retry(challenged(401, "Proxy-Authenticate", 'Digest realm="r", nonce="n"')) is None
    assert retry(challenged(403, "WWW-Authenticate", 'Digest realm="r", nonce="n"')) is None


def test_only_our_own_answers_count() -> None:
    response = challenged(200, "X-Y", "z")
    assert is_our_answer(response, "z9hG4bKb1", "NOTIFY")
    assert not is_our_answer(response, "z9hG4bKb2", "NOTIFY")
    assert not is_our_answer(response, "z9hG4bKb1", "INVITE")
    two = response_of(response.emit().replace(b"Via: ", b"Via: SIP/2.0/UDP a;branch=z9hG4bKb1, "))
    assert not is_our_answer(two, "z9hG4bKb1", "NOTIFY")
