"""Which phones a DHCP offer explains, and which fault it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offhook.diagnosis.dhcp_offers import hosts_in
from offhook.diagnosis.examples import MAC
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.probe_examples import OURS, came, never_came, offer, offered
from offhook.diagnosis.rules import find_all

ELSEWHERE = "http://192.0.2.99/old/"


def dhcp_codes(facts: Facts, subject: str = MAC.colons) -> set[str]:
    found = [item for item in find_all(facts) if "P911" <= item.code <= "P917"]
    return {item.code for item in found if item.subject == subject}


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        (never_came(OURS), set()),
        (never_came(), set()),
        (never_came(offer()), {"P912"}),
        (never_came(offer(option_150="192.0.2.1")), {"P912"}),
        (never_came(offer(sname="192.0.2.1")), {"P911"}),
        (never_came(offer(sname="dhcp1.example.org")), {"P912"}),
        (never_came(offer(option_66="192.0.2.1")), set()),
        (never_came(offer(option_66=ELSEWHERE)), {"P916"}),
        (never_came(offer(option_66=ELSEWHERE), OURS), {"P915"}),
        (never_came(offer(), OURS), {"P915"}),
        (never_came(OURS, offer("192.0.2.3", option_66="http://192.0.2.1:8080/x/")), set()),
        (never_came(OURS, dhcp=("150",)), {"P913"}),
        (never_came(offer(option_160=ELSEWHERE), OURS, dhcp=("160", "66")), {"P915"}),
        (never_came(offer(option_66="192.0.2.1", option_160=ELSEWHERE)), set()),
        (never_came(offer(option_43="0xf104c0000201"), dhcp=("66", "43")), set()),
        (never_came(offer(option_66="http://192.0.2.1/{mac}.cfg")), {"P917"}),
        (never_came(offer(option_66="http://192.0.2.1/$MA.cfg")), {"P917"}),
        (came(offer(option_66=ELSEWHERE)), set()),
    ],
)
def test_phone_that_never_came_is_told_what_dhcp_does(facts: Facts, codes: set[str]) -> None:
    assert dhcp_codes(facts) == codes


@pytest.mark.parametrize(
    ("offers", "codes"),
    [
        ((OURS,), set()),
        ((offer(option_66=ELSEWHERE),), {"P916"}),
        ((offer(),), {"P912"}),
        ((offer(sname="192.0.2.1"),), {"P911"}),
        ((OURS, offer("192.0.2.3")), {"P915"}),
    ],
)
def test_site_is_judged_without_any_phone(offers: tuple[object, ...], codes: set[str]) -> None:
    site = Facts(now=never_came().now, probes=offered(*offers))  # type: ignore[arg-type] # offers
    assert dhcp_codes(site, "dhcp") == codes


def test_phone_registered_a_minute_ago_is_waited_for() -> None:
    facts = never_came(offer(option_66=ELSEWHERE))
    young = {mac: replace(it, created_at=facts.now) for mac, it in facts.devices.items()}
    assert dhcp_codes(replace(facts, devices=young)) == set()


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("http://a.example:8080/x", ("a.example",)),
        ("192.0.2.1, 192.0.2.2", ("192.0.2.1", "192.0.2.2")),
        ("pbx", ("pbx",)),
        ("http://[2001:db8::1]/", ("2001:db8::1",)),
        ("http://[", ()),
        ("0xf104", ()),
        ("", ()),
    ],
)
def test_hosts_are_found_in_an_option(text: str, hosts: tuple[str, ...]) -> None:
    assert hosts_in(text) == hosts
