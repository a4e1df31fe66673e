"""P402 to P418 at their edges: what ends a fault, whose phone it is, what is no proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from offhook.core.mac import Mac
from offhook.core.model import RebootStep, RegisterNote, RegisterOutcome
from offhook.diagnosis.examples import (
    ADDRESS,
    BINDING,
    FAILED_CALL,
    FILE,
    HEALTHY,
    MAC,
    MINUTE,
    NOW,
    OTHER_MAC,
    PHONE,
    REBOOT,
    REFUSED_REGISTER,
    REGISTERED,
    SEEN,
)
from offhook.diagnosis.facts import Facts, ServedAccount
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.registering import device_of, is_strange_domain, standing, translation
from offhook.diagnosis.rules import find_all, rules

ILL = replace(REGISTERED, outcome=RegisterOutcome.STALE, status=401, at=NOW - MINUTE, mac=None)
HERE = replace(REFUSED_REGISTER, source=f"udp:{ADDRESS}:5060", at=NOW - MINUTE)


def heard(*notes: RegisterNote, **changes: object) -> Facts:
    facts = replace(HEALTHY, **changes)  # type: ignore[arg-type] # as the test says
    return replace(facts, sip=replace(facts.sip, notes=notes))


def codes(facts: Facts) -> list[str]:
    return [finding.code for finding in find_all(facts)]


def stands(*notes: RegisterNote, **changes: object) -> int:
    return sum(map(len, standing(heard(*notes, **changes), RegisterOutcome.STALE).values()))


def test_a_trouble_stands_until_the_same_extension_registers_from_there() -> None:
    good = replace(REGISTERED, at=NOW)
    assert stands(ILL) == 1
    assert stands(good, ILL) == 0
    assert stands(replace(good, extension="1002", mac=None), ILL) == 1
    assert stands(replace(good, source="udp:192.0.2.99:5060", mac=None), ILL) == 1
    assert stands(replace(good, source="udp:192.0.2.99:5060"), replace(ILL, mac=MAC)) == 0
    assert stands(ILL, registrations={"1001": (replace(BINDING, refreshed_at=NOW),)}) == 0


def test_a_trouble_of_another_day_is_forgotten() -> None:
    assert stands(replace(ILL, at=NOW - timedelta(hours=25))) == 0


def test_what_names_nobody_ends_at_its_source() -> None:
    nobody = replace(ILL, extension="", claimed=None)
    assert stands(nobody, registrations={}) == 1
    assert stands(replace(REGISTERED, at=NOW, mac=None), nobody) == 0


def test_a_device_is_found_by_mac_extension_and_address() -> None:
    twin = replace(PHONE, mac=OTHER_MAC)
    both = replace(HEALTHY, devices={MAC: PHONE, OTHER_MAC: twin})
    assert device_of(HEALTHY, "1001") == PHONE
    assert device_of(HEALTHY, "7", mac=MAC) == PHONE
    assert device_of(HEALTHY, "7", ADDRESS) == PHONE
    assert device_of(both, "1001") is None
    assert device_of(both, "1001", ADDRESS) == PHONE
    assert device_of(both, "1001", mac=OTHER_MAC) == twin
    assert device_of(HEALTHY, "7", "203.0.113.1", Mac(7)) is None


# --- passwords ---------------------------------------------------------------------------------


def password(**changes: object) -> Finding:
    facts = replace(HEALTHY, refused_registers=(HERE,), **changes)  # type: ignore[arg-type]
    return next(item for item in find_all(facts) if item.code == "P402")


def test_a_password_is_older_current_or_typed() -> None:
    assert "fetched its current file" in password().evidence[2]
    stale = {MAC: replace(SEEN, delivered={FILE: "b" * 64})}
    assert "its file, which changed since" in password(sightings=stale).evidence[2]
    changed = replace(HEALTHY.sip, secrets_changed={"1001": NOW - 9 * MINUTE})
    line = password(sightings=stale, sip=changed).evidence[2]
    assert "fetched its file at 2026-01-05T11:30:00Z, before the secret changed" in line
    assert line.at == NOW - 9 * MINUTE
    never = {MAC: replace(SEEN, last_provisioned=None)}
    assert "never fetched its file" in password(sightings=never).evidence[2]


def test_a_stranger_who_guesses_says_nothing_of_the_phone() -> None:
    facts = replace(HEALTHY, refused_registers=(REFUSED_REGISTER,))
    [finding] = find_all(facts)
    assert len(finding.evidence) == 2
    away = replace(facts, device_registrations={}, registrations={})
    assert len(next(it for it in find_all(away) if it.code == "P402").evidence) == 3
    own = replace(facts, refused_registers=(replace(REFUSED_REGISTER, mac=MAC),))
    assert len(find_all(own)[0].evidence) == 3


def test_another_name_with_a_wrong_password_is_the_name() -> None:
    facts = replace(HEALTHY, refused_registers=(replace(REFUSED_REGISTER, claimed="1002"),))
    assert codes(facts) == ["P404"]


# --- domains -----------------------------------------------------------------------------------


def test_a_domain_is_strange_only_against_something_known() -> None:
    other = replace(ILL, domain="other.example")
    assert is_strange_domain(heard(other, REGISTERED), other)
    assert is_strange_domain(heard(other), other)
    assert not is_strange_domain(heard(other, sightings={}), other)
    assert not is_strange_domain(heard(other, replace(REGISTERED, domain="other.example")), other)
    for ours in ("192.0.2.1", "localhost", "offhook", ""):
        assert not is_strange_domain(heard(other), replace(other, domain=ours))
    named = replace(HEALTHY.sip, accounts={MAC: ServedAccount(server="Other.example")})
    assert not is_strange_domain(replace(HEALTHY, sip=named), other)


# --- reached, or not ---------------------------------------------------------------------------

CALLS = (FAILED_CALL, replace(FAILED_CALL, at=NOW - 9 * MINUTE))


def silent(*calls: object, **changes: object) -> list[str]:
    facts = replace(HEALTHY, **changes)  # type: ignore[arg-type] # as the test says
    return codes(replace(facts, sip=replace(facts.sip, failed_calls=calls)))


def test_one_silence_is_no_proof() -> None:
    assert silent(FAILED_CALL) == []
    assert silent(*CALLS) == ["P416"]


def test_a_call_and_an_order_count_together() -> None:
    order = replace(REBOOT, asked_at=NOW - 3 * MINUTE)
    assert set(silent(FAILED_CALL, reboots={MAC: order})) == {"P416", "P601"}
    assert silent(*CALLS, reboots={MAC: replace(order, step=RebootStep.PENDING)}) == ["P416"]


@pytest.mark.parametrize(
    "changes",
    [
        {"callee": "1002"},
        {"contact": "sip:1001@192.0.2.77"},
        {"at": NOW - 40 * MINUTE},
        {"status": 488},
    ],
)
def test_other_calls_say_nothing_of_this_registration(changes: dict[str, object]) -> None:
    assert "P416" not in silent(FAILED_CALL, replace(FAILED_CALL, **changes))  # type: ignore[arg-type]


def test_a_phone_that_obeyed_since_is_reached() -> None:
    obeyed = replace(REBOOT, step=RebootStep.REGISTERED, asked_at=NOW - MINUTE)
    assert silent(*CALLS, reboots={MAC: obeyed}) == []
    before = replace(obeyed, asked_at=NOW - 20 * MINUTE)
    assert silent(*CALLS, reboots={MAC: before}) == ["P416"]


@pytest.mark.parametrize(
    ("via", "contact", "says"),
    [
        ("192.168.1.2", "192.168.1.2", "nat"),
        ("192.168.1.2", "198.51.100.7", "rewritten"),
        ("198.51.100.7", "192.168.1.2", "rewritten"),
        ("198.51.100.7", "198.51.100.7", ""),
        ("phone.example", "", ""),
        ("127.0.0.1", "8.8.8.8", ""),
    ],
)
def test_addresses_that_are_rewritten(via: str, contact: str, says: str) -> None:
    note = replace(REGISTERED, source="udp:198.51.100.7:999", via_host=via, contact_host=contact)
    assert translation(note) == says


def test_nat_alone_is_no_fault() -> None:
    note = replace(REGISTERED, via_host="192.168.1.2", contact_host="192.168.1.2")
    assert codes(heard(note)) == []


# --- the rest ----------------------------------------------------------------------------------


def test_examples_at_their_limits() -> None:
    bad = rules()["P408"].bad
    assert codes(replace(bad, sip=replace(bad.sip, notes=bad.sip.notes[1:]))) == []
    assert codes(replace(bad, extensions={}, devices={})) == []
    loop = rules()["P417"].bad
    assert codes(replace(loop, sip=replace(loop.sip, notes=loop.sip.notes[1:]))) == []
    late = rules()["P410"].bad
    assert codes(replace(late, sip=replace(late.sip, notes=late.sip.notes[1:]))) == []


def test_a_loop_over_two_addresses_says_so() -> None:
    bad = rules()["P417"].bad
    first, *rest = bad.sip.notes
    moved = replace(first, source="udp:203.0.113.5:5060")
    [finding] = find_all(replace(bad, sip=replace(bad.sip, notes=(moved, *rest))))
    assert "203.0.113.5" in finding.steps[-1]


def test_a_phone_without_a_lifetime_of_its_own_is_never_late() -> None:
    bad = rules()["P410"].bad
    notes = tuple(replace(note, asked_s=None) for note in bad.sip.notes)
    assert codes(replace(bad, sip=replace(bad.sip, notes=notes))) == []


def test_an_empty_account_of_a_stranger_is_nothing() -> None:
    note = replace(ILL, extension="", mac=None, source="udp:203.0.113.5:5060")
    assert codes(heard(note)) == []


def test_the_transport_counts_only_once_the_file_is_there() -> None:
    bad = rules()["P414"].bad
    assert "P414" not in codes(replace(bad, sightings={}))
    stale = {MAC: replace(SEEN, delivered={FILE: "b" * 64})}
    assert "P414" not in codes(replace(bad, sightings=stale))
    early = (replace(BINDING, registered_at=NOW - 50 * MINUTE),)
    assert codes(replace(bad, device_registrations={MAC: early})) == []
    on_its_way = replace(REBOOT, step=RebootStep.NOTIFIED, asked_at=NOW - MINUTE)
    assert codes(replace(bad, reboots={MAC: on_its_way})) == []


def test_a_foreign_domain_with_a_wrong_password_is_told_before_the_password() -> None:
    note = replace(
        ILL, domain="old.example", outcome=RegisterOutcome.WRONG_DIGEST, source=HERE.source
    )
    facts = replace(heard(note, REGISTERED), refused_registers=(HERE,))
    findings = {finding.code: finding for finding in find_all(facts)}
    assert set(findings) == {"P402", "P405"}
    assert findings["P402"].is_general
    ours = replace(note, domain=REGISTERED.domain)
    assert codes(replace(heard(ours, REGISTERED), refused_registers=(HERE,))) == ["P402"]


def test_another_port_than_that_of_the_web_is_the_admins_own() -> None:
    bad = rules()["P413"].bad
    account = ServedAccount(port=5070, port_key="server_port")
    assert codes(replace(bad, sip=replace(bad.sip, accounts={MAC: account}))) == []


def test_tls_that_is_not_set_up_is_another_fault() -> None:
    facts = replace(
        HEALTHY, sip=replace(HEALTHY.sip, accounts={MAC: ServedAccount(transport="tls")})
    )
    assert "P414" not in codes(facts)


def test_a_phone_that_is_nobodys_is_named_by_extension_or_address() -> None:
    bad = rules()["P418"].bad
    alone = replace(bad, devices={}, device_registrations={}, sightings={})
    assert [finding.subject for finding in find_all(alone)] == ["1001"]
    [unknown] = find_all(replace(alone, extensions={}))
    assert unknown.subject == "192.0.2.51"
