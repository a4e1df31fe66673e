"""P206 to P215, P311 to P315, P804 to P806: what requests show, and when it is no fault."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.identify import identify
from offhook.core.mac import Mac
from offhook.core.model import Attempt, Device, OutcomeKind, PhoneRequest, UnknownPhone
from offhook.core.provision import Optional, Refuse, decide
from offhook.diagnosis.examples import (
    ACME,
    ADDRESS,
    BINDING,
    EXTENSION,
    HEALTHY,
    MAC,
    MINUTE,
    OTHER_MAC,
    PHONE,
    REFUSED,
    SEEN,
    SERVED,
    UNKNOWN,
)
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.history import unmended
from offhook.diagnosis.rules import rules
from offhook.diagnosis.rules.p315_firmware_too_old import version
from offhook.errors import BadRequestError
from offhook.vendors import load_profiles
from tests.world import World

NOW = HEALTHY.now
PROFILES = {profile.name: profile for profile in load_profiles()}
OTHER = Mac(0x02ACCE000002)


def found(code: str, facts: Facts) -> list[Finding]:
    return list(rules()[code].check(facts))


def newest_first(*attempts: Attempt) -> tuple[Attempt, ...]:
    return tuple(sorted(attempts, key=lambda attempt: attempt.at, reverse=True))


def asked(minutes_ago: float, **changes: object) -> Attempt:
    at = NOW - minutes_ago * MINUTE
    return replace(SERVED, at=at, **changes)  # type: ignore[arg-type]


def missing(minutes_ago: float, path: str, mac: Mac | None = MAC) -> Attempt:
    return replace(
        REFUSED, at=NOW - minutes_ago * MINUTE, fault="P203", status=404, path=path, file=path,
        mac=mac, address=ADDRESS,
    )  # fmt: skip


# --- decisions on files of other firmware --------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("SEP{}.cnf.xml.sgn", "P206"),
        ("SEP{}.cnf.xml.enc.sgn", "P206"),
        ("SEP{}.cnf.xml", "P207"),
        ("SIP{}.cnf", "P207"),
    ],
)
@pytest.mark.parametrize("is_known", [True, False])
def test_files_of_other_firmware_are_refused_by_name(file: str, code: str, is_known: bool) -> None:
    mac = Mac(0x000E08AABBCC)
    device = replace(PHONE, mac=mac, vendor="cisco", model="8841")
    devices: dict[Mac, Device] = {mac: device} if is_known else {}
    request = PhoneRequest(
        request_id="x", transport="http", method="GET", path=file.format("000E08AABBCC"), query="",
        address=ADDRESS, user_agent="", at=NOW,
    )  # fmt: skip
    decision = decide(request, identify(request, tuple(PROFILES.values())), devices, PROFILES)
    assert isinstance(decision, Refuse)
    assert decision.code == (code if is_known else "P301")


def test_trust_lists_stay_probes() -> None:
    request = PhoneRequest(
        request_id="x", transport="http", method="GET", path="ITLSEP000E08AABBCC.tlv", query="",
        address=ADDRESS, user_agent="", at=NOW,
    )  # fmt: skip
    decision = decide(request, identify(request, tuple(PROFILES.values())), {}, PROFILES)
    assert isinstance(decision, Optional)


@pytest.mark.parametrize("name", ["7960", "CP-7965G", "cp7941", "Cisco-CP7960G/8.0"])
def test_old_series_is_found_in_names_and_agents(name: str) -> None:
    pattern = PROFILES["cisco"].tftp_only
    assert pattern is not None
    assert pattern.search(name)


@pytest.mark.parametrize("name", ["7841", "CP-8841-3PCC/11.3.1", "SPA504G-7.5", "17960", "ATA191"])
def test_other_models_are_not_taken_for_the_old_series(name: str) -> None:
    pattern = PROFILES["cisco"].tftp_only
    assert pattern is not None
    assert not pattern.search(name)


# --- which phone a refusal is of -----------------------------------------------------------------


def test_a_neighbours_delivery_does_not_mend_a_phone_told_by_its_mac() -> None:
    refused = missing(5, "odd.cfg")
    neighbour = asked(1, mac=OTHER, address=ADDRESS)
    facts = replace(HEALTHY, attempts=newest_first(neighbour, refused))
    assert [attempt.mac for attempt, _ in unmended(facts, "P203")] == [MAC]


def test_two_phones_at_one_address_are_both_told() -> None:
    facts = replace(HEALTHY, attempts=(missing(1, "odd.cfg"), missing(2, "odd.cfg", OTHER)))
    assert {attempt.mac for attempt, _ in unmended(facts, "P203")} == {MAC, OTHER}


def test_a_common_file_alone_does_not_mend_a_phone() -> None:
    facts = replace(
        HEALTHY, attempts=newest_first(asked(1, is_device_file=False), missing(5, "odd.cfg"))
    )
    assert unmended(facts, "P203")


def test_placeholder_of_a_known_phone_is_the_devices_fault() -> None:
    facts = replace(HEALTHY, attempts=(replace(REFUSED, mac=MAC),))
    assert [finding.subject for finding in found("P201", facts)] == [MAC.colons]


# --- P206 ----------------------------------------------------------------------------------------


def lists(count: int, other: str = "") -> Facts:
    rule = replace(ACME.files[0], name="trust", is_trust_list=True)
    trust = replace(rule, pattern=re.compile(r"trust\.tlv"))
    acme = replace(ACME, files=(*ACME.files, trust))
    probes = [
        asked(n + 1, path="trust.tlv", file="trust.tlv", kind=OutcomeKind.OPTIONAL, status=404)
        for n in range(count)
    ]
    more = [missing(0.5, other)] if other else []
    return replace(HEALTHY, profiles={"acme": acme}, attempts=newest_first(SERVED, *probes, *more))


def test_trust_list_asked_once_at_boot_is_no_fault() -> None:
    assert found("P206", lists(1)) == []


def test_phone_that_asks_for_other_files_too_is_not_locked() -> None:
    assert found("P206", replace(lists(3), attempts=(asked(0.5), *lists(3).attempts))) == []


def test_trust_lists_alone_and_again_are_a_lock() -> None:
    facts = lists(3)
    only = tuple(attempt for attempt in facts.attempts if attempt.file == "trust.tlv")
    assert [item.code for item in found("P206", replace(facts, attempts=only))] == ["P206"]


# --- P208 ----------------------------------------------------------------------------------------


def test_phone_with_new_firmware_and_address_is_one_phone() -> None:
    facts = replace(
        HEALTHY, attempts=(asked(1, address="192.0.2.9", user_agent="Acme One 2.0"), asked(5))
    )
    assert found("P208", facts) == []


def test_one_phone_behind_two_uplinks_is_one_phone() -> None:
    turns = tuple(asked(n, address=f"192.0.2.{n % 2}") for n in range(1, 6))
    assert found("P208", replace(HEALTHY, attempts=turns)) == []


def test_turns_long_ago_are_over() -> None:
    bad = rules()["P208"].bad
    assert found("P208", replace(bad, now=NOW + timedelta(hours=1))) == []


@pytest.mark.parametrize(("refreshed", "count"), [(5, 1), (20, 0)])
def test_binding_left_behind_by_a_move_is_no_second_phone(refreshed: int, count: int) -> None:
    old = replace(BINDING, registered_at=NOW - 30 * MINUTE, refreshed_at=NOW - refreshed * MINUTE)
    new = replace(
        BINDING, registered_at=NOW - 10 * MINUTE, refreshed_at=NOW - MINUTE,
        source="udp:192.0.2.99:5060", call_id="other",
    )  # fmt: skip
    facts = replace(HEALTHY, registrations={"1001": (new, old)})
    assert len(found("P208", facts)) == count


# --- the others ----------------------------------------------------------------------------------


def test_unknown_phone_that_asks_for_its_own_file_too_is_only_unknown() -> None:
    bad = rules()["P209"].bad
    own = replace(missing(1, f"{OTHER_MAC}.cfg", OTHER_MAC), fault="P301")
    assert found("P209", replace(bad, attempts=(own, *bad.attempts))) == []


def test_file_number_asked_as_a_mac_is_named() -> None:
    phone = replace(UNKNOWN, mac=Mac(0x66))
    facts = replace(rules()["P210"].good, unknown=(phone,))
    assert [item.subject for item in found("P210", facts)] == ["00:00:00:00:00:66"]


def test_firmware_at_an_address_of_two_phones_names_neither() -> None:
    bad = rules()["P211"].bad
    two = {**bad.sightings, OTHER: replace(SEEN, mac=OTHER)}
    devices = {**bad.devices, OTHER: replace(PHONE, mac=OTHER)}
    facts = replace(bad, sightings=two, devices=devices)
    assert found("P211", facts) == []


def test_agent_of_another_part_of_the_phone_is_no_new_form() -> None:
    part = asked(1, user_agent="XML-Browser/1.0")
    assert found("P212", replace(HEALTHY, attempts=(part, SERVED))) == []


def test_two_misses_of_a_file_are_no_blockade() -> None:
    facts = replace(HEALTHY, attempts=(missing(1, "a.cfg"), missing(2, "a.cfg")))
    assert found("P214", facts) == []


def test_phone_that_was_refused_is_not_said_to_have_left_out_its_file() -> None:
    bad = rules()["P215"].bad
    assert found("P215", replace(bad, attempts=(missing(8, "odd.cfg"),))) == []


def test_typed_accounts_where_nothing_is_provisioned_are_meant_so() -> None:
    assert found("P313", replace(rules()["P313"].bad, devices={})) == []


def test_phone_registered_for_another_extension_than_its_record_is_told() -> None:
    facts = replace(
        HEALTHY,
        extensions={**HEALTHY.extensions, "1002": replace(EXTENSION, number="1002")},
        registrations={"1002": (replace(BINDING, extension="1002"),)},
    )
    [finding] = found("P313", facts)
    assert (finding.subject, finding.also_about) == ("1002", (MAC.colons,))
    assert "its record has extension 1001" in finding.message


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
def test_versions_are_read_as_numbers(parts: list[int]) -> None:
    assert version(".".join(map(str, parts))) == tuple(parts)


def test_throttled_phone_that_was_served_since_is_fine() -> None:
    bad = rules()["P804"].bad
    assert found("P804", replace(bad, attempts=(asked(1), *bad.attempts))) == []
    assert found("P802", bad) == []


@pytest.mark.parametrize("code", ["P805", "P806"])
def test_odd_request_followed_by_a_right_one_is_over(code: str) -> None:
    bad = rules()[code].bad
    assert found(code, replace(bad, attempts=(asked(1), *bad.attempts))) == []


def test_unknown_phone_with_a_foreign_name_is_told() -> None:
    strange = replace(rules()["P805"].bad.attempts[0], mac=OTHER_MAC)
    unknown: tuple[UnknownPhone, ...] = (UNKNOWN,)
    facts = replace(HEALTHY, attempts=(strange,), unknown=unknown)
    assert [item.subject for item in found("P805", facts)] == [OTHER_MAC.colons]


async def test_a_model_that_only_speaks_tftp_cannot_be_registered() -> None:
    world = await World.make()
    with pytest.raises(BadRequestError, match="by TFTP only") as refused:
        world.changing.model(PROFILES["cisco"], "7960")
    assert refused.value.code == "P312"
