"""P301 to P310: records against what phones are and do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from offhook.core.mac import Mac
from offhook.core.model import Line, RebootStep, Sighting
from offhook.diagnosis.examples import (
    ACME,
    BINDING,
    FILE,
    HEALTHY,
    MAC,
    MINUTE,
    NOW,
    OTHER_MAC,
    PHONE,
    REBOOT,
    REFUSED,
    SEEN,
    SERVED,
    UNKNOWN,
)
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.rules import find_all, rules
from offhook.diagnosis.rules.p302_mac_typo import MAX_PAIRS


def only(facts: Facts, code: str) -> list[Finding]:
    return list(rules()[code].check(facts))


def codes(facts: Facts) -> list[str]:
    return [finding.code for finding in find_all(facts)]


def test_unknown_phone_prints_the_guides_block() -> None:
    phone = replace(UNKNOWN, mac=Mac(0x000BEA85ABCD), vendor="", model="")
    [finding] = only(replace(HEALTHY, unknown=(phone,)), "P301")
    assert finding.message == "Device 00:0B:EA:85:AB:CD not registered in provisioning system"
    lines = finding.lines()
    assert lines[0] == "  Normalized MAC: 000bea85abcd"
    assert lines[-3:] == (
        "  → Device needs to be registered first",
        "  → Register via API: POST /api/provisioning/devices",
        '     with JSON: {"mac_address":"00:0B:EA:85:AB:CD","extension_number":"XXXX",'
        '"vendor":"VENDOR","model":"MODEL"}',
    )


def test_unknown_phones_words_never_break_the_json() -> None:
    phone = replace(UNKNOWN, vendor="acme", model='one","x":"{y}')
    [finding] = only(replace(HEALTHY, unknown=(phone,)), "P301")
    body = json.loads(finding.steps[1].split("with JSON: ")[1])
    assert (body["vendor"], body["model"]) == ("acme", "MODEL")


def test_unknown_phone_that_was_registered_since_is_none() -> None:
    facts = replace(HEALTHY, unknown=(replace(UNKNOWN, mac=MAC),))
    assert codes(facts) == []


def near(*macs: int, unknown: int = OTHER_MAC.value) -> list[Finding]:
    devices = {Mac(mac): replace(PHONE, mac=Mac(mac)) for mac in macs}
    phone = replace(UNKNOWN, mac=Mac(unknown))
    return only(replace(HEALTHY, devices=devices, sightings={}, unknown=(phone,)), "P302")


def test_one_or_two_wrong_digits_are_near() -> None:
    assert near(OTHER_MAC.value ^ 0x000001)
    assert near(OTHER_MAC.value ^ 0x100002)
    assert not near(OTHER_MAC.value ^ 0x100203)


def test_two_swaps_of_neighbours_are_near() -> None:
    assert near(0x02ACCE214365, unknown=0x02ACCE123465)


def test_another_block_is_not_near() -> None:
    assert not near(OTHER_MAC.value ^ 0x000001000000)


def test_nearest_of_several_is_named() -> None:
    [finding] = near(OTHER_MAC.value ^ 0x11, OTHER_MAC.value ^ 0x10, OTHER_MAC.value ^ 0x22)
    assert Mac(OTHER_MAC.value ^ 0x10).colons in finding.message


def test_device_that_fetched_is_not_mistyped() -> None:
    mac = Mac(OTHER_MAC.value ^ 1)
    seen = Sighting(mac=mac, last_contact=NOW, last_provisioned=NOW)
    facts = replace(
        HEALTHY,
        devices={mac: replace(PHONE, mac=mac)},
        sightings={mac: seen},
        unknown=(UNKNOWN,),
    )
    assert only(facts, "P302") == []
    assert only(replace(facts, sightings={mac: replace(seen, last_provisioned=None)}), "P302")


def test_flood_of_unknown_phones_costs_a_bounded_number_of_comparisons() -> None:
    macs = [Mac(0x02ACCE000000 + 4096 * n) for n in range(1, 4000)]
    devices = dict.fromkeys(macs, PHONE)
    unknown = tuple(replace(UNKNOWN, mac=Mac(0x02ACCEFFFFFF - n)) for n in range(2000))
    assert len(devices) * len(unknown) > 30 * MAX_PAIRS
    only(replace(HEALTHY, devices=devices, sightings={}, unknown=unknown), "P302")


def test_block_of_another_maker_is_silent_once_the_phone_told_its_maker() -> None:
    mac = Mac(0x02B017000001)
    device = replace(PHONE, mac=mac)
    facts = replace(HEALTHY, devices={mac: device}, sightings={}, attempts=())
    [finding] = only(facts, "P303")
    assert "Acme" in finding.message
    assert "Bolt" in finding.message
    told = {mac: replace(SEEN, mac=mac)}
    assert only(replace(facts, sightings=told), "P303") == []
    asked = (replace(REFUSED, mac=mac),)
    assert only(replace(facts, attempts=asked), "P303") == []


def test_block_that_several_makers_share_with_the_record_is_fine() -> None:
    shared = replace(ACME, ouis=frozenset({"02acce", "02b017"}))
    mac = Mac(0x02B017000001)
    profiles = {**HEALTHY.profiles, "acme": shared}
    facts = replace(HEALTHY, profiles=profiles, devices={mac: replace(PHONE, mac=mac)})
    assert only(facts, "P303") == []


def test_agent_in_a_refused_request_tells_the_maker_too() -> None:
    asked = replace(REFUSED, mac=MAC, fault="P304", user_agent="Bolt One 2.0")
    facts = replace(HEALTHY, sightings={}, attempts=(asked,))
    [finding] = only(facts, "P304")
    assert finding.message.startswith("device 02:AC:CE:00:00:01 is registered as Acme")
    assert only(replace(facts, attempts=(replace(asked, is_test=True),)), "P304") == []


def test_agent_of_no_known_maker_says_nothing() -> None:
    asked = replace(REFUSED, mac=MAC, fault="P203", user_agent="curl/8", at=NOW - timedelta(days=3))
    assert codes(replace(HEALTHY, sightings={}, attempts=(asked, SERVED))) == []


def test_firmware_that_two_makers_share_is_no_contradiction() -> None:
    twin = replace(ACME, name="twin", label="Twin")
    facts = replace(
        HEALTHY,
        profiles={"acme": ACME, "twin": twin},
        devices={MAC: replace(PHONE, vendor="twin")},
    )
    assert codes(facts) == []


def test_sighting_of_a_device_that_is_gone_says_nothing() -> None:
    assert codes(replace(HEALTHY, devices={}, device_registrations={})) == []


def test_unknown_vendor_is_the_only_finding_of_its_device() -> None:
    facts = replace(
        HEALTHY, devices={MAC: replace(PHONE, vendor="{acne}\n")}, expected={}, attempts=()
    )
    [finding] = find_all(facts)
    assert finding.code == "P306"
    assert "{acne}\\n" in finding.message
    assert "acme, bolt" in finding.hint


def test_each_missing_extension_is_named() -> None:
    lines = (Line(index=1, extension="1001"), Line(index=2, extension="{0}"))
    found = only(
        replace(HEALTHY, devices={MAC: replace(PHONE, lines=lines)}, extensions={}), "P308"
    )
    assert [finding.message.split("extension ")[1].split(",")[0] for finding in found] == [
        "1001",
        "{0}",
    ]


def never_asked(facts: Facts) -> list[Finding]:
    return only(replace(facts, sightings={}, attempts=()), "P309")


def test_fresh_device_has_time_to_ask() -> None:
    fresh = replace(PHONE, created_at=NOW - 10 * MINUTE)
    assert never_asked(replace(HEALTHY, devices={MAC: fresh})) == []
    older = replace(PHONE, created_at=NOW - 11 * MINUTE)
    assert never_asked(replace(HEALTHY, devices={MAC: older}))


def test_steps_go_from_dhcp_over_the_stored_url_to_the_vlan() -> None:
    [finding] = never_asked(HEALTHY)
    dhcp, stored, vlan, _ = finding.steps
    assert "Option 66: http://192.0.2.1:8080/provision/$mac.cfg" in dhcp
    assert "2. Set Server URL to: `http://192.0.2.1:8080/provision/$mac.cfg`" in stored
    assert "Menu → Status → Network" in vlan
    assert "registered as 1001" in finding.evidence[1]


def test_silent_device_of_an_unknown_maker_gets_general_steps() -> None:
    [finding] = never_asked(replace(HEALTHY, devices={MAC: replace(PHONE, vendor="x")}))
    assert "1. Set it to: http://192.0.2.1:8080/provision/" in finding.steps[1]
    nameless = {"acme": replace(ACME, status_menu="")}
    [finding] = never_asked(replace(HEALTHY, profiles=nameless))
    assert "VLAN:" in finding.steps[2]


def test_a_persons_test_is_no_visit_of_the_phone() -> None:
    facts = replace(HEALTHY, sightings={}, attempts=(replace(SERVED, is_test=True),))
    assert codes(facts) == ["P309"]


STALE = replace(SEEN, delivered={FILE: "b" * 64, "gone.cfg": "c" * 64})


def test_stale_file_is_named_and_how_to_force_it() -> None:
    reboots = {MAC: replace(REBOOT, step=RebootStep.REGISTERED)}
    [finding] = find_all(replace(HEALTHY, sightings={MAC: STALE}, reboots=reboots))
    assert finding.message == f"device {MAC.colons} has an older version of {FILE}"
    assert "POST /api/phones/1001/reboot" in finding.steps[-1]
    assert "NOTIFY check-sync" in finding.evidence[1]


def test_stale_file_is_silent_while_a_reboot_is_under_way() -> None:
    pending = replace(REBOOT, step=RebootStep.PENDING)
    facts = replace(HEALTHY, sightings={MAC: STALE}, reboots={MAC: pending})
    assert codes(facts) == []
    stuck = replace(pending, asked_at=NOW - timedelta(hours=1))
    assert codes(replace(facts, reboots={MAC: stuck})) == ["P310"]


def test_files_known_to_one_side_only_are_not_stale() -> None:
    other = replace(SEEN, delivered={"other.cfg": "c" * 64})
    assert only(replace(HEALTHY, sightings={MAC: other}), "P310") == []


def test_ten_thousand_good_phones_give_no_finding_quickly() -> None:
    macs = [Mac(0x02ACCE000000 + n) for n in range(1, 10_001)]
    numbers = [str(100_000 + n) for n in range(10_000)]
    pairs = list(zip(macs, numbers, strict=True))
    bindings = {number: (replace(BINDING, extension=number, mac=mac),) for mac, number in pairs}
    facts = replace(
        HEALTHY,
        extensions=dict.fromkeys(numbers, HEALTHY.extensions["1001"]),
        devices={
            mac: replace(PHONE, mac=mac, lines=(Line(index=1, extension=number),))
            for mac, number in pairs
        },
        sightings={mac: replace(SEEN, mac=mac) for mac in macs},
        expected=dict.fromkeys(macs, HEALTHY.expected[MAC]),
        registrations=bindings,
        device_registrations={mac: bindings[number] for mac, number in pairs},
        attempts=tuple(
            replace(SERVED, mac=mac, address=f"10.0.{n}.1") for n, mac in enumerate(macs)
        ),
    )
    assert find_all(facts) == []
