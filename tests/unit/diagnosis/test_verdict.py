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
from offhook.diagnosis.finding import Stage
from offhook.diagnosis.rules import find_all
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
