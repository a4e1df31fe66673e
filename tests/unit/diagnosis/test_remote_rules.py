"""What was delivered and not applied, orders that came to nothing, and open doors: near misses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from offhook.core.model import RebootStep
from offhook.core.orders import NO_TARGET
from offhook.diagnosis.examples import BINDING, HEALTHY, MAC, MINUTE, NOW, REBOOT, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.reach import is_private_network, is_public
from offhook.diagnosis.rules import rules


def bad(code: str, **changes: Any) -> Facts:  # Any: the fields of Facts
    return replace(rules()[code].bad, **changes)


def found(code: str, facts: Facts) -> int:
    return len(list(rules()[code].check(facts)))


NEVER_ASKED = {MAC: replace(SEEN, last_contact=None, last_provisioned=None)}
ASKED = {MAC: replace(SEEN, last_contact=NOW - MINUTE)}
RESTARTED = {MAC: (replace(BINDING, registered_at=NOW - MINUTE),)}


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("P316", {"sightings": NEVER_ASKED}),
        ("P316", {"sightings": ASKED}),
        ("P316", {"device_registrations": {}}),
        ("P316", {"device_registrations": {MAC: (BINDING,)}}),
        ("P316", {"profiles": {}}),
        ("P605", {"device_registrations": RESTARTED}),
        ("P605", {"profiles": HEALTHY.profiles}),
        ("P606", {"device_registrations": RESTARTED}),
        ("P606", {"reboots": {MAC: replace(REBOOT, step=RebootStep.NOT_FETCHED)}}),
        ("P607", {"device_registrations": {}}),
        ("P607", {"device_registrations": RESTARTED}),
        ("P607", {"device_registrations": {MAC: (BINDING,)}}),
        ("P607", {"now": NOW + timedelta(days=2)}),
        ("P608", {"device_registrations": {MAC: (BINDING,)}}),
        ("P421", {"now": NOW - 6 * MINUTE}),
        ("P421", {"now": NOW + timedelta(days=2)}),
        ("P421", {"device_registrations": {}}),
        ("P421", {"device_registrations": {MAC: (BINDING,)}}),
        ("P420", {"extensions": {}}),
        ("P422", {"sightings": {MAC: SEEN}}),
        ("P422", {"config": HEALTHY.config}),
        ("P422", {"expected": {}}),
        ("P317", {"devices": {}}),
    ],
)
def test_without_its_evidence_a_fault_is_not_named(code: str, changes: Mapping[str, Any]) -> None:
    assert found(code, rules()[code].bad) == 1
    assert found(code, bad(code, **changes)) == 0


def test_an_order_of_a_change_that_needed_no_restart_is_no_fault() -> None:
    [order] = rules()["P607"].bad.reboots.values()
    assert found("P607", bad("P607", reboots={MAC: replace(order, reason="device changed")})) == 0
    assert found("P607", bad("P607", reboots={MAC: replace(order, sip_code=202)})) == 1
    assert found("P607", bad("P607", reboots={MAC: replace(order, sip_code=0)})) == 0


def test_a_file_that_differed_is_not_called_unchanged() -> None:
    same, before = rules()["P318"].bad.attempts
    other = replace(same, kind=before.kind, status=200, digest="c" * 64)
    assert found("P318", bad("P318", attempts=(other, before))) == 0
    assert found("P607", bad("P318", attempts=(other, before))) == 1
    assert found("P607", rules()["P318"].bad) == 0


def test_the_known_setting_is_named_as_the_cause_and_no_other() -> None:
    facts = bad("P605")
    [finding] = rules()["P605"].check(facts)
    assert finding.evidence[0] == "your settings say notify.mode = off"
    resync = {MAC: replace(REBOOT, step=RebootStep.NOT_FETCHED, event="check-sync")}
    assert found("P605", replace(facts, reboots=resync)) == 1
    assert found("P606", replace(facts, reboots=resync)) == 0


def test_an_order_with_nowhere_to_go_is_not_called_unanswered() -> None:
    gone = replace(REBOOT, step=RebootStep.FAILED, fault="P601", detail=NO_TARGET)
    assert found("P601", replace(HEALTHY, reboots={MAC: gone})) == 0
    lost = replace(gone, detail="connection refused")
    assert found("P601", replace(HEALTHY, reboots={MAC: lost})) == 1


@pytest.mark.parametrize(
    ("network", "is_open"),
    [
        ("any", True),
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("64.0.0.0/4", True),
        ("private", False),
        ("10.0.0.0/8", False),
        ("198.41.0.0/24", False),
        ("2001:500::/32", False),
    ],
)
def test_only_a_whole_part_of_the_internet_is_open(network: str, is_open: bool) -> None:
    config = replace(HEALTHY.config, allowed_networks=(network,))
    assert found("P811", replace(HEALTHY, config=config)) == is_open


def test_addresses_are_told_apart_and_names_are_neither() -> None:
    assert [is_private_network(host) for host in ("10.1.2.3", "fd00::1", "pbx", "8.8.8.8")] == [
        True,
        True,
        False,
        False,
    ]
    assert [is_public(host) for host in ("8.8.8.8", "192.0.2.1", "pbx", "10.1.2.3")] == [
        True,
        False,
        False,
        False,
    ]
