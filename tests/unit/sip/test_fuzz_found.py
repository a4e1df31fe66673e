"""What fuzzing found: one test a finding, with the shortest input that showed it."""

from __future__ import annotations

from offhook.sip.message import Junk
from offhook.sip.parse import parse_datagram
from tests.unit.sip.build import register


def test_a_known_header_name_without_colon_is_no_header() -> None:
    data = register().replace(b"To: <sip:1001@pbx.example>", b"To")
    assert parse_datagram(data) == Junk(reason="header line without a name")
