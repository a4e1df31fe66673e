"""What Kamailio says of contacts: dumps and events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.engines.kamailio_location import contact_of, location_of, parse_dump

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
CONTACT = {
    "Address": "sip:1001@192.0.2.5:5062",
    "Expires": 300,
    "Q": -1,
    "Call-ID": "a",
    "CSeq": 2,
    "User-Agent": "Acme",
    "Received": "sip:198.51.100.7:40000;transport=tcp",
    "Path": "[not set]",
    "Socket": "tcp:10.0.0.1:5060",
    "Instance": "[not set]",
    "Last-Modified": int(NOW.timestamp()) - 60,
}
EVENT = {
    "event": "registered",
    "aor": "1001",
    "contact": "<sip:1001@192.0.2.5:5062>;expires=300",
    "callid": "a",
    "cseq": 2,
    "source": "UDP:198.51.100.7:40000",
    "expires": 300,
}


def dump(*contacts: dict[str, object], aor: str = "1001") -> str:
    infos = [{"Info": {"AoR": aor, "Contacts": [{"Contact": c} for c in contacts]}}]
    domain = {"Domain": {"Domain": "location", "AoRs": infos, "Stats": {"Records": 1}}}
    return json.dumps({"jsonrpc": "2.0", "result": {"Domains": [domain]}, "id": 1})


def test_a_contact_is_read() -> None:
    [found] = parse_dump(dump(CONTACT), "n", NOW)
    registration = found.registration
    assert (found.key, found.node) == (("1001", "sip:1001@192.0.2.5:5062"), "n")
    assert found.socket == "tcp:10.0.0.1:5060"
    assert registration.source == "tcp:198.51.100.7:40000"
    assert (registration.path, registration.instance, registration.q) == ((), "", 1.0)
    assert registration.refreshed_at == NOW - timedelta(seconds=60)
    assert registration.expires_at == NOW + timedelta(seconds=300)


@pytest.mark.parametrize("expires", ["deleted", "expired", 0, -3, None])
def test_a_contact_that_has_ended_is_none(expires: object) -> None:
    assert parse_dump(dump({**CONTACT, "Expires": expires}), "n", NOW) == []


def test_a_contact_without_end_lives_until_the_next_dumps() -> None:
    [found] = parse_dump(dump({**CONTACT, "Expires": "permanent"}), "n", NOW)
    assert found.registration.expires_at > NOW


def test_a_clock_that_is_ahead_makes_no_future() -> None:
    [found] = parse_dump(dump({**CONTACT, "Last-Modified": 9_999_999_999}), "n", NOW)
    assert found.registration.refreshed_at == NOW


@pytest.mark.parametrize(
    "kept",
    [{"Path": "<sip:a;lr>, <sip:b;lr>"}, {"Instance": "<urn:uuid:1>"}, {"Q": 500}],
)
def test_what_a_phone_adds_is_kept(kept: dict[str, object]) -> None:
    [found] = parse_dump(dump({**CONTACT, **kept}), "n", NOW)
    registration = found.registration
    told = (registration.path, registration.instance, registration.q)
    assert told in [
        (("<sip:a;lr>", "<sip:b;lr>"), "", 1.0),
        ((), "urn:uuid:1", 1.0),
        ((), "", 0.5),
    ]


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=150)
def test_no_text_of_a_phone_makes_another_record(agent: str, call_id: str, end: str) -> None:
    hostile = f'{end}"}}}}]}}}},{{"Info":{{"AoR":"1002"{agent}'
    texts = {"User-Agent": hostile, "Call-ID": call_id, "Instance": hostile}
    found = parse_dump(dump({**CONTACT, **texts}), "n", NOW)
    assert [item.registration.extension for item in found] == ["1001"]
    assert found[0].registration.user_agent == hostile


def test_ten_thousand_contacts_are_read() -> None:
    infos = [{"Info": {"AoR": str(n), "Contacts": [{"Contact": CONTACT}]}} for n in range(10_000)]
    text = json.dumps({"jsonrpc": "2.0", "result": {"Domains": [{"Domain": {"AoRs": infos}}]}})
    assert len({item.key for item in parse_dump(text, "n", NOW)}) == 10_000


@pytest.mark.parametrize("cut", [1, 50, 200, 300])
def test_an_answer_that_is_cut_is_refused(cut: int) -> None:
    text = dump(CONTACT)
    with pytest.raises(ValueError):  # noqa: PT011 - json's own texts
        parse_dump(text[:-cut], "n", NOW)


def test_an_event_is_read() -> None:
    found = location_of(EVENT, "n", NOW)
    assert found is not None
    assert found.key == ("1001", "sip:1001@192.0.2.5:5062")
    assert found.registration.source == "udp:198.51.100.7:40000"
    assert found.registration.expires_at == NOW + timedelta(seconds=300)


@pytest.mark.parametrize(
    "change",
    [
        {"contact": None},
        {"contact": "*"},
        {"contact": "<sip:a@b>, <sip:c@d>"},
        {"expires": 0},
        {"expires": "many"},
        {"aor": None},
        {"source": "nowhere"},
        {"contact": "<not a uri"},
    ],
)
def test_an_event_that_tells_half_needs_a_lookup(change: dict[str, object]) -> None:
    assert location_of({**EVENT, **change}, "n", NOW) is None


@given(st.dictionaries(st.sampled_from(sorted(EVENT)), st.one_of(st.text(), st.integers())))
def test_no_event_raises(event: dict[str, object]) -> None:
    location_of({**EVENT, **event}, "n", NOW)
    contact_of({**EVENT, **event})
