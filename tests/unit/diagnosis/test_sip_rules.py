"""P401 to P403 and P601 to P604: registrations and orders to fetch again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from offhook.core.events import RegistrationRefused
from offhook.core.mac import Mac
from offhook.core.model import RebootStep, Registration
from offhook.diagnosis.examples import (
    BINDING,
    FILE,
    HEALTHY,
    MAC,
    MINUTE,
    NOW,
    PHONE,
    REBOOT,
    REFUSED_REGISTER,
    SEEN,
)
from offhook.diagnosis.facts import Facts, RenderFault
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.rules import find_all, rules

SILENT = replace(HEALTHY, registrations={}, device_registrations={})


def codes(facts: Facts) -> list[str]:
    return [finding.code for finding in find_all(facts)]


def refused(*refusals: RegistrationRefused, then: tuple[Registration, ...] = ()) -> list[Finding]:
    registrations = {**HEALTHY.registrations, "1001": (BINDING, *then)}
    return find_all(replace(HEALTHY, refused_registers=refusals, registrations=registrations))


def test_unregistered_phone_names_extension_and_port() -> None:
    [finding] = find_all(SILENT)
    assert finding.code == "P401"
    assert "extension 1001 is not registered" in finding.message
    assert "192.0.2.1, port 5060" in finding.steps[-1]


@pytest.mark.parametrize(
    "changes",
    [
        {"sightings": {MAC: replace(SEEN, last_provisioned=NOW - 3 * MINUTE)}},
        {"sightings": {MAC: replace(SEEN, last_provisioned=None)}},
        {"sightings": {MAC: replace(SEEN, delivered={})}},
        {"expected": {}},
        {"reboots": {MAC: replace(REBOOT, step=RebootStep.FETCHED)}},
        {"registrations": {"1001": (BINDING,)}},
        {"device_registrations": {MAC: (BINDING,)}},
    ],
    ids=["just", "never", "nothing", "unrenderable", "rebooting", "extension", "device"],
)
def test_phone_that_may_still_register_or_does_is_no_fault(changes: dict[str, object]) -> None:
    assert codes(replace(SILENT, **changes)) == []  # type: ignore[arg-type]


def test_phone_with_an_old_file_is_stale_not_unregistered() -> None:
    stale = {MAC: replace(SEEN, delivered={FILE: "b" * 64})}
    assert codes(replace(SILENT, sightings=stale)) == ["P310"]


def test_phone_that_never_came_is_silent_not_unregistered() -> None:
    assert codes(replace(SILENT, sightings={}, attempts=())) == ["P309"]


def test_phone_without_any_extension_is_left_to_the_inventory() -> None:
    assert codes(replace(SILENT, extensions={})) == ["P308"]
    assert codes(replace(SILENT, devices={MAC: replace(PHONE, lines=())})) == []


def test_wrong_password_is_told_once_per_extension_and_address() -> None:
    again = replace(REFUSED_REGISTER, source="udp:192.0.2.51:49152", at=NOW - 9 * MINUTE)
    elsewhere = replace(REFUSED_REGISTER, source="tcp:[2001:db8::1]:5060")
    first, second = refused(again, REFUSED_REGISTER, elsewhere)
    assert "from udp:192.0.2.51:5060" in first.message + second.message
    assert {finding.evidence[1] for finding in (first, second)} == {
        "once in the last day",
        "2 times in the last day",
    }
    assert "2026-01-05T11:55:00Z REGISTER as 1001" in first.evidence[0]


def later(**changes: object) -> tuple[Registration, ...]:
    return (replace(BINDING, refreshed_at=NOW, **changes),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "then",
    [
        later(source="udp:192.0.2.51:5060", extension="1002"),
        later(source="udp:192.0.2.51:6000"),
        later(source="udp:192.0.2.99:5060", mac=Mac(7)),
    ],
    ids=["same source", "same extension and address", "same phone"],
)
def test_wrong_password_is_over_when_the_phone_registered(then: tuple[Registration, ...]) -> None:
    found = refused(replace(REFUSED_REGISTER, mac=Mac(7)), then=then)
    assert [finding for finding in found if finding.code != "P313"] == []


@pytest.mark.parametrize(
    "then",
    [
        (replace(BINDING, source=REFUSED_REGISTER.source),),
        later(source="udp:192.0.2.99:5060"),
        later(source="udp:192.0.2.51:6000", extension="1002", mac=None),
    ],
    ids=["before", "another phone", "another extension behind the same address"],
)
def test_wrong_password_is_not_over_by_others(then: tuple[Registration, ...]) -> None:
    assert [finding.code for finding in refused(REFUSED_REGISTER, then=then)] == ["P402"]


def test_refusal_of_another_day_is_forgotten() -> None:
    assert refused(replace(REFUSED_REGISTER, at=NOW - timedelta(hours=25))) == []


def test_search_for_extensions_is_one_finding_per_address() -> None:
    guesses = [
        replace(
            REFUSED_REGISTER,
            extension="",
            claimed=f"{{{n}}}",
            reason="unknown_user",
            at=NOW - n * MINUTE,
        )
        for n in range(1, 50)
    ]
    [finding] = refused(*guesses)
    assert finding.subject == "192.0.2.51"
    assert "'{1}'" in finding.message
    assert len(finding.evidence) == 6
    assert finding.evidence[-1] == "49 times in the last day"


def test_register_as_anothers_extension_is_told() -> None:
    [finding] = refused(replace(REFUSED_REGISTER, claimed="1002", reason="wrong_user"))
    assert finding.code == "P404"
    assert "'1002'" in finding.message


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (RebootStep.UNANSWERED, "P601"),
        (RebootStep.CHALLENGED, "P602"),
        (RebootStep.REFUSED, "P603"),
        (RebootStep.NOT_FETCHED, "P604"),
    ],
)
def test_each_end_of_a_reboot_has_its_fault(step: RebootStep, code: str) -> None:
    facts = replace(HEALTHY, reboots={MAC: replace(REBOOT, step=step)})
    assert codes(facts) == [code]
    assert codes(replace(facts, sightings={MAC: replace(SEEN, last_provisioned=NOW)})) == []
    assert code in codes(replace(facts, sightings={}))
    assert codes(replace(facts, devices={}, device_registrations={})) == []


@pytest.mark.parametrize(
    "step", [step for step in RebootStep if step is not RebootStep.FAILED], ids=str
)
def test_every_other_step_of_a_reboot_is_no_fault(step: RebootStep) -> None:
    ends = {"unanswered", "challenged", "refused", "not_fetched"}
    found = codes(replace(HEALTHY, reboots={MAC: replace(REBOOT, step=step)}))
    assert bool(found) is (step.value in ends)


def test_order_that_could_not_be_sent_counts_when_it_was_tried() -> None:
    failed = replace(REBOOT, step=RebootStep.FAILED, detail="no route {to} host")
    assert codes(replace(HEALTHY, reboots={MAC: failed})) == []
    facts = replace(HEALTHY, reboots={MAC: replace(failed, fault="P601")})
    [finding] = find_all(facts)
    assert finding.evidence[0].endswith("no answer, failed: no route {to} host")


def test_refusal_of_a_phone_that_knows_no_such_order_is_explained() -> None:
    for sip_code, says in ((489, "does not support"), (403, "trusts")):
        reboot = replace(
            REBOOT, step=RebootStep.REFUSED, sip_code=sip_code, sip_reason="{No}\r\nX: y"
        )
        [finding] = find_all(replace(HEALTHY, reboots={MAC: reboot}))
        assert f"{sip_code} {{No}}\\r\\nX: y" in finding.message
        assert says in finding.steps[-1]


def test_render_faults_of_other_codes_are_left_to_their_own_rules() -> None:
    for code in ("P308", "P701", "P702"):
        faults = {
            MAC: RenderFault(code=code, message="{x}\nline"),
            Mac(9): RenderFault(code=code, message=""),
        }
        found = find_all(replace(HEALTHY, render_faults=faults, expected={}))
        assert [finding.code for finding in found] == ([code] if code != "P308" else [])
        assert all("{x}\\nline" in finding.message for finding in found)


def test_site_templates_that_were_not_taken_are_told() -> None:
    found = find_all(replace(HEALTHY, template_problem="template acme/one.j2 line 3: no"))
    assert [(item.code, item.subject) for item in found] == [("P701", "site templates")]
    assert "one.j2 line 3" in found[0].message


def test_rules_are_found_by_file_alone() -> None:
    assert list(rules()) == sorted(rules())
