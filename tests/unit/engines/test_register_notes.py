"""What a REGISTER told: which are told at all, and what is read of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from offhook.core.model import RegisterNote, RegisterOutcome
from offhook.engines.register_notes import note_register
from offhook.sip.bindings import Source
from tests.unit.sip.build import OTHER, PHONE, Pbx, register, request_of

AT = datetime(2026, 1, 5, tzinfo=UTC)
CREDENTIALS = (
    'Authorization: Digest username="1001", realm="{}", nonce="x", uri="sip:a", response="b"'
)


def noted(data: bytes, source: Source = PHONE, pbx: Pbx | None = None) -> RegisterNote | None:
    reaction = (pbx or Pbx()).server.receive_datagram(data, source, 1_000_000.0)
    return note_register(request_of(data), source, reaction, AT)


def sure(note: RegisterNote | None) -> RegisterNote:
    assert note is not None
    return note


def without_rport(data: bytes) -> bytes:
    return data.replace(b";rport", b"")


def test_the_usual_first_request_tells_nothing() -> None:
    assert noted(register()) is None


def test_a_retransmission_tells_nothing() -> None:
    pbx = Pbx()
    data = pbx.sign(register("Expires: 600"))
    note = sure(noted(data, pbx=pbx))
    assert (note.outcome, note.status) == (RegisterOutcome.REGISTERED, 200)
    assert (note.asked_s, note.granted_s) == (600, 600)
    assert noted(data, pbx=pbx) is None


def test_a_registration_is_told_with_its_addresses() -> None:
    pbx = Pbx()
    note = sure(noted(pbx.sign(register("Path: <sip:192.0.2.9;lr>")), pbx=pbx))
    assert (note.extension, note.domain, note.claimed) == ("1001", "pbx.example", "1001")
    assert (note.via_host, note.via_port, note.has_rport) == ("192.0.2.10", 5062, True)
    assert (note.contact_host, note.contact_port, note.has_path) == ("192.0.2.10", 5062, True)
    assert (note.transport, note.host, note.port) == ("udp", "192.0.2.10", 5062)
    assert (note.user_agent, note.mac) == ("Test phone 1.0", None)
    assert note.asked_s is None


def test_the_lifetime_of_the_contact_goes_before_that_of_the_header() -> None:
    pbx = Pbx()
    data = register("Expires: 600", contact="<sip:1001@192.0.2.10>;expires=9999")
    note = sure(noted(pbx.sign(data), pbx=pbx))
    assert (note.asked_s, note.granted_s) == (9999, 7200)


def test_signing_off_and_asking_are_told_apart() -> None:
    pbx = Pbx()
    sure(noted(pbx.sign(register()), pbx=pbx))
    off = pbx.sign(register("Expires: 0", cseq=2))
    assert sure(noted(off, pbx=pbx)).outcome is RegisterOutcome.REMOVED
    asked = sure(noted(pbx.sign(register(cseq=3, contact="")), pbx=pbx))
    assert (asked.outcome, asked.contact_host) == (RegisterOutcome.REMOVED, "")


@pytest.mark.parametrize(
    ("realm", "outcome"),
    [("offhook", RegisterOutcome.STALE), ("other", RegisterOutcome.CHALLENGED)],
)
def test_credentials_that_are_not_for_this_question(realm: str, outcome: RegisterOutcome) -> None:
    note = sure(noted(register(CREDENTIALS.format(realm))))
    assert (note.outcome, note.realm, note.digest_uri) == (outcome, realm, "sip:a")


def test_refusals_tell_why() -> None:
    pbx = Pbx()
    wrong = pbx.sign(register()).replace(b'response="', b'response="0')
    assert sure(noted(wrong, pbx=pbx)).outcome is RegisterOutcome.WRONG_DIGEST
    brief = sure(noted(pbx.sign(register("Expires: 5", cseq=5)), pbx=pbx))
    assert (brief.outcome, brief.status) == (RegisterOutcome.REFUSED, 423)


def test_a_request_without_a_user_is_told() -> None:
    nobody = register().replace(b"To: <sip:1001@", b"To: <sip:")
    note = sure(noted(nobody))
    assert (note.extension, note.claimed) == ("", None)
    at_sign = register().replace(b"To: <sip:1001@", b"To: <sip:@")
    assert sure(noted(at_sign)).extension == ""


def test_an_answer_that_goes_to_another_port_is_told() -> None:
    data = without_rport(register())
    assert noted(data) is None
    elsewhere = Source(transport="udp", host="192.0.2.10", port=40_000)
    assert sure(noted(data, elsewhere)).outcome is RegisterOutcome.CHALLENGED
    assert noted(data, Source(transport="tcp", host="192.0.2.10", port=40_000)) is None


def test_texts_are_escaped_and_cut() -> None:
    data = register(CREDENTIALS.format("x" * 200)).replace(b"Test phone", b"Odd\x1b[31m")
    note = sure(noted(data, OTHER))
    assert note.realm == "x" * 61 + "..."
    assert note.user_agent.isprintable()


def test_credentials_that_cannot_be_read_are_none() -> None:
    assert sure(noted(register("Authorization: Basic eDp5"))).claimed is None
