"""Between SIP's bindings and our registrations."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.core.mac import Mac, parse_mac
from offhook.core.model import Registration
from offhook.engines.phones import mac_of, note_of, shown, to_registration
from offhook.sip.bindings import Binding
from tests.unit.sip.build import register, request_of

MAC = "001565123456"


@pytest.mark.parametrize(
    ("more", "contact", "mac"),
    [
        (("Mac: 00:15:65:12:34:56",), "<sip:a@h>", MAC),
        (("MAC: 001565123456",), "<sip:a@h>", MAC),
        ((), f'<sip:a@h>;+sip.instance="<urn:uuid:00000000-0000-0000-0000-{MAC}>"', MAC),
        ((), f'<sip:a@h>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-{MAC.upper()}>"', MAC),
        # A random UUID: its end is no MAC. RFC 4122 §4.4.
        ((), f'<sip:a@h>;+sip.instance="<urn:uuid:7050c5e9-fc29-4271-af1b-{MAC}>"', ""),
        ((), "<sip:a@h>", ""),
        (("Mac: none",), "<sip:a@h>", ""),
    ],
)
def test_the_mac_is_found_where_makers_put_it(
    more: tuple[str, ...], contact: str, mac: str
) -> None:
    assert note_of(request_of(register(*more, contact=contact))) == mac


def test_the_mac_is_found_in_the_user_agent() -> None:
    data = register().replace(b"Test phone 1.0", b"Mitel6940 MAC:14-00-E9-1B-45-24 V:6.4")
    assert mac_of(request_of(data)) == parse_mac("1400e91b4524")


def test_a_binding_is_told_in_our_words() -> None:
    moment = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)
    binding = Binding(
        aor="1001",
        contact="sip:1001@192.0.2.1:5060;transport=tcp",
        source="tcp:[2001:db8::1]:40000",
        call_id="c",
        cseq=7,
        user_agent="x",
        note="001565123456",
        path=("<sip:p;lr>",),
        instance="<urn:uuid:1>",
        q=0.5,
        registered_at=moment.timestamp(),
        refreshed_at=moment.timestamp(),
        expires_at=moment.timestamp(),
    )
    assert to_registration(binding) == Registration(
        extension="1001",
        contact="sip:1001@192.0.2.1:5060;transport=tcp",
        source="tcp:[2001:db8::1]:40000",
        call_id="c",
        cseq=7,
        user_agent="x",
        mac=Mac(0x001565123456),
        path=("<sip:p;lr>",),
        instance="<urn:uuid:1>",
        q=0.5,
        registered_at=moment,
        refreshed_at=moment,
        expires_at=moment,
    )


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_what_is_shown_is_short_and_printable(text: str) -> None:
    assert len(shown(text)) <= 64
    assert shown(text).isprintable()


def test_lone_surrogates_are_shown() -> None:
    assert shown("\udcff\x1b[31m") == "\\udcff\\x1b[31m"
    assert shown("plain") == "plain"
