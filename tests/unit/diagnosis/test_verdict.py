"""The verdict: the stage by its proofs, what concerns the subject, and which fault comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offhook.core.secret import Secret
from offhook.diagnosis.examples import (
    ADDRESS,
    EXTENSION,
    HEALTHY,
    MAC,
    OTHER_MAC,
    REFUSED,
    REFUSED_REGISTER,
    SEEN,
    UNKNOWN,
)
from offhook.diagnosis.facts import ConfigFacts, Facts, RenderFault
from offhook.diagnosis.finding import Finding, Stage
from offhook.diagnosis.rules import fault, find_all
from offhook.diagnosis.verdict import Subject, Verdict, judge

PHONE = Subject(
    name=MAC.colons, macs=(MAC,), numbers=frozenset({"1001"}), addresses=frozenset({ADDRESS})
)
SILENT = replace(HEALTHY, registrations={}, device_registrations={})
STALE = {MAC: replace(SEEN, delivered=dict.fromkeys(SEEN.delivered, "b" * 64))}
FIRMLY_OFF = {"1001": replace(EXTENSION, is_enabled=False, secret=Secret("example"))}


def verdict(facts: Facts, subject: Subject = PHONE) -> Verdict:
    return judge(subject, facts, find_all(facts))


def test_healthy_phone_is_registered_without_findings() -> None:
    found = verdict(HEALTHY)
    assert (found.stage, found.missing, found.findings) == (Stage.REGISTERED, None, ())
    assert found.is_right
    assert found.summary.startswith("02:AC:CE:00:00:01 (Acme One, extension 1001) is right")


@pytest.mark.parametrize(
    ("facts", "stage", "missing"),
    [
        (replace(SILENT, sightings={}), Stage.SETUP, Stage.SEEN),
        (
            replace(HEALTHY, render_faults={MAC: RenderFault(code="P702", message="no")}),
            Stage.IDENTIFIED,
            Stage.RENDERED,
        ),
        (
            replace(SILENT, sightings={MAC: replace(SEEN, last_provisioned=None)}),
            Stage.RENDERED,
            Stage.DELIVERED,
        ),
        (replace(HEALTHY, sightings=STALE), Stage.RENDERED, Stage.DELIVERED),
        (replace(HEALTHY, sightings={}), Stage.RENDERED, Stage.DELIVERED),
        (SILENT, Stage.DELIVERED, Stage.APPLIED),
        (replace(SILENT, extensions=FIRMLY_OFF), Stage.REGISTERED, None),
    ],
    ids=["never", "unmade", "not fetched", "stale", "by hand", "silent", "disabled"],
)
def test_stage_is_the_last_one_before_a_missing_proof(
    facts: Facts, stage: Stage, missing: Stage | None
) -> None:
    found = verdict(facts)
    assert (found.stage, found.missing) == (stage, missing)


def test_why_comes_before_how_far() -> None:
    refusal = replace(REFUSED_REGISTER, source=f"udp:{ADDRESS}:5060")
    found = verdict(replace(SILENT, refused_registers=(refusal,)))
    assert [item.code for item in found.findings] == ["P402", "P401"]
    assert "P402" in found.summary


def test_right_phone_is_not_blamed_for_its_neighbour_behind_the_same_address() -> None:
    neighbour = replace(REFUSED, address=ADDRESS)
    found = verdict(replace(HEALTHY, attempts=(neighbour, *HEALTHY.attempts)))
    assert found.is_right


def test_setting_of_the_server_explains_a_phone_that_is_not_right() -> None:
    off = ConfigFacts(is_provisioning_enabled=False)
    assert verdict(replace(SILENT, config=off, sightings={})).findings[0].code == "P101"
    assert verdict(replace(HEALTHY, config=off)).is_right


def test_unknown_phone_is_judged_by_its_refusals() -> None:
    stranger = Subject(name=OTHER_MAC.colons, macs=(OTHER_MAC,))
    found = verdict(replace(HEALTHY, unknown=(UNKNOWN,)), stranger)
    assert found.stage is Stage.AUTHENTICATED
    assert found.findings[0].name == "unknown-mac"


def test_softphone_without_a_device_is_right_when_it_is_registered() -> None:
    facts = replace(HEALTHY, devices={}, sightings={}, device_registrations={})
    found = verdict(facts, Subject(name="1001", numbers=frozenset({"1001"})))
    assert found.stage is Stage.REGISTERED
    assert "registered as 1001 from udp:192.0.2.50:5060" in found.summary


# --- which fault comes first, and whose it is ----------------------------------------------------


def _found(code: str, subject: str = MAC.colons, **more: object) -> Finding:
    made = fault(code).finding(subject, **dict.fromkeys(_NAMES, "x"))
    return replace(made, **more)  # type: ignore[arg-type] # fields of a finding


_NAMES = ("mac", "near", "files", "extension", "event", "mac_colons", "vendor", "model", "address")
_STALE_SILENT = replace(SILENT, sightings=STALE)


def test_cause_comes_before_what_follows_from_it() -> None:
    findings = [_found("P310"), _found("P601")]
    ordered = judge(PHONE, _STALE_SILENT, findings).findings
    assert [item.code for item in ordered] == ["P601", "P310"]


def test_typo_comes_before_the_unknown_phone_that_it_explains() -> None:
    stranger = Subject(name=OTHER_MAC.colons, macs=(OTHER_MAC,))
    findings = [_found("P301", OTHER_MAC.colons), _found("P302", OTHER_MAC.colons)]
    ordered = judge(stranger, replace(HEALTHY, unknown=(UNKNOWN,)), findings).findings
    assert [item.code for item in ordered] == ["P302", "P301"]


def test_record_that_an_unknown_phone_may_mean_is_told_of_the_typo() -> None:
    typo = _found("P302", OTHER_MAC.colons, also_about=(MAC.colons,))
    silent = replace(SILENT, sightings={})
    assert [item.code for item in judge(PHONE, silent, [typo]).findings] == ["P302"]
    assert judge(PHONE, HEALTHY, [typo]).is_right


def test_refused_phone_is_found_by_its_mac_though_the_fault_is_of_its_network() -> None:
    turned_away = replace(REFUSED, fault="P801", status=403, address="203.0.113.7", mac=MAC)
    facts = replace(SILENT, sightings={}, attempts=(turned_away,))
    alone = replace(PHONE, addresses=frozenset())
    assert verdict(facts, alone).findings[0].code == "P801"


def test_phone_of_a_disabled_extension_need_not_register() -> None:
    off = replace(SILENT, extensions=FIRMLY_OFF)
    assert "P401" not in {item.code for item in verdict(off).findings}


def test_steps_begin_with_what_was_typed_where_the_phone_has_its_current_file() -> None:
    refusal = replace(REFUSED_REGISTER, source=f"udp:{ADDRESS}:5060")
    current = verdict(replace(SILENT, refused_registers=(refusal,))).findings[0]
    stale = replace(SILENT, refused_registers=(refusal,), sightings=STALE)
    older = next(item for item in verdict(stale).findings if item.code == "P402")
    assert "older password" not in "".join(current.steps)
    assert "older password" in older.steps[0]
